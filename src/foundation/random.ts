import { randomFillSync } from 'node:crypto';

/** Randomness, passed in so that tests can repeat themselves. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Buffer;
}

/** Bytes fetched ahead: a call for sixteen takes almost as long as one for four thousand, and every request needs a few. */
const ahead = Buffer.alloc(4096);
let used = ahead.length;

export const systemRandom: Random = {
  bytes(length) {
    if (length > ahead.length / 16) return randomFillSync(Buffer.alloc(length));
    if (used + length > ahead.length) {
      randomFillSync(ahead);
      used = 0;
    }
    const bytes = Buffer.from(ahead.subarray(used, used + length));
    // What was given out must not be found in memory again, nor given out twice.
    ahead.fill(0, used, used + length);
    used += length;
    return bytes;
  },
};

/** An unguessable value of 256 bits in base64url: 43 characters. */
export const secretToken = (random: Random): string => random.bytes(32).toString('base64url');
