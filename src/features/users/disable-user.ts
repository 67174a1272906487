import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit, By } from '../audit/module.ts';
import { mustFind } from './find-user.ts';
import type { UserStore } from './store.ts';
import type { AccountEndings } from './user.ts';

interface Parts {
  readonly database: Database;
  readonly audit: Audit;
  readonly store: UserStore;
}

export function createDisableUser({ database, audit, store }: Parts) {
  const event = (type: 'user.disabled' | 'user.enabled' | 'user.signed_out', id: string, by: By) =>
    audit.record({ type, outcome: 'success', actor: by.actor, subject: id }, by.facts);

  return {
    async disable(id: string, by: By, endings: AccountEndings): Promise<boolean> {
      await mustFind(store, id);
      const operations = await endings(id, 'disabled');
      return database.together(async (tx, also) => {
        const done = await store.setDisabled(tx, id, true);
        if (done) also(event('user.disabled', id, by));
        // Even when it was disabled before: what slipped in meanwhile ends now.
        for (const operation of operations) also(operation);
        return done;
      });
    },

    async enable(id: string, by: By, endings: AccountEndings): Promise<boolean> {
      await mustFind(store, id);
      const operations = await endings(id, 'disabled');
      return database.together(async (tx, also) => {
        const done = await store.setDisabled(tx, id, false);
        if (!done) return false;
        also(event('user.enabled', id, by));
        // A sign-in that was under way when the person was disabled must not come to life now.
        for (const operation of operations) also(operation);
        return done;
      });
    },

    enabling: (id: string, by: By): Operation[] => [store.enable(id), event('user.enabled', id, by)],

    async signOut(id: string, by: By, endings: AccountEndings): Promise<void> {
      await mustFind(store, id);
      const operations = await endings(id, by.actor.kind === 'user' ? 'everywhere' : 'operator');
      await database.together(async (_, also) => {
        for (const operation of operations) also(operation);
        also(event('user.signed_out', id, by));
      });
    },
  };
}
