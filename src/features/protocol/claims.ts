import type { Account, AccountClaims, Configuration } from 'oidc-provider';
import type { User, Users } from '../users/module.ts';

/** Which claims each scope asks for (OpenID Connect Core §5.4). */
export const claimsByScope: NonNullable<Configuration['claims']> = {
  openid: ['sub'],
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

/** The library's `findAccount`: a disabled person is not found, so nothing is issued or answered for them. */
export function findAccount(users: Users) {
  return async (_ctx: unknown, id: string): Promise<Account | undefined> => {
    const user = await users.find(id);
    if (!user || user.disabledAt !== undefined) return undefined;
    return { accountId: user.id, claims: async () => claimsOf(user) };
  };
}
