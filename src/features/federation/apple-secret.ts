import { createPrivateKey, sign } from 'node:crypto';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** For how long one is good, in seconds: made anew for each request, so minutes are enough (Apple allows six months). */
const secretSeconds = 300;

export interface AppleKey {
  readonly teamId: string;
  readonly keyId: string;
  readonly clientId: string;
  /** PKCS #8 PEM, as Apple hands it out (`AuthKey_….p8`). */
  readonly privateKey: string;
}

/**
 * The secret that Apple takes: a JWT signed with the developer's key, by ES256.
 * https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
 */
export function appleSecret({ teamId, keyId, clientId, privateKey }: AppleKey, issuer: string, clock: Clock): string {
  const now = epochSeconds(clock);
  const claims = { iss: teamId, iat: now, exp: now + secretSeconds, aud: issuer, sub: clientId };
  const signed = `${part({ alg: 'ES256', kid: keyId })}.${part(claims)}`;
  const key = { key: createPrivateKey(privateKey), dsaEncoding: 'ieee-p1363' } as const;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/** Whether a text is a key that can sign for Apple: P-256, private. */
export function isAppleKey(pem: string): boolean {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}
