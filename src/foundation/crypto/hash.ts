import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto';

/** SHA-256 in base64url, 43 characters: how values of 256 unguessable bits (tokens, codes, secrets) are stored. */
export const sha256 = (value: string | Buffer): string => hash('sha256', value, 'base64url');

/** HMAC-SHA-256 in base64url: how guessable values (user codes, unknown logins) are stored or referred to. */
export const hmacSha256 = (key: Buffer, value: string | Buffer): string =>
  createHmac('sha256', keyObjectOf(key)).update(value).digest('base64url');

/** Setting up an HMAC from raw bytes costs six times as much as from a key object. */
const keyObjects = new WeakMap<Buffer, KeyObject>();

function keyObjectOf(key: Buffer): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  keyObjects.set(key, made);
  return made;
}

/** Whether two hashes are equal, in a time that tells nothing of where they differ (a remote guesser measures it). */
export function equalHashes(one: string, other: string): boolean {
  const left = Buffer.from(one);
  const right = Buffer.from(other);
  return left.length === right.length && timingSafeEqual(left, right);
}
