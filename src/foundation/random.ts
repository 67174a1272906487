import { randomBytes } from 'node:crypto';

/** Randomness, passed in so that tests can repeat themselves. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Buffer;
}

export const systemRandom: Random = { bytes: (length) => randomBytes(length) };

/** An unguessable value of 256 bits in base64url: 43 characters. */
export const secretToken = (random: Random): string => random.bytes(32).toString('base64url');
