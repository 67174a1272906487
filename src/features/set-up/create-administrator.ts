import type { By } from '../audit/module.ts';
import type { Passwords } from '../passwords/module.ts';
import { loginKey, type User, type Users } from '../users/module.ts';

export interface NewAdministrator {
  readonly email: string;
  readonly password: string;
  /** The secret of the set-up link. */
  readonly secret: string;
}

/**
 * Makes an administrator by a set-up link: a new account, or the one that the link was made out to. The link is used in
 * the transaction of the change, so that of any number of racers one wins.
 * Throws `password_refused`, `user_refused`, `user_email_taken`, `link_not_usable`.
 */
export function createAdministrator({ users, passwords }: { users: Users; passwords: Passwords }) {
  return async ({ email, password, secret }: NewAdministrator, by: By): Promise<User> => {
    const alongside = async (userId: string) => [
      users.links.use('set-up', secret),
      ...(await passwords.set(userId, password, { email }, by)),
    ];
    const link = await users.links.peek('set-up', secret);
    // Only the address that the operator named: a link for nobody must not take over an account that exists.
    const known =
      link?.subject && loginKey(link.subject) === loginKey(email) ? await users.findByLogin(email) : undefined;
    if (!known) return users.create({ email, email_verified: true, roles: ['super-admin'] }, by, alongside);
    const { email: address, emailVerified: email_verified, username, claims } = known;
    await users.update(
      known.id,
      { email: address, email_verified, username, claims, roles: ['super-admin'] },
      by,
      alongside,
    );
    return known;
  };
}
