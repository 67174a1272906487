import { sha256 } from '../../foundation/crypto/hash.ts';
import type { By } from '../audit/module.ts';
import type { Passwords } from '../passwords/module.ts';
import type { OneTimeLink, User, Users } from '../users/module.ts';
import type { PendingRegistration, RegistrationStore } from './store.ts';

export interface RegisterParts {
  readonly users: Users;
  readonly passwords: Passwords;
  readonly store: RegistrationStore;
}

/** Making accounts: of a registration whose address was confirmed, or of an invitation. */
export interface Register {
  /** The registration of a link's secret, while it can be confirmed. */
  pending(secret: string): Promise<PendingRegistration | undefined>;
  /** Makes the account and uses the link up, or neither. Throws `user_email_taken`, `store_conflict`. */
  confirm(pending: PendingRegistration, by: By): Promise<User>;
  /** The invitation of a link's secret, while it works. */
  invitation(secret: string): Promise<OneTimeLink | undefined>;
  /** The same for an invitation. Throws `password_refused` as well, and what the hash throws when it sheds load. */
  accept(invited: { secret: string; email: string; password: string }, by: By): Promise<User>;
}

export function createRegister({ users, passwords, store }: RegisterParts): Register {
  return {
    pending: (secret) => store.find(sha256(secret)),
    confirm({ id, email, passwordHash }, by) {
      return users.create({ email, email_verified: true }, by, async (userId) => [
        store.use(id),
        ...passwords.fromHash(userId, passwordHash, by),
      ]);
    },
    invitation: (secret) => users.links.peek('invite', secret),
    accept({ secret, email, password }, by) {
      // The operator sent the link to that address, or handed it to whom it belongs.
      return users.create({ email, email_verified: true }, by, async (userId) => [
        users.links.use('invite', secret),
        ...(await passwords.set(userId, password, { email }, by)),
      ]);
    },
  };
}
