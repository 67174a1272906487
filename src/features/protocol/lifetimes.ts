import type { Configuration } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import { longestTokenLifetime, type Settings } from '../settings/module.ts';
import { isFapi, longestCode } from './fapi.ts';

/** How long a person may take over a step, in seconds. */
export const interactionSeconds = 3600;
const deviceCodeSeconds = 600;
/** RFC 9126 §2.2: short. */
const pushedRequestSeconds = 60;

const seconds = (value: number): number => Math.max(1, Math.floor(value));

/** How long a refresh token lives, in seconds, whose family `began` then (in seconds since the epoch, as `now`). */
export function refreshTokenSeconds(
  { lifetimes: { refreshTokenIdle, refreshTokenAbsolute } }: Settings,
  { began, now }: { readonly began: number; readonly now: number },
): number {
  return seconds(Math.min(refreshTokenIdle, began + refreshTokenAbsolute - now));
}

/** The library's `ttl`: how long each record lives, in seconds, from the settings as they are when it is made. */
export function lifetimes(current: () => Settings, clock: Clock): NonNullable<Configuration['ttl']> {
  const now = () => Math.floor(clock.now() / 1000);
  return {
    AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? current().lifetimes.accessToken,
    ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? current().lifetimes.accessToken,
    AuthorizationCode: (_ctx, _code, client) => {
      const { authorizationCode } = current().lifetimes;
      return isFapi(client) ? Math.min(authorizationCode, longestCode) : authorizationCode;
    },
    IdToken: () => current().lifetimes.idToken,
    DeviceCode: () => deviceCodeSeconds,
    PushedAuthorizationRequest: () => pushedRequestSeconds,
    Interaction: () => interactionSeconds,
    // A grant outlives everything issued under it: its sign-in may start a last family of refresh tokens as it ends.
    Grant: () => current().lifetimes.sessionAbsolute + current().lifetimes.refreshTokenAbsolute + longestTokenLifetime,
    RefreshToken: (_ctx, token, client) => {
      // It stays the same however often it is used, so that use does not make it live on.
      if (isFapi(client)) return seconds(current().lifetimes.refreshTokenAbsolute);
      const began = token.iiat ?? now();
      return refreshTokenSeconds(current(), { began, now: now() });
    },
    Session: (_ctx, session) => {
      const { sessionIdle, sessionAbsolute } = current().lifetimes;
      const began = session.loginTs ?? now();
      return seconds(Math.min(sessionIdle, began + sessionAbsolute - now()));
    },
  };
}
