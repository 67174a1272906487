import type { Database } from '../../foundation/db/database.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { Audit, By } from '../audit/module.ts';
import { emailTaken, usernameTaken, userRefused, userUnknown } from './errors.ts';
import { type NewUser, newUserSchema } from './schema.ts';
import type { LinkStore, UserFields, UserStore } from './store.ts';
import type { Alongside, Role, User } from './user.ts';

interface Parts {
  readonly database: Database;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly store: UserStore;
  readonly linkStore: LinkStore;
}

/** The input as it is stored. Throws `user_refused`. */
export function readUser(input: NewUser): { fields: UserFields; roles: Role[] } {
  const result = newUserSchema.safeParse(input);
  if (!result.success) throw userRefused(result.error);
  const { email, email_verified: emailVerified, username, claims, roles } = result.data;
  return { fields: { email, emailVerified, username, claims }, roles };
}

export function createCreateUser({ database, ids, audit, store, linkStore }: Parts) {
  return {
    async create(input: NewUser, by: By, alongside?: Alongside): Promise<User> {
      const { fields, roles } = readUser(input);
      const id = ids.next();
      const common = { outcome: 'success', actor: by.actor, subject: id } as const;
      // Before what is done alongside, so that the audit tells of an account's creation before its password.
      const created = audit.record({ type: 'user.created', ...common }, by.facts);
      const operations = [created, ...((await alongside?.(id)) ?? [])];
      await explained(store, () =>
        database.together(async (tx, also) => {
          await store.insert(tx, id, fields);
          for (const role of roles) await store.addRole(tx, id, role);
          for (const operation of operations) also(operation);
          for (const operation of roleOperations({ audit, linkStore }, roles, { by, id })) also(operation);
        }),
      );
      const user = await store.find(id);
      if (user === undefined) throw userUnknown();
      return user;
    },
  };
}

/** What giving a role brings with it. Links are voided last, or the one that was used for this would not work either. */
export function roleOperations(
  parts: Pick<Parts, 'audit' | 'linkStore'>,
  roles: readonly Role[],
  to: { by: By; id: string },
) {
  const common = { outcome: 'success', actor: to.by.actor, subject: to.id } as const;
  const events = roles.map((role) => {
    const type = role === 'super-admin' ? 'admin.created' : 'role.assigned';
    return parts.audit.record({ type, ...common, details: { role } }, to.by.facts);
  });
  // Once there is an administrator, a set-up link that was printed for nobody in particular must not make another one.
  return roles.includes('super-admin') ? [...events, parts.linkStore.voidAll('set-up')] : events;
}

/** Runs a change; what the database refuses becomes what a person can act upon. */
export async function explained<T>(store: UserStore, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const taken = store.taken(error);
    if (taken === 'email') throw emailTaken();
    if (taken === 'username') throw usernameTaken();
    throw error;
  }
}
