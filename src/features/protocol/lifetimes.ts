import type { Configuration } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import type { Clients } from '../clients/module.ts';
import { longestTokenLifetime, type Settings } from '../settings/module.ts';
import { approvalSeconds } from './ciba.ts';
import { isFapi, longestCode } from './fapi.ts';

/** How long a person may take over a step, in seconds. */
export const interactionSeconds = 3600;
const deviceCodeSeconds = 600;
/** RFC 9126 §2.2: short. */
const pushedRequestSeconds = 60;

const seconds = (value: number): number => Math.max(1, Math.floor(value));

export interface LifetimeParts {
  readonly settings: () => Settings;
  readonly clients: Pick<Clients, 'find'>;
}

/** What the settings say, or the client's own (in seconds). */
export function lifetimesFor({ settings, clients }: LifetimeParts, clientId: string | undefined) {
  const own = clientId === undefined ? undefined : clients.find(clientId)?.metadata;
  const { accessToken, idToken, refreshTokenIdle, refreshTokenAbsolute } = settings().lifetimes;
  return {
    accessToken: own?.access_token_ttl ?? accessToken,
    idToken: own?.id_token_ttl ?? idToken,
    refreshTokenIdle: own?.refresh_token_idle_ttl ?? refreshTokenIdle,
    refreshTokenAbsolute: own?.refresh_token_absolute_ttl ?? refreshTokenAbsolute,
  };
}

/** How long a client's access token for an API lives, in seconds: no longer than either of them is content with. */
export function accessTokenSeconds(parts: LifetimeParts, clientId: string, ofApi: number | undefined): number {
  const own = parts.clients.find(clientId)?.metadata.access_token_ttl;
  if (ofApi === undefined) return own ?? parts.settings().lifetimes.accessToken;
  return Math.min(ofApi, own ?? ofApi);
}

/** How long a client's refresh token lives, in seconds, whose family `began` then (in seconds since the epoch, as `now`). */
export function refreshTokenSeconds(
  parts: LifetimeParts,
  { clientId, began, now }: { readonly clientId: string | undefined; readonly began: number; readonly now: number },
): number {
  const { refreshTokenIdle, refreshTokenAbsolute } = lifetimesFor(parts, clientId);
  return seconds(Math.min(refreshTokenIdle, began + refreshTokenAbsolute - now));
}

/** The library's `ttl`: how long each record lives, in seconds, from settings and client as they are when it is made. */
export function lifetimes(parts: LifetimeParts & { readonly clock: Clock }): NonNullable<Configuration['ttl']> {
  const current = parts.settings;
  const now = () => epochSeconds(parts.clock);
  const of = (client: { readonly clientId?: string | undefined } | undefined) => lifetimesFor(parts, client?.clientId);
  return {
    AuthorizationCode: (_ctx, _code, client) => {
      const { authorizationCode } = current().lifetimes;
      return isFapi(client) ? Math.min(authorizationCode, longestCode) : authorizationCode;
    },
    AccessToken: (_ctx, token, client) => token.resourceServer?.accessTokenTTL ?? of(client).accessToken,
    ClientCredentials: (_ctx, token, client) => token.resourceServer?.accessTokenTTL ?? of(client).accessToken,
    IdToken: (_ctx, _token, client) => of(client).idToken,
    DeviceCode: () => deviceCodeSeconds,
    BackchannelAuthenticationRequest: (ctx) => approvalSeconds(ctx),
    PushedAuthorizationRequest: () => pushedRequestSeconds,
    Interaction: () => interactionSeconds,
    // A grant outlives everything issued under it: its sign-in may start a last family of refresh tokens as it ends.
    Grant: (_ctx, grant) => current().lifetimes.sessionAbsolute + of(grant).refreshTokenAbsolute + longestTokenLifetime,
    RefreshToken: (_ctx, token, client) => {
      // It stays the same however often it is used, so that use does not make it live on.
      if (isFapi(client)) return seconds(of(client).refreshTokenAbsolute);
      const began = token.iiat ?? now();
      return refreshTokenSeconds(parts, { clientId: client?.clientId, began, now: now() });
    },
    Session: (_ctx, session) => {
      const { sessionIdle, sessionAbsolute } = current().lifetimes;
      const began = session.loginTs ?? now();
      return seconds(Math.min(sessionIdle, began + sessionAbsolute - now()));
    },
  };
}
