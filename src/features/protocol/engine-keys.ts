import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { ExternalSigningKey, type JWK } from 'oidc-provider';
import type { KeySet } from '../signing-keys/module.ts';

/**
 * A key that is published and verifies but never signs: the next one, and retired ones whose tokens may still live.
 * The library refuses public keys in its key store, but takes keys that sign elsewhere; this one signs nowhere.
 */
class PublishedOnly extends ExternalSigningKey {
  readonly #key: KeyObject;

  constructor(jwk: JWK) {
    super();
    this.#key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
    // The library's accessors have setters that its types do not tell of.
    Object.assign(this, { kid: jwk.kid, alg: jwk.alg });
  }

  override keyObject(): KeyObject {
    return this.#key;
  }

  override sign(_data: Uint8Array): Uint8Array {
    throw new Error('a key that is only published was asked to sign');
  }
}

/**
 * A key on an elliptic curve, which signs at once in this thread. WebCrypto takes the same 28 µs on the thread pool,
 * where it also waits behind password hashes, and as long again for the hop and for the form of its signature.
 */
class SignsHere extends PublishedOnly {
  readonly #private: KeyObject;

  constructor(jwk: JWK) {
    super(jwk);
    this.#private = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' });
  }

  override sign(data: Uint8Array): Uint8Array {
    return this.alg === 'ES256' ? joined(sign('sha256', data, this.#private)) : sign(null, data, this.#private);
  }
}

/** The bytes of one number of a P-256 signature. */
const half = 32;

/**
 * An ECDSA signature as JWS wants it, both numbers one behind the other (RFC 7518 §3.4), from the DER that OpenSSL makes.
 * Node.js converts it too (`dsaEncoding`), and takes as long for that as for signing.
 */
export function joined(der: Uint8Array): Uint8Array {
  const signature = new Uint8Array(2 * half);
  // SEQUENCE (2 bytes), then twice INTEGER (2 bytes) with its number, without leading zeros or with one for its sign.
  const secondAt = 4 + (der[3] ?? 0);
  place(der.subarray(4, secondAt), signature, half);
  place(der.subarray(secondAt + 2), signature, 2 * half);
  return signature;
}

function place(number: Uint8Array, into: Uint8Array, end: number): void {
  const bare = number.length > half ? number.subarray(number.length - half) : number;
  into.set(bare, end - bare.length);
}

/** The key store's entry for a public key. It must stand behind the active ones: the first key that fits signs. */
export const publishedKey = (jwk: JWK): ExternalSigningKey => new PublishedOnly(jwk);

/** The key store's entry for a key that signs. RSA takes ten times as long: that is left to the thread pool. */
export const activeKey = (jwk: JWK): ExternalSigningKey | JWK =>
  jwk.kty === 'RSA' ? { ...jwk, use: 'sig' } : new SignsHere(jwk);

/** The key store: what signs, what verifies, and what others encrypt to. */
export const allKeys = ({ active, published, decrypting }: KeySet): (ExternalSigningKey | JWK)[] => [
  ...active.map(({ privateJwk }) => activeKey(privateJwk as never)),
  ...published.map((jwk) => publishedKey(jwk as never)),
  ...decrypting.map(({ privateJwk }) => privateJwk as JWK),
];
