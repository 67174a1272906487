import { equalHashes, sha256 } from '../../foundation/crypto/hash.ts';
import type { Random } from '../../foundation/random.ts';

/** How many codes a set has. */
export const recoveryCodeCount = 10;

/** Crockford's base 32: no letter that is read as a digit, and none that makes words. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const half = 5;

/** Ten new codes of 50 bits, as people see them: `k3v9x-7q2mp`. */
export const newRecoveryCodes = (random: Random): string[] =>
  Array.from({ length: recoveryCodeCount }, () => {
    const symbols = [...random.bytes(half * 2)].map((byte) => alphabet.charAt(byte % alphabet.length)).join('');
    return `${symbols.slice(0, half)}-${symbols.slice(half)}`;
  });

/** A code as it is compared: what people make of letters and spaces when they copy by hand does not count. */
export const plainCode = (typed: string): string =>
  typed.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1');

/** The hash of a code, salted with whose it is; it is kept sealed, as fifty bits alone could be tried out. */
export const recoveryHash = (userId: string, code: string): string => sha256(JSON.stringify([userId, plainCode(code)]));

/** A code of a person that was not used yet. */
export interface StoredCode {
  readonly id: string;
  readonly hash: string;
}

/** The stored code that was typed. All are compared, so that time does not tell which one matched. */
export function findCode(codes: readonly StoredCode[], hash: string): StoredCode | undefined {
  let found: StoredCode | undefined;
  for (const code of codes) if (equalHashes(code.hash, hash)) found = code;
  return found;
}
