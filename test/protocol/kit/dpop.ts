import { createHash, randomUUID } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** A key that tokens are bound to. */
export interface ProofKey {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  readonly thumbprint: string;
}

export async function makeProofKey(alg = 'ES256'): Promise<ProofKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

/** What a proof says and how; right unless told otherwise. */
export interface Proof {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  /** The access token that is presented with it. */
  readonly token?: string | undefined;
}

/** A DPoP proof for a request (RFC 9449 §4.2), as its header. */
export async function proofFor(
  { privateKey, jwk }: ProofKey,
  [method, url]: readonly [method: string, url: string],
  { claims = {}, header = {}, token }: Proof = {},
): Promise<{ dpop: string }> {
  const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') };
  const right = { jti: randomUUID(), iat: Math.floor(Date.now() / 1000), htm: method, htu: url, ...ath };
  const dpop = await new SignJWT({ ...right, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(privateKey);
  return { dpop };
}
