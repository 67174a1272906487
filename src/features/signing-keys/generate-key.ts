import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Algorithm } from './key.ts';
import { privateKeyPlace } from './private-key.ts';
import type { StoredKey } from './store.ts';

/** A fresh key, its private half sealed. RSA takes a noticeable part of a second: never call it inside a transaction. */
export async function generateKey(
  keyRing: KeyRing,
  alg: Algorithm,
  state: 'next' | 'current',
  now: number,
): Promise<StoredKey> {
  const pair = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  const publicJwk = await exportJWK(pair.publicKey);
  // Its RFC 7638 thumbprint: two keys never share a kid, not even after the database was set up anew, so a relying
  // party that cached an older one fetches ours instead of failing.
  const kid = await calculateJwkThumbprint(publicJwk);
  const privateJwk = await exportJWK(pair.privateKey);
  return {
    kid,
    alg,
    state,
    publicJwk: { ...publicJwk, kid, alg, use: 'sig' },
    privateKey: keyRing.seal(JSON.stringify({ ...privateJwk, kid, alg, use: 'sig' }), privateKeyPlace(kid)),
    createdAt: now,
    ...(state === 'current' ? { activatedAt: now } : {}),
  };
}
