import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { Account, AdapterPayload, Client, Grant } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import type { Clients } from '../clients/module.ts';
import type { Users } from '../users/module.ts';
import type { AssuranceRule } from './assurance.ts';
import { findAccount } from './claims.ts';
import { livingToken } from './living-token.ts';
import { hasPlainMetadata } from './plain-metadata.ts';
import type { PlainAnswer } from './plain-requests.ts';
import { routes } from './routes.ts';

/** RFC 6750 §2.1, for the tokens that are of any use here: opaque ones. */
const bearer = /^Bearer (at_[\w-]+)$/i;

export interface UserinfoParts extends Pick<AssuranceRule, 'mfaPolicies'> {
  readonly clients: Clients;
  readonly users: Users;
  readonly clock: Clock;
}

/**
 * Userinfo for a bearer token in the header of a GET without parameters (OpenID Connect Core §5.3). A sign-in that asked
 * for single claims, an answer that is signed, a subject that is pairwise, and everything wrong are left to the library.
 */
export function tellUserinfo(provider: Provider, parts: UserinfoParts) {
  const accountOf = findAccount(parts.users, parts);
  return async (ctx: Context): Promise<PlainAnswer | undefined> => {
    const value = presented(ctx);
    const found = value === undefined ? undefined : await livingToken(provider, value, parts.clock);
    if (!found?.grant || !isForUserinfo(found.token)) return undefined;
    const { token } = found;
    const client = await provider.Client.find(token.clientId ?? '');
    if (!client || !isToldPlainly(client) || !hasPlainMetadata(parts.clients.find(client.clientId))) return undefined;
    const account = await accountOf(undefined, token.accountId ?? '', token);
    if (!account) return undefined;
    const grant = new provider.Grant(found.grant as object);
    const body = await claimsFor(provider, { token, client, account, grant });
    return { body, client, params: {}, entities: { AccessToken: token, Account: account, Grant: grant } };
  };
}

const presented = ({ method, url, headers }: Context): string | undefined =>
  method === 'GET' && url === routes.userinfo ? bearer.exec(headers.authorization ?? '')?.[1] : undefined;

const words = (text: string | undefined): Set<string> => new Set(text?.split(' '));

/** OpenID Connect Core §5.3.1, RFC 6750 §3.1: it was issued for OpenID, and for no API. */
const isForUserinfo = ({ scope, aud, claims }: AdapterPayload): boolean =>
  words(scope).has('openid') && aud === undefined && claims === undefined;

/** §5.3.2: as JSON, and with the subject that everybody is told. */
const isToldPlainly = (client: Client): boolean =>
  !client.userinfoSignedResponseAlg && !client.userinfoEncryptedResponseAlg && client.subjectType !== 'pairwise';

interface Parties {
  readonly token: AdapterPayload;
  readonly client: Client;
  readonly account: Account;
  readonly grant: Grant;
}

/** §5.4: what the scopes ask for that the person has allowed and not taken back. */
async function claimsFor({ Claims }: Provider, { token, client, account, grant }: Parties): Promise<object> {
  const scope = grant.getOIDCScopeFiltered(words(token.scope));
  const rejected = grant.getRejectedOIDCClaims();
  const known = await account.claims('userinfo', scope, {}, rejected);
  const claims = new Claims({ ...known, sub: account.accountId }, { client });
  claims.scope(scope);
  claims.rejected(rejected);
  return claims.result();
}
