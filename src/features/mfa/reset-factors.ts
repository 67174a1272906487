import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit, By } from '../audit/module.ts';
import type { Passkeys } from '../passkeys/module.ts';
import type { MfaStore } from './store.ts';

interface Parts {
  readonly database: Database;
  readonly audit: Audit;
  readonly store: MfaStore;
  readonly passkeys: Passkeys;
}

/** Takes every factor of a person away, for who has lost them all. False when there was none. */
export function createResetFactors({ database, audit, store, passkeys }: Parts) {
  return async (userId: string, by: By, alongside: readonly Operation[] = []): Promise<boolean> => {
    const [hasApp, hasPasskey] = await Promise.all([store.has(userId), passkeys.has(userId)]);
    if (!hasApp && !hasPasskey) return false;
    const removal = [
      ...(hasApp ? [store.remove(userId)] : []),
      // A passkey that is added meanwhile goes as well: it may be the thief's.
      passkeys.removalOfAll(userId),
      ...store.removeCodes(userId),
    ];
    await database.together(async (_, also) => {
      for (const operation of [...removal, ...alongside]) also(operation);
      also(audit.record({ type: 'factor.reset', outcome: 'success', actor: by.actor, subject: userId }, by.facts));
    });
    return true;
  };
}
