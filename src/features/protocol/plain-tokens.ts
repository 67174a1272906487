import type Provider from 'oidc-provider';
import type { AdapterPayload, Client } from 'oidc-provider';
import { equalHashes, sha256 } from '../../foundation/crypto/hash.ts';
import type { Users } from '../users/module.ts';
import type { AssuranceRule } from './assurance.ts';
import { findAccount } from './claims.ts';
import { type IssueParts, issueTokens, type Wanted } from './issued-tokens.ts';
import { livingSource } from './living-token.ts';
import type { Form } from './plain-client.ts';
import { scopeSyntax } from './plain-client-credentials.ts';

export interface TokenParts extends Pick<AssuranceRule, 'mfaPolicies'>, IssueParts {
  readonly users: Users;
}

/** What tokens are given for. */
interface Kind {
  readonly model: 'AuthorizationCode' | 'RefreshToken';
  readonly grantType: string;
  /** The parameter that it comes in, and what may stand beside it. */
  readonly parameter: string;
  readonly parameters: ReadonlySet<string>;
  /** Whether the request fits what was stored with it. */
  readonly fits: (source: AdapterPayload, form: Form) => boolean;
}

const always = ['grant_type', 'client_id', 'client_secret', 'resource'];

const kinds = {
  authorizationCode: {
    model: 'AuthorizationCode',
    grantType: 'authorization_code',
    parameter: 'code',
    parameters: new Set([...always, 'code', 'redirect_uri', 'code_verifier']),
    fits: (code, form) => code['redirectUri'] === form['redirect_uri'] && isProved(code, form['code_verifier']),
  },
  refreshToken: {
    model: 'RefreshToken',
    grantType: 'refresh_token',
    parameter: 'refresh_token',
    parameters: new Set([...always, 'refresh_token', 'scope']),
    fits: () => true,
  },
} as const satisfies Record<string, Kind>;

/**
 * The first tokens of a sign-in, for its code (RFC 6749 §4.1.3): an access token for userinfo or one API, an ID token, and a
 * refresh token where the client may have one. Codes that are bound to a key, without PKCE, or used are the library's.
 */
export const exchangeCode = (provider: Provider, parts: TokenParts) =>
  giveFor(provider, parts, kinds.authorizationCode);

/** New tokens for a refresh token that may be used (RFC 6749 §6): an access token, a successor, and an ID token. */
export const refreshTokens = (provider: Provider, parts: TokenParts) => giveFor(provider, parts, kinds.refreshToken);

/**
 * Sign-ins that asked for single claims, keys that tokens are bound to, pairwise subjects, encrypted ID tokens, and above
 * all whatever was used before its grace window, are the library's.
 */
function giveFor(provider: Provider, parts: TokenParts, kind: Kind) {
  const accountOf = findAccount(parts.users, parts);
  return async (client: Client, form: Form) => {
    const value = form[kind.parameter];
    if (value === undefined || !isPlain(kind, form) || !mayHave(kind, client)) return undefined;
    const found = await livingSource(provider, kind.model, value, parts.clock);
    if (found?.token.clientId !== client.clientId || !kind.fits(found.token, form)) return undefined;
    const wanted = wantedOf(found.token, form);
    const account = wanted && (await accountOf(undefined, found.token.accountId ?? '', found.token));
    if (!account) return undefined;
    const grant = new provider.Grant(found.grant as object);
    return issueTokens(provider, parts, { model: kind.model, source: found.token, grant, account, client, ...wanted });
  };
}

const isPlain = ({ grantType, parameters }: Kind, form: Form): boolean =>
  form['grant_type'] === grantType && Object.keys(form).every((name) => parameters.has(name));

/** Whether the client may use this grant (§5.2, `unauthorized_client`), without proof of a key, and is told plainly. */
const mayHave = ({ grantType }: Kind, client: Client): boolean =>
  client.grantTypeAllowed(grantType) &&
  !client.tlsClientCertificateBoundAccessTokens &&
  !client.dpopBoundAccessTokens &&
  !client.idTokenEncryptedResponseEnc &&
  client.subjectType !== 'pairwise';

/** RFC 7636 §4.1. */
const verifierSyntax = /^[\w.~-]{43,128}$/;

/** RFC 7636 §4.6, and no other proof was asked for (RFC 9449 §10). */
function isProved({ codeChallenge, codeChallengeMethod, dpopJkt }: AdapterPayload, verifier: string | undefined) {
  if (verifier === undefined || !verifierSyntax.test(verifier)) return false;
  if (codeChallengeMethod !== 'S256' || dpopJkt !== undefined) return false;
  return typeof codeChallenge === 'string' && equalHashes(codeChallenge, sha256(verifier));
}

const words = (text: string | undefined): Set<string> => new Set(text?.split(' '));

/** What is asked for, if the source stands for it: no scope beyond its own (§6), and one of its APIs (RFC 8707 §2.2). */
function wantedOf(source: AdapterPayload, { scope, resource }: Form): Wanted | undefined {
  if (source.claims !== undefined || source['rar'] !== undefined) return undefined;
  const allowed = words(source.scope);
  const scopes = scope === undefined ? allowed : words(scope);
  if (scope !== undefined && !(scopeSyntax.test(scope) && [...scopes].every((name) => allowed.has(name)))) {
    return undefined;
  }
  const granted = [source.resource ?? []].flat();
  if (resource !== undefined) return granted.includes(resource) ? { scopes, resource } : undefined;
  // Without OpenID the token would be for the API that was granted, and with several of them one has to be named.
  return granted.length === 0 || scopes.has('openid') ? { scopes, resource } : undefined;
}
