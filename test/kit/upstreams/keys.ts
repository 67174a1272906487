import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { JWK } from 'jose';

/** How the next token is to be wrong. */
export interface Forgery {
  /** Other claims; `undefined` leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /**
   * `none`: no signature, `alg` none. `hs256-with-public-key`: HMAC keyed with the published key (algorithm confusion).
   * `unknown-kid`: a key that is not published. `foreign-key`: another key under the published `kid`.
   */
  readonly signature?: 'none' | 'hs256-with-public-key' | 'unknown-kid' | 'foreign-key';
}

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const makeKey = (): SigningKey => ({
  kid: randomBytes(8).toString('hex'),
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }),
});

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

type Claims = Readonly<Record<string, unknown>>;

/** The keys of a stand-in: the first signs. RS256, which all of them use. */
export class Keys {
  #keys: SigningKey[] = [];

  /** Made when first needed: plain OAuth 2.0 never is. */
  #current(): SigningKey {
    const current = this.#keys[0] ?? makeKey();
    this.#keys[0] = current;
    return current;
  }

  /** A new key signs from now on. The former stays published, unless it is dropped. */
  rotate({ dropFormer = false } = {}): void {
    this.#keys = [makeKey(), ...(dropFormer ? [] : this.#keys)];
  }

  published(): { keys: JWK[] } {
    this.#current();
    const keys = this.#keys.map(({ kid, publicKey }) => {
      return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' } as JWK;
    });
    return { keys };
  }

  /** Signs claims with the current key, or under its name with another. */
  signAs(claims: Claims, header: Claims = {}, by?: KeyObject): string {
    const { kid, privateKey } = this.#current();
    const signed = `${segment({ alg: 'RS256', kid, ...header })}.${segment(claims)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), by ?? privateKey).toString('base64url')}`;
  }

  /** The public key, which everybody knows, as the secret of an HMAC. */
  hmac(claims: Claims, header: Claims = {}): string {
    const { kid, publicKey } = this.#current();
    const signed = `${segment({ ...header, alg: 'HS256', kid })}.${segment(claims)}`;
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
  }

  /** Signs claims, wrongly when told so. */
  sign(claims: Claims, { forgery = {}, header = {} }: { forgery?: Forgery | undefined; header?: Claims } = {}): string {
    const payload = { ...claims, ...forgery.claims };
    if (forgery.signature === 'none') return unsigned(payload, header);
    if (forgery.signature === 'hs256-with-public-key') return this.hmac(payload, header);
    if (forgery.signature === undefined) return this.signAs(payload, header);
    const named = forgery.signature === 'unknown-kid' ? { kid: 'a-kid-that-nobody-published' } : {};
    return this.signAs(payload, { ...header, ...named }, makeKey().privateKey);
  }
}

/** A token that says of itself that nobody signed it. */
export const unsigned = (claims: Claims, header: Claims = {}): string =>
  `${segment({ ...header, alg: 'none' })}.${segment(claims)}.`;

/** Ways in which an ID token of `issuer` is not to be believed, by name. */
export const forgeries = (now = Math.floor(Date.now() / 1000)): Readonly<Record<string, Forgery>> => ({
  'without a nonce': { claims: { nonce: undefined } },
  'with another nonce': { claims: { nonce: 'another-nonce' } },
  'of another issuer': { claims: { iss: 'https://another.example' } },
  'without a signature (alg none)': { signature: 'none' },
  'signed by HS256 with the public key': { signature: 'hs256-with-public-key' },
  'of a key that nobody published': { signature: 'unknown-kid' },
  'of another key under a published name': { signature: 'foreign-key' },
  expired: { claims: { iat: now - 7200, exp: now - 3600 } },
  'issued tomorrow': { claims: { iat: now + 86_400, nbf: now + 86_400, exp: now + 90_000 } },
  'for another audience': { claims: { aud: 'another-client' } },
  'for several, of which another asked (azp)': { claims: { aud: ['client', 'another-client'], azp: 'another-client' } },
  'without a subject': { claims: { sub: undefined } },
});
