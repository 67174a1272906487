import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type Answer, send } from '../../kit/relying-app.ts';

/** A client's own key pair. */
export interface ClientKey {
  readonly jwks: { readonly keys: (JWK & { kty: 'EC' })[] };
  readonly privateKey: CryptoKey;
}

export async function makeClientKey(): Promise<ClientKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { privateKey, jwks: { keys: [{ ...(await exportJWK(publicKey)), kty: 'EC', alg: 'ES256', use: 'sig' }] } };
}

/** A client assertion (RFC 7523 §3), right unless claims say otherwise. */
export function assertionFor(
  clientId: string,
  audience: string,
  key: CryptoKey,
  claims: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const right = { iss: clientId, sub: clientId, aud: audience, jti: randomUUID(), iat: now, exp: now + 60 };
  return new SignJWT({ ...right, ...claims }).setProtectedHeader({ alg: 'ES256' }).sign(key);
}

/** Posts a form that authenticates with the assertion. */
export const postWithAssertion = (url: string, assertion: string, form: Record<string, string>): Promise<Answer> =>
  send(url, {
    method: 'POST',
    body: new URLSearchParams({
      ...form,
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }),
  });
