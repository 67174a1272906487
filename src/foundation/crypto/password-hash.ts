import { hash as argon2Hash, argon2id, verify as argon2Verify } from 'argon2';
import type { Random } from '../random.ts';
import { passwordHashUnreadable, passwordTooLong } from './errors.ts';
import type { PasswordQueue } from './password-queue.ts';

/** What a hash costs (RFC 9106 §3.1). */
export interface HashParameters {
  /** KiB. */
  readonly memory: number;
  /** Passes over the memory. */
  readonly time: number;
  /** Lanes. */
  readonly parallelism: number;
}

/** Turns passwords into Argon2id hashes in PHC form and checks them, a few at a time. */
export interface PasswordHash {
  /** A fresh hash under the current parameters. Throws `password_too_long`, `busy`. */
  hash(password: string): Promise<string>;
  /** Whether this is the password. Throws `password_too_long`, `busy`, `password_hash_unreadable`. */
  verify(phc: string, password: string): Promise<boolean>;
  /** Whether the hash was made with other parameters than the current ones. */
  needsRehash(phc: string): boolean;
  /** Always `false`, at the cost of a check: or the time of the answer would tell which accounts exist. Throws as `verify`. */
  verifyUnknown(password: string): Promise<false>;
}

export interface PasswordHashOptions {
  /** The parameters as they are now; they may change while the server runs. */
  readonly parameters: () => HashParameters;
  readonly queue: PasswordQueue;
  readonly random: Random;
}

const codePointLimit = 1024;
const byteLimit = 4096;
const saltLength = 16;
const hashLength = 32;

/** A hasher whose work goes through the given queue. */
export function createPasswordHash({ parameters, queue, random }: PasswordHashOptions): PasswordHash {
  async function verify(phc: string, password: string): Promise<boolean> {
    const text = normalise(password);
    if (readPasswordHash(phc) === undefined) throw passwordHashUnreadable();
    return queue.run(() => argon2Verify(phc, text));
  }

  return {
    async hash(password) {
      const text = normalise(password);
      const { memory, time, parallelism } = parameters();
      const cost = { memoryCost: memory, timeCost: time, parallelism };
      const salt = random.bytes(saltLength);
      return queue.run(() => argon2Hash(text, { type: argon2id, hashLength, salt, ...cost }));
    },
    verify,
    needsRehash(phc) {
      const made = readPasswordHash(phc);
      const wanted = parameters();
      return (
        made === undefined ||
        made.memory !== wanted.memory ||
        made.time !== wanted.time ||
        made.parallelism !== wanted.parallelism
      );
    },
    async verifyUnknown(password) {
      await verify(unmatchable(parameters(), random), password);
      return false;
    },
  };
}

/**
 * The form that is hashed: NFC, so that the same letters typed on another keyboard match. Oversized input is refused
 * before anything is spent on it.
 */
function normalise(password: string): string {
  if (password.length > byteLimit || Buffer.byteLength(password) > byteLimit) throw passwordTooLong();
  if (Array.from(password).length > codePointLimit) throw passwordTooLong();
  return password.normalize('NFC');
}

const phcForm = /^\$argon2id\$v=19\$([a-z0-9=,]{11,32})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,171}$/;

/** Makers disagree about the order of the parameters, so any is taken. */
const phcParameters = /^(?=.*\bm=(\d{1,7})\b)(?=.*\bt=(\d{1,3})\b)(?=.*\bp=(\d{1,3})\b)[mtp]=\d+,[mtp]=\d+,[mtp]=\d+$/;

/**
 * The parameters of an Argon2id hash in PHC form, or `undefined` when it is none or one whose check would be a weapon:
 * more than 2 GiB, 100 passes or 64 lanes. For hashes that come from elsewhere too.
 */
export function readPasswordHash(phc: string): HashParameters | undefined {
  const match = phcParameters.exec(phcForm.exec(phc)?.[1] ?? '');
  if (match === null) return undefined;
  const [memory = 0, time = 0, parallelism = 0] = match.slice(1).map(Number);
  const sane = between(1, parallelism, 64) && between(1, time, 100) && between(8 * parallelism, memory, 2 ** 21);
  return sane ? { memory, time, parallelism } : undefined;
}

const between = (least: number, value: number, most: number): boolean => least <= value && value <= most;

/** A hash that no password has, of the current cost: random salt and random result. */
function unmatchable({ memory, time, parallelism }: HashParameters, random: Random): string {
  const encode = (length: number) => random.bytes(length).toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${memory},t=${time},p=${parallelism}$${encode(saltLength)}$${encode(hashLength)}`;
}
