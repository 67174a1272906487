import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { ExternalSigningKey, type JWK } from 'oidc-provider';

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

  override sign(): never {
    throw new Error('a key that is only published was asked to sign');
  }
}

/** The key store's entry for a public key. It must stand behind the active ones: the first key that fits signs. */
export const publishedKey = (jwk: JWK): ExternalSigningKey => new PublishedOnly(jwk);
