import type { Account, AccountClaims, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { User, Users } from '../users/module.ts';
import { type AllowedPeopleParts, isFor, tellNotAllowed } from './allowed-people.ts';
import { type AssuranceRule, mayYieldTokens } from './assurance.ts';
import { isNobody } from './nobody.ts';
import { currentUnit, type SignInFacts } from './unit.ts';

/** Which claims each scope asks for (OpenID Connect Core §5.4). */
export const claimsByScope: NonNullable<Configuration['claims']> = {
  // Whoever learns who it is also learns how and when they proved it: an app should not have to ask.
  openid: ['sub', 'auth_time', 'acr', 'amr'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
};

/** Scopes of the protocol itself; those of resources come from the database. */
export const standardScopes = [...Object.keys(claimsByScope), 'offline_access'];

/** All claims of a person; the library hands out those that scope, `claims` and consent allow. */
export function claimsOf(user: User): AccountClaims {
  return {
    ...(user.username === undefined ? {} : { preferred_username: user.username }),
    ...user.claims,
    sub: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    updated_at: Math.floor(user.updatedAt / 1000),
  };
}

/**
 * The library's `findAccount`: a disabled person is not found, so nothing is issued or answered for them; nor is
 * somebody for whom a code or refresh token from a time with other rules would skip the second factor, nor whom the app
 * that a token or code was given to is for no more.
 */
export function findAccount(users: Users, rule: Pick<AssuranceRule, 'mfaPolicies'> & AllowedPeopleParts) {
  return async (_ctx: unknown, id: string, source?: object): Promise<Account | undefined> => {
    // As if there were such a person, whom nobody will ever be (ciba.ts).
    if (isNobody(id)) return { accountId: id, claims: async () => ({ sub: id }) };
    const user = await users.find(id);
    if (!user || user.disabledAt !== undefined) return undefined;
    if (isGrantSource(source) && !mayYieldTokens(rule, user, source.acr)) return undefined;
    const { clientId } = (source ?? {}) as { readonly clientId?: string };
    if (clientId !== undefined && !isFor(rule, clientId, user)) {
      tellNotAllowed(clientId, user.id, 'client');
      return undefined;
    }
    return { accountId: user.id, claims: async () => claimsOf(user) };
  };
}

const grantSources = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest']);

const isGrantSource = (source: object | undefined): source is { acr?: string } =>
  grantSources.has(String((source as { kind?: unknown } | undefined)?.kind));

/** How and when the person behind an access token signed in, for APIs that ask for more (RFC 9470 §6). */
export async function tokenClaims(
  ctx: KoaContextWithOIDC | undefined,
  token: { readonly kind?: string },
): Promise<{ acr?: string; auth_time?: number } | undefined> {
  if (token.kind !== 'AccessToken') return undefined;
  const { acr, authTime } = (ctx ? signInOf(ctx) : currentUnit()?.issuesFor) ?? {};
  return { ...(acr === undefined ? {} : { acr }), ...(authTime === undefined ? {} : { auth_time: authTime }) };
}

function signInOf({ oidc }: KoaContextWithOIDC): SignInFacts {
  const { AuthorizationCode, RefreshToken, DeviceCode, BackchannelAuthenticationRequest } = oidc.entities;
  const source = AuthorizationCode ?? RefreshToken ?? DeviceCode ?? BackchannelAuthenticationRequest;
  return source ?? { acr: oidc.session?.acr, authTime: oidc.session?.authTime() };
}
