import type Provider from 'oidc-provider';
import type { Account, AdapterPayload, Client, Grant, ResourceServerInstance } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import type { Random } from '../../foundation/random.ts';
import type { Clients } from '../clients/module.ts';
import type { Settings } from '../settings/module.ts';
import { lifetimesFor, refreshTokenSeconds } from './lifetimes.ts';
import { adapterOf } from './living-token.ts';
import { resourceServerFor } from './resources.ts';
import { newToken, successorOf } from './token-ids.ts';
import { requireUnit } from './unit.ts';

export interface IssueParts {
  readonly clients: Clients;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: () => Settings;
  /** Names refresh tokens' successors; the same on every node. */
  readonly successorKey: Buffer;
}

/** What is asked of a code or a refresh token. */
export interface Wanted {
  readonly scopes: ReadonlySet<string>;
  /** The API that the access token is for; without one it is for userinfo. */
  readonly resource: string | undefined;
}

/** Who asks, and with what; the adapter's record of it, with everything that was stored with the sign-in. */
interface Asked extends Wanted {
  readonly model: 'AuthorizationCode' | 'RefreshToken';
  readonly source: Source;
  readonly grant: Grant;
  readonly account: Account;
  readonly client: Client;
}

interface Source extends AdapterPayload {
  readonly acr?: string | undefined;
  readonly amr?: string[] | undefined;
  readonly authTime?: number | undefined;
  readonly iiat?: number | undefined;
  readonly rotations?: number | undefined;
}

/** An access token as it is handed out, and what is told of it. */
interface Made {
  readonly value: string;
  readonly expiresIn: number;
  readonly scope: string;
  readonly aud: string | undefined;
  readonly format: 'opaque' | 'jwt';
}

/**
 * Uses a code or refresh token up and makes what it gives, as the library does (helpers/grant_common.js,
 * actions/grants/refresh_token.js), in the unit of the request. What can fail goes first: a failure leaves nothing in
 * the unit that the library would not put there.
 */
export async function issueTokens(provider: Provider, parts: IssueParts, asked: Asked) {
  const { model, source, grant, account } = asked;
  const server = serverFor(provider, parts, asked);
  const idToken = asked.scopes.has('openid') ? await idTokenFor(provider, asked, server) : undefined;
  const token = await accessTokenFor(provider, parts, { ...asked, server });
  await adapterOf(provider[model]).consume(source.jti ?? '');
  const next = model === 'RefreshToken' ? successor(parts, source) : firstOf(parts, asked);
  if (next) await adapterOf(provider.RefreshToken).upsert(next.jti, next, 0);
  const body = {
    access_token: token.value,
    expires_in: token.expiresIn,
    id_token: idToken,
    refresh_token: next?.jti,
    scope: source.scope ? token.scope : token.scope || undefined,
    token_type: 'Bearer',
  };
  const entities = { AccessToken: token, Account: account, Grant: grant, ...(next ? { RefreshToken: next } : {}) };
  return { body, entities };
}

function serverFor(provider: Provider, parts: IssueParts, { resource, client }: Asked) {
  if (resource === undefined) return undefined;
  return new provider.ResourceServer(resource, resourceServerFor(parts, client.clientId, resource));
}

const gtyOf = ({ model, source }: Asked): string | undefined =>
  model === 'AuthorizationCode' ? 'authorization_code' : grantTypes(source.gty);

const grantTypes = (gty: string | undefined): string | undefined =>
  gty === undefined || gty.endsWith('refresh_token') ? gty : `${gty} refresh_token`;

/** The first refresh token of a sign-in, for clients that may refresh. */
function firstOf(parts: IssueParts, { source, client }: Asked) {
  if (!client.grantTypeAllowed('refresh_token')) return undefined;
  const { accountId, acr, amr, authTime, expiresWithSession, grantId, resource, scope, sessionUid, sid } = source;
  const now = epochSeconds(parts.clock);
  return {
    accountId,
    acr,
    amr,
    authTime,
    expiresWithSession,
    grantId,
    resource,
    scope,
    sessionUid,
    sid,
    jti: newToken('RefreshToken', parts),
    kind: 'RefreshToken',
    clientId: client.clientId,
    gty: 'authorization_code',
    iat: now,
    iiat: now,
    exp: now + refreshTokenSeconds(parts, { clientId: client.clientId, began: now, now }),
    rotations: 0,
  };
}

/** It differs from the one before it by its name, its time, and how many there were. */
function successor(parts: IssueParts, former: Source) {
  const { clock, successorKey } = parts;
  const now = epochSeconds(clock);
  const iiat = former.iiat ?? former.iat ?? now;
  return {
    ...former,
    jti: successorOf(successorKey, former.jti ?? ''),
    iat: now,
    exp: now + refreshTokenSeconds(parts, { clientId: former.clientId, began: iiat, now }),
    iiat,
    gty: grantTypes(former.gty),
    rotations: (former.rotations ?? 0) + 1,
  };
}

type WithServer = Asked & { readonly server: ResourceServerInstance | undefined };

async function accessTokenFor(provider: Provider, parts: IssueParts, asked: WithServer): Promise<Made> {
  const { source, client, server } = asked;
  const { accountId, expiresWithSession, grantId, sessionUid, sid, acr, authTime } = source;
  const scope = scopeOf(asked);
  const properties = { accountId, expiresWithSession, grantId, gty: gtyOf(asked), sessionUid, sid, scope };
  if (server?.accessTokenFormat === 'jwt') {
    requireUnit().issuesFor = { acr, authTime };
    const token = new provider.AccessToken({ ...properties, client } as never);
    token.resourceServer = server;
    return { value: await token.save(), expiresIn: token.expiration, scope, aud: server.audience, format: 'jwt' };
  }
  const value = newToken('AccessToken', parts);
  const iat = epochSeconds(parts.clock);
  const expiresIn = server?.accessTokenTTL ?? lifetimesFor(parts, client.clientId).accessToken;
  const extra = { acr, auth_time: authTime };
  const rest = { iat, exp: iat + expiresIn, jti: value, kind: 'AccessToken', clientId: client.clientId, extra };
  await adapterOf(provider.AccessToken).upsert(value, { ...properties, ...rest, aud: server?.audience }, 0);
  return { value, expiresIn, scope, aud: server?.audience, format: 'opaque' };
}

/** What the person has allowed of what is asked for, and did not take back. */
function scopeOf({ grant, scopes, resource, server }: WithServer): string {
  if (resource === undefined || server === undefined) return grant.getOIDCScopeFiltered(new Set(scopes));
  return grant.getResourceScopeFiltered(
    resource,
    [...scopes].filter((name) => server.scopes.has(name)),
  );
}

/**
 * OpenID Connect Core §3.1.3.3, and §12.2 without the nonce that it advises against. Beside an access token for userinfo it says who and
 * how, and leaves the rest to it (§5.4).
 */
async function idTokenFor({ IdToken }: Provider, asked: Asked, server: object | undefined): Promise<string> {
  const { model, source, grant, account, client, scopes } = asked;
  const rejected = grant.getRejectedOIDCClaims();
  const known = await account.claims('id_token', [...scopes].join(' '), {}, rejected);
  const { acr, amr, authTime } = source;
  const idToken = new IdToken({ ...known, sub: account.accountId, acr, amr, auth_time: authTime }, { client });
  const scope = server === undefined ? 'openid' : grant.getOIDCScopeFiltered(new Set(scopes));
  Object.assign(idToken, { scope, mask: {}, rejected });
  if (model === 'AuthorizationCode') idToken.set('nonce', source['nonce']);
  idToken.set('sid', source.sid);
  return idToken.issue({ use: 'idtoken' });
}
