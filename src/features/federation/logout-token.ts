import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import type { Clock } from '../../foundation/clock.ts';
import type { Connect } from './connect.ts';
import { issuerOf, type Provider } from './provider.ts';
import type { Json } from './providers/preset.ts';

/** Whom a provider has signed out. */
export interface SignedOut {
  readonly issuer: string;
  readonly subject: string;
}

const event = 'http://schemas.openid.net/event/backchannel-logout';
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
      clockTolerance: 30,
      maxTokenAge: 300,
      requiredClaims: ['sub', 'jti', 'events'],
      currentDate: new Date(clock.now()),
    };
    // Whoever sends what is no token has us ask nobody.
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) || token.length > 16_384) return undefined;
    try {
      const keys = createLocalJWKSet((await connect.keysOf(provider)) as JSONWebKeySet);
      const { payload } = await jwtVerify(token, keys, options);
      const isEvent = typeof (payload['events'] as Json | undefined)?.[event] === 'object';
      // An ID token is none: it has a nonce, and no such event.
      return isEvent && payload['nonce'] === undefined ? { issuer, subject: String(payload.sub) } : undefined;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  };
}
