import type Provider from 'oidc-provider';
import type { AdapterPayload, Client } from 'oidc-provider';
import type { Users } from '../users/module.ts';
import type { AssuranceRule } from './assurance.ts';
import { findAccount } from './claims.ts';
import { livingRefreshToken } from './living-token.ts';
import type { Form } from './plain-client.ts';
import { scopeSyntax } from './plain-client-credentials.ts';
import { issueAnew, type RefreshedParts, type Wanted } from './refreshed-tokens.ts';

export interface RefreshParts extends Pick<AssuranceRule, 'mfaPolicies'>, RefreshedParts {
  readonly users: Users;
  readonly settings: RefreshedParts['settings'];
}

const parameters = new Set(['grant_type', 'refresh_token', 'client_id', 'client_secret', 'scope', 'resource']);

/**
 * New tokens for a refresh token that may be used (RFC 6749 §6): an access token for userinfo or one API, a successor,
 * and an ID token. Sign-ins that asked for single claims, keys that tokens are bound to, pairwise subjects, encrypted ID
 * tokens, and above all whatever was used before its grace window, are the library's.
 */
export function refreshTokens(provider: Provider, parts: RefreshParts) {
  const accountOf = findAccount(parts.users, parts);
  return async (client: Client, form: Form) => {
    const value = form['refresh_token'];
    if (value === undefined || !isPlain(form) || !mayRefresh(client)) return undefined;
    const found = await livingRefreshToken(provider, value, parts.clock);
    const wanted = found?.token.clientId === client.clientId ? wantedOf(found.token, form) : undefined;
    if (!found || !wanted) return undefined;
    const account = await accountOf(undefined, found.token.accountId ?? '', found.token);
    if (!account) return undefined;
    const grant = new provider.Grant(found.grant as object);
    return issueAnew(provider, parts, { former: found.token, grant, account, client, ...wanted });
  };
}

const isPlain = (form: Form): boolean =>
  form['grant_type'] === 'refresh_token' && Object.keys(form).every((name) => parameters.has(name));

/** Whether the client may use this grant (§5.2, `unauthorized_client`), without proof of a key, and is told plainly. */
const mayRefresh = (client: Client): boolean =>
  client.grantTypeAllowed('refresh_token') &&
  !client.tlsClientCertificateBoundAccessTokens &&
  !client.dpopBoundAccessTokens &&
  !client.idTokenEncryptedResponseEnc &&
  client.subjectType !== 'pairwise';

const words = (text: string | undefined): Set<string> => new Set(text?.split(' '));

/** What is asked for, if the refresh token stands for it: no scope beyond its own (§6), and one of its APIs (RFC 8707 §2.2). */
function wantedOf(former: AdapterPayload, { scope, resource }: Form): Wanted | undefined {
  if (former.claims !== undefined || former['rar'] !== undefined) return undefined;
  const allowed = words(former.scope);
  const scopes = scope === undefined ? allowed : words(scope);
  if (scope !== undefined && !(scopeSyntax.test(scope) && [...scopes].every((name) => allowed.has(name)))) {
    return undefined;
  }
  const granted = [former.resource ?? []].flat();
  if (resource !== undefined) return granted.includes(resource) ? { scopes, resource } : undefined;
  // Without OpenID the token would be for the API that was granted, and with several of them one has to be named.
  return granted.length === 0 || scopes.has('openid') ? { scopes, resource } : undefined;
}
