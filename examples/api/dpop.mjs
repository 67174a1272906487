import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';

/** How long a proof counts, in seconds; one that was used is remembered for that long. */
const proofSeconds = 300;
const algorithms = ['ES256', 'PS256', 'EdDSA', 'Ed25519'];

/** Proofs that were used, by what they are called, with the time at which they stop counting. An API of several nodes shares this. */
const used = new Map();

function isNew(name) {
  const now = Date.now();
  for (const [other, until] of used) {
    if (until > now) break;
    used.delete(other);
  }
  if (used.has(name)) return false;
  used.set(name, now + 2 * proofSeconds * 1000);
  return true;
}

const withoutQuery = (address) => {
  const { origin, pathname } = new URL(address);
  return origin + pathname;
};

/**
 * Whether a proof is of the key that the token is bound to, for this very request and token, and comes for the first time
 * (RFC 9449 §4.3).
 */
export async function isProven({ proof, token, method, url, thumbprint }) {
  if (typeof proof !== 'string' || proof.includes(',')) return false;
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms,
      maxTokenAge: proofSeconds,
      clockTolerance: 10,
      requiredClaims: ['jti', 'htm', 'htu', 'ath'],
    });
    const ofKey = await calculateJwkThumbprint(protectedHeader.jwk);
    const ofToken = createHash('sha256').update(token).digest('base64url');
    const isForThis = payload.htm === method && withoutQuery(payload.htu) === withoutQuery(url);
    return ofKey === thumbprint && payload.ath === ofToken && isForThis && isNew(`${ofKey} ${payload.jti}`);
  } catch {
    return false;
  }
}
