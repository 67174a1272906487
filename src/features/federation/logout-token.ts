import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../foundation/clock.ts';
import type { Connect } from './connect.ts';
import { issuerOf, type Provider } from './provider.ts';
import type { Json } from './providers/preset.ts';

/** Whom a provider has signed out: a person, one of their sessions there, or both. */
export interface SignedOut {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly sid: string | undefined;
  /** `jti`, by which it is known again. */
  readonly tokenId: string;
  /** Until when it would count, in milliseconds. */
  readonly until: number;
}

const event = 'http://schemas.openid.net/event/backchannel-logout';
/** How old it may be, and how far the clocks may differ, in seconds. */
const maxAge = 300;
const tolerance = 30;
/** No `none`, and no HMAC: its key would be a secret that others know. */
const algorithms = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
];

/**
 * Reads a logout token (OpenID Connect Back-Channel Logout §2.6); undefined for one that does not hold. It must be
 * minutes old at most, so that one which was kept cannot sign somebody out for ever.
 */
export function createReadLogoutToken({ clock, connect }: { clock: Clock; connect: Pick<Connect, 'keysOf'> }) {
  return async (provider: Provider, token: string): Promise<SignedOut | undefined> => {
    const issuer = issuerOf(provider);
    const options = {
      issuer,
      audience: provider.definition.client_id,
      algorithms,
      clockTolerance: tolerance,
      maxTokenAge: maxAge,
      requiredClaims: ['iat', 'jti', 'events'],
      currentDate: new Date(clock.now()),
    };
    // Whoever sends what is no token has us ask nobody.
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) || token.length > 16_384) return undefined;
    try {
      const keys = createLocalJWKSet((await connect.keysOf(provider)) as JSONWebKeySet);
      const { payload } = await jwtVerify(token, keys, options);
      // An ID token is none: it has a nonce, and no such event.
      return isEvent(payload['events']) && payload['nonce'] === undefined ? signedOut(issuer, payload) : undefined;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  };
}

/** §2.4: the event's value is a JSON object. */
function isEvent(events: unknown): boolean {
  const told = (events as Json | null)?.[event];
  return typeof told === 'object' && told !== null && !Array.isArray(told);
}

function signedOut(issuer: string, { sub: subject, sid, jti, iat = 0 }: JWTPayload): SignedOut | undefined {
  const isText = (value: unknown): value is string | undefined =>
    value === undefined || (typeof value === 'string' && value !== '' && value.length <= 1000);
  // §2.4: of the two at least one.
  const isSomebody = isText(subject) && isText(sid) && (subject !== undefined || sid !== undefined);
  if (!isSomebody || !isText(jti) || jti === undefined) return undefined;
  // A second more than it is taken for: what is rounded must not let it in again.
  return { issuer, subject, sid, tokenId: jti, until: (iat + maxAge + tolerance + 1) * 1000 };
}
