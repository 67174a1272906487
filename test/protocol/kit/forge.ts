import { createPrivateKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import type { Product } from '../../kit/product.ts';

type Part = Record<string, unknown> | string;

const encode = (part: Part): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/** Header and claims of a JWT, unverified. */
export const partsOf = (jwt: unknown) => {
  const [header = '', claims = ''] = String(jwt)
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString());
  return {
    header: JSON.parse(header) as Record<string, unknown>,
    claims: JSON.parse(claims) as Record<string, unknown>,
  };
};

/** Signs anything as ES256, with any key. */
export function forge(header: Part, claims: Part, jwk: JsonWebKey): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** A JWT without a signature. */
export const unsigned = (header: Part, claims: Part): string => `${encode(header)}.${encode(claims)}.`;

/** The key that the product signs with: what nobody outside has. */
export function ownKey({ app }: Product): JsonWebKey {
  const key = app.core.signingKeys.current().active.find(({ alg }) => alg === 'ES256');
  if (!key) throw new Error('the product has no ES256 key');
  return key.privateJwk as JsonWebKey;
}

export const foreignKey = (): JsonWebKey =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
