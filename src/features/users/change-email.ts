import type { Database } from '../../foundation/db/database.ts';
import { storeError } from '../../foundation/db/errors.ts';
import type { Audit, By } from '../audit/module.ts';
import { explained } from './create-user.ts';
import type { UserStore } from './store.ts';
import type { Alongside } from './user.ts';

interface Parts {
  readonly database: Database;
  readonly audit: Audit;
  readonly store: UserStore;
}

/** A change of an account's address, to one that was shown to be the person's. */
export interface EmailChange {
  /** What it must be now; left out when a change is taken back, whatever came after it. */
  readonly from?: string;
  readonly to: string;
}

export function createChangeEmail({ database, audit, store }: Parts) {
  return {
    async changeEmail(id: string, change: EmailChange, by: By, alongside: Alongside): Promise<void> {
      const type = change.from === undefined ? 'user.email_restored' : 'user.email_changed';
      const operations = await alongside(id);
      await explained(store, () =>
        database.together(async (tx, also) => {
          // Whatever was changed meanwhile is not undone by a link from before.
          if (!(await store.changeEmail(tx, id, change))) throw storeError('store_conflict', 'the address is another');
          also(audit.record({ type, outcome: 'success', actor: by.actor, subject: id }, by.facts));
          for (const operation of operations) also(operation);
        }),
      );
    },
  };
}
