import { isDeepStrictEqual } from 'node:util';
import type { Database } from '../../foundation/db/database.ts';
import type { Audit, By } from '../audit/module.ts';
import { explained, readUser, roleOperations } from './create-user.ts';
import { mustFind } from './find-user.ts';
import type { NewUser } from './schema.ts';
import type { LinkStore, UserFields, UserStore } from './store.ts';
import type { Alongside, Role, User } from './user.ts';

interface Parts {
  readonly database: Database;
  readonly audit: Audit;
  readonly store: UserStore;
  readonly linkStore: LinkStore;
}

/** What differs, by the names that the seed file uses. */
function changedFields(user: User, wanted: { fields: UserFields; roles: readonly Role[] }): string[] {
  const { fields, roles } = wanted;
  const same = {
    email: user.email === fields.email,
    email_verified: user.emailVerified === fields.emailVerified,
    username: user.username === fields.username,
    claims: isDeepStrictEqual(user.claims, fields.claims),
    roles: roles.every((role) => user.roles.includes(role)),
  };
  return Object.entries(same)
    .filter(([, equal]) => !equal)
    .map(([name]) => name);
}

export function createUpdateUser({ database, audit, store, linkStore }: Parts) {
  return {
    preview: async (id: string, input: NewUser): Promise<string[]> =>
      changedFields(await mustFind(store, id), readUser(input)),

    async update(id: string, input: NewUser, by: By, alongside?: Alongside): Promise<string[]> {
      const wanted = readUser(input);
      const user = await mustFind(store, id);
      const changed = changedFields(user, wanted);
      const roles = wanted.roles.filter((role) => !user.roles.includes(role));
      const operations = (await alongside?.(id)) ?? [];
      if (changed.length === 0 && operations.length === 0) return [];
      await explained(store, () =>
        database.together(async (tx, also) => {
          if (changed.length > 0) {
            await store.update(tx, id, wanted.fields);
            const common = { outcome: 'success', actor: by.actor, subject: id } as const;
            also(audit.record({ type: 'user.updated', ...common, details: { changed } }, by.facts));
          }
          for (const role of roles) await store.addRole(tx, id, role);
          for (const operation of operations) also(operation);
          for (const operation of roleOperations({ audit, linkStore }, roles, { by, id })) also(operation);
        }),
      );
      return changed;
    },

    async assignRole(id: string, role: Role, by: By, alongside?: Alongside): Promise<boolean> {
      const user = await mustFind(store, id);
      if (user.roles.includes(role)) return false;
      const operations = (await alongside?.(id)) ?? [];
      await explained(store, () =>
        database.together(async (tx, also) => {
          await store.addRole(tx, id, role);
          for (const operation of operations) also(operation);
          for (const operation of roleOperations({ audit, linkStore }, [role], { by, id })) also(operation);
        }),
      );
      return true;
    },
  };
}
