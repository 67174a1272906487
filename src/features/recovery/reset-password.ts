import type { Database } from '../../foundation/db/database.ts';
import type { Audit, RequestFacts } from '../audit/module.ts';
import type { Notices } from '../notices/module.ts';
import type { Passwords } from '../passwords/module.ts';
import type { Endings } from '../protocol/module.ts';
import type { Unlocks } from '../throttle/module.ts';
import type { User, Users } from '../users/module.ts';

export interface ResetPasswordParts {
  readonly database: Database;
  readonly audit: Audit;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly notices: Notices;
  readonly endings: Endings;
  readonly unlocks: Pick<Unlocks, 'open'>;
}

export interface NewPassword {
  readonly secret: string;
  readonly password: string;
  readonly language: string;
  readonly facts: RequestFacts;
}

/** Setting a password by a link. */
export interface ResetPassword {
  /** Whose password the link sets, while it works and the account may be used. */
  owner(secret: string): Promise<User | undefined>;
  /**
   * Sets the password, uses the link up, voids the others of the person, ends everything that was held under the old
   * password and tells the person, in one transaction: of any number of racers one wins. Throws `password_refused`,
   * `store_conflict` when the link was used meanwhile, and what the password hash throws when it sheds load.
   */
  set(user: User, change: NewPassword): Promise<void>;
}

export function createResetPassword(parts: ResetPasswordParts): ResetPassword {
  const { database, audit, users, passwords, endings, notices } = parts;
  return {
    async owner(secret) {
      const link = await users.links.peek('reset', secret);
      const user = link?.subject === undefined ? undefined : await users.find(link.subject);
      return user?.disabledAt === undefined ? user : undefined;
    },
    async set(user, change) {
      const { id } = user;
      const by = { actor: { kind: 'anonymous', name: 'reset link' }, facts: change.facts } as const;
      // The password's row first: two links of one person then wait for each other here, and nowhere in a circle.
      const setting = await passwords.set(id, change.password, user, by);
      const ending = [...(await endings.notices(id)), ...(await endings.ofAccount(id, 'password'))];
      await database.together(async (_, also) => {
        for (const operation of setting) also(operation);
        also(users.links.use('reset', change.secret));
        also(users.links.voidOpen('reset', id));
        for (const operation of ending) also(operation);
        // Whoever has the mailbox and a new password must not stay locked out by what strangers tried with the old one.
        for (const operation of parts.unlocks.open(id, by)) also(operation);
        also(audit.record({ type: 'password.reset', outcome: 'success', actor: by.actor, subject: id }, by.facts));
        for (const operation of notices.about({ kind: 'password-reset' }, user, change)) also(operation);
      });
    },
  };
}
