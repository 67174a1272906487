import type { JWK } from 'jose';
import type { KeyRing, Place } from '../../foundation/crypto/key-ring.ts';
import { signingKeyUnreadable } from './errors.ts';
import type { StoredKey } from './store.ts';

/** The one cell that a sealed private key belongs to. */
export const privateKeyPlace = (kid: string): Place => ({ table: 'signing_keys', column: 'private_key', row: kid });

/** The private half of a key that signs. Throws `signing_key_unreadable`. */
export function openPrivateKey(keyRing: KeyRing, key: StoredKey): JWK {
  try {
    return JSON.parse(keyRing.open(key.privateKey, privateKeyPlace(key.kid)).toString('utf8')) as JWK;
  } catch (cause) {
    throw signingKeyUnreadable(key.kid, cause);
  }
}
