import { hmacSha256 } from '../../foundation/crypto/hash.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Random } from '../../foundation/random.ts';

/** How long a code or link works, in milliseconds (NIST SP 800-63B-4 §3.1.3.2: at most ten minutes). */
export const emailSignInMs = 10 * 60 * 1000;

/** RFC 8628 §6.1: no vowels, so that they make no words. 34 bits, of which five guesses are let in. */
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ';
const half = 4;

/** A code as people see it: `WDJB-MJHT`. */
export function newCode(random: Random): string {
  let symbols = '';
  while (symbols.length < 2 * half) {
    const [byte = 255] = random.bytes(1);
    // Bytes that would make some letters likelier than others are thrown again.
    if (byte < 240) symbols += alphabet.charAt(byte % alphabet.length);
  }
  return `${symbols.slice(0, half)}-${symbols.slice(half)}`;
}

/** A code as it is compared: capitals, spaces and dashes do not count. */
export const plainCode = (typed: string): string => typed.toUpperCase().replaceAll(/[^A-Z]/g, '');

/** The hash of a code or of a link's secret, bound to the browser that asked. Keyed, because 34 bits could be tried out. */
export const secretHashes = (keyRing: KeyRing): ((id: string, secret: string) => string) => {
  let key: Buffer | undefined;
  return (id, secret) => {
    key ??= keyRing.derive('e-mail sign-in');
    return hmacSha256(key, JSON.stringify([id, secret]));
  };
};
