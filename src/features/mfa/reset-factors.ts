import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit, By } from '../audit/module.ts';
import type { MfaStore } from './store.ts';

interface Parts {
  readonly database: Database;
  readonly audit: Audit;
  readonly store: MfaStore;
}

/** Takes every factor of a person away, for who has lost them all. False when there was none. */
export function createResetFactors({ database, audit, store }: Parts) {
  return async (userId: string, by: By, alongside: readonly Operation[] = []): Promise<boolean> => {
    if (!(await store.has(userId))) return false;
    await database.together(async (_, also) => {
      for (const operation of store.removal(userId)) also(operation);
      for (const operation of alongside) also(operation);
      also(audit.record({ type: 'factor.reset', outcome: 'success', actor: by.actor, subject: userId }, by.facts));
    });
    return true;
  };
}
