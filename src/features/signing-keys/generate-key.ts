import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import { type Algorithm, isForEncryption } from './key.ts';
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
  // Without `alg` an elliptic key serves every form of ECDH-ES (RFC 7518 §4.6).
  const about = isForEncryption(alg) ? { use: 'enc', ...(alg === 'ECDH-ES' ? {} : { alg }) } : { alg, use: 'sig' };
  return {
    kid,
    alg,
    state,
    publicJwk: { ...publicJwk, kid, ...about },
    privateKey: keyRing.seal(JSON.stringify({ ...privateJwk, kid, ...about }), privateKeyPlace(kid)),
    createdAt: now,
    ...(state === 'current' ? { activatedAt: now } : {}),
  };
}
