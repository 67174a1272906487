import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Random } from '../random.ts';
import { decryptFailed } from './errors.ts';
import { hmacSha256 } from './hash.ts';

/** The one cell of the database that a sealed value belongs to. Copied to another cell, it does not open. */
export interface Place {
  readonly table: string;
  readonly column: string;
  /** The primary key of the row. */
  readonly row: string;
}

/** The encryption keys at work. None of them is used as it is: each purpose has a subkey of its own. */
export interface KeyRing {
  /** Encrypts under the first key: `s1.<key id>.<base64url of nonce, ciphertext and tag>`. */
  seal(plain: string | Buffer, place: Place): string;
  /** Decrypts what any key of the ring sealed for this place. Throws `decrypt_failed`. */
  open(sealed: string, place: Place): Buffer;
  /** A subkey of the first key for one purpose, `length` bytes (32), by HKDF-SHA-256 (RFC 5869). */
  derive(purpose: string, length?: number): Buffer;
  /** The subkeys of all keys for one purpose, the first key's first: for what must stay valid while keys rotate. */
  deriveAll(purpose: string, length?: number): Buffer[];
}

const version = 's1';
const nonceLength = 12;
const tagLength = 16;

const subkey = (key: Buffer, purpose: string, length = 32): Buffer =>
  Buffer.from(hkdfSync('sha256', key, 'postern', purpose, length));

/** What names a key without revealing it: stored with the data, so that a wrong key is noticed at start. 22 characters. */
export const keyFingerprint = (key: Buffer): string =>
  hmacSha256(subkey(key, 'fingerprint'), 'postern encryption key').slice(0, 22);

/** Whether a stored text was made by `seal`, for columns that hold sealed and plain values. */
export const isSealed = (text: string): boolean => text.startsWith(`${version}.`);

/** A ring over raw 32-byte keys: the first encrypts, all decrypt. At least one. */
export function createKeyRing({ keys, random }: { keys: readonly Buffer[]; random: Random }): KeyRing {
  const [first] = keys;
  if (first === undefined) throw new TypeError('a key ring needs at least one key');
  // Key objects, made once: setting up a cipher from raw bytes costs four times as much as the encryption.
  const sealing = keys.map((key) => ({
    id: keyFingerprint(key).slice(0, 8),
    key: createSecretKey(subkey(key, 'seal')),
  }));
  const [current] = sealing as [(typeof sealing)[number]];

  return {
    seal(plain, place) {
      const nonce = random.bytes(nonceLength);
      const cipher = createCipheriv('aes-256-gcm', current.key, nonce, { authTagLength: tagLength });
      cipher.setAAD(boundTo(place, current.id));
      const body = [nonce, typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain)];
      body.push(cipher.final(), cipher.getAuthTag());
      return `${version}.${current.id}.${Buffer.concat(body).toString('base64url')}`;
    },
    open(sealed, place) {
      const [format, id, text, ...rest] = sealed.split('.');
      const key = sealing.find((candidate) => candidate.id === id);
      if (format !== version || text === undefined || rest.length > 0 || key === undefined) {
        throw decryptFailed(describe(place));
      }
      return decrypt(Buffer.from(text, 'base64url'), key, place);
    },
    derive: (purpose, length) => subkey(first, purposeName(purpose), length),
    deriveAll: (purpose, length) => keys.map((key) => subkey(key, purposeName(purpose), length)),
  };
}

/** Callers' purposes have a name space of their own, so that none can ask for the sealing key. */
const purposeName = (purpose: string): string => `use:${purpose}`;

function decrypt(body: Buffer, key: { id: string; key: KeyObject }, place: Place): Buffer {
  if (body.length < nonceLength + tagLength) throw decryptFailed(describe(place));
  const nonce = body.subarray(0, nonceLength);
  const decipher = createDecipheriv('aes-256-gcm', key.key, nonce, { authTagLength: tagLength });
  decipher.setAAD(boundTo(place, key.id));
  decipher.setAuthTag(body.subarray(-tagLength));
  try {
    return Buffer.concat([decipher.update(body.subarray(nonceLength, -tagLength)), decipher.final()]);
  } catch (cause) {
    throw decryptFailed(describe(place), cause);
  }
}

/**
 * The additional data: whoever can write to the database must not be able to move a sealed value to another row
 * (one person's secret to his own account) or pass it off under another key.
 */
const boundTo = ({ table, column, row }: Place, keyId: string): Buffer =>
  Buffer.from(JSON.stringify([version, keyId, table, column, row]));

const describe = ({ table, column, row }: Place): string => `${table}.${column} of ${row}`;
