import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { bumpRevision } from '../../foundation/db/revision.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit, By } from '../audit/module.ts';
import { createUnlockStore } from './store.ts';

/** The revision by which every process hears of it. */
export const unlocksRevision = 'unlocks';

/** Opening locked accounts. Counts are in the memory of each process; that one was opened is in the database. */
export interface Unlocks {
  /** The operations that open an account in every process, with their audit. */
  open(accountId: string, by: By): readonly Operation[];
  /** Forgets what was counted for the accounts that were opened since the last call. */
  reload(): Promise<void>;
  /** The operation that removes what is kept of an account: that it was opened, and when. */
  erase(accountId: string): Operation;
  /** Removes a batch of those that every process has long heard of. */
  sweep(): Operation;
}

export interface UnlocksParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly throttle: { forget(account: string): void };
}

const keepMs = 24 * 60 * 60 * 1000;

export function createUnlocks({ database, clock, audit, throttle }: UnlocksParts): Unlocks {
  const store = createUnlockStore({ database, clock });
  let known: ReadonlyMap<string, number> = new Map();
  return {
    open: (accountId, { actor, facts }) => [
      store.put(accountId),
      audit.record({ type: 'account.unlocked', outcome: 'success', actor, subject: accountId }, facts),
      bumpRevision(unlocksRevision),
    ],
    async reload() {
      const now = await store.all();
      for (const [accountId, at] of now) if (known.get(accountId) !== at) throttle.forget(accountId);
      known = now;
    },
    erase: (accountId) => store.erase(accountId),
    sweep: () => store.sweep(clock.now() - keepMs),
  };
}
