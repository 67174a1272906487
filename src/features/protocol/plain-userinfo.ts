import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { AccessToken, Account, Client, Grant } from 'oidc-provider';
import type { Users } from '../users/module.ts';
import type { AssuranceRule } from './assurance.ts';
import { findAccount } from './claims.ts';
import type { PlainAnswer } from './plain-requests.ts';
import { routes } from './routes.ts';
import { standingGrant } from './standing-grant.ts';

/** RFC 6750 §2.1, for the tokens that are of any use here: opaque ones. */
const bearer = /^Bearer (at_[\w-]+)$/i;

/**
 * Userinfo for a bearer token in the header of a GET without parameters (OpenID Connect Core §5.3). A sign-in that asked
 * for single claims, an answer that is signed, a subject that is pairwise, and everything wrong are left to the library.
 */
export function tellUserinfo(provider: Provider, parts: AssuranceRule & { readonly users: Users }) {
  const accountOf = findAccount(parts.users, parts);
  return async (ctx: Context): Promise<PlainAnswer | undefined> => {
    const token = await presented(provider, ctx);
    if (!token || !isForUserinfo(token)) return undefined;
    const client = await provider.Client.find(token.clientId ?? '');
    if (!client || !isToldPlainly(client)) return undefined;
    const account = await accountOf(undefined, token.accountId, token);
    const grant = account && (await standingGrant(provider, token));
    if (!grant) return undefined;
    const body = await claimsFor(provider, { token, client, account, grant });
    return { body, client, params: {}, entities: { AccessToken: token, Account: account, Grant: grant } };
  };
}

async function presented(
  { AccessToken }: Provider,
  { method, url, headers }: Context,
): Promise<AccessToken | undefined> {
  if (method !== 'GET' || url !== routes.userinfo) return undefined;
  const [, value] = bearer.exec(headers.authorization ?? '') ?? [];
  return value === undefined ? undefined : AccessToken.find(value);
}

/** OpenID Connect Core §5.3.1, RFC 6750 §3.1: it was issued for OpenID, for no API, and is bound to no key. */
const isForUserinfo = (token: AccessToken): boolean =>
  token.scopes.has('openid') && token.aud === undefined && !token.isSenderConstrained() && token.claims === undefined;

/** §5.3.2: as JSON, and with the subject that everybody is told. */
const isToldPlainly = (client: Client): boolean =>
  !client.userinfoSignedResponseAlg && !client.userinfoEncryptedResponseAlg && client.subjectType !== 'pairwise';

interface Parties {
  readonly token: AccessToken;
  readonly client: Client;
  readonly account: Account;
  readonly grant: Grant;
}

/** §5.4: what the scopes ask for that the person has allowed and not taken back. */
async function claimsFor({ Claims }: Provider, { token, client, account, grant }: Parties): Promise<object> {
  const scope = grant.getOIDCScopeFiltered(token.scopes);
  const rejected = grant.getRejectedOIDCClaims();
  const known = await account.claims('userinfo', scope, {}, rejected);
  const claims = new Claims({ ...known, sub: account.accountId }, { client });
  claims.scope(scope);
  claims.rejected(rejected);
  return claims.result();
}
