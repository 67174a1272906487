import { equalHashes, hmacSha256 } from './hash.ts';

/** Signs cookies and checks their signatures: what Koa and oidc-provider take in place of a list of keys. */
export interface CookieSigner {
  sign(data: string): string;
  verify(data: string, signature: string): boolean;
  /** Which of the keys has signed it; -1 for none. A cookie that an older key signed is signed anew. */
  index(data: string, signature: string): number;
}

/**
 * A signer that signs with the first of the keys (32 bytes each, at least one) and accepts them all. The library's own
 * makes an HMAC key from text at every call and compares by two more HMACs: thirty times the work, several times a sign-in.
 */
export function createCookieSigner(keys: readonly Buffer[]): CookieSigner {
  const [current] = keys;
  if (current === undefined) throw new TypeError('a signer of cookies needs at least one key');
  const index = (data: string, signature: string): number =>
    keys.findIndex((key) => equalHashes(hmacSha256(key, data), signature));
  return {
    sign: (data) => hmacSha256(current, data),
    verify: (data, signature) => index(data, signature) !== -1,
    index,
  };
}
