import type { Operation } from '../../foundation/db/statement.ts';
import type { Passkeys } from '../passkeys/module.ts';
import type { MfaStore } from './store.ts';

/** What is taken away of what somebody else may have added. */
export interface Disowned {
  /** Each thing that goes, by its kind; codes that go only because no factor is left are not named. */
  readonly methods: readonly ('totp' | 'passkey' | 'recovery_codes')[];
  readonly operations: readonly Operation[];
}

interface Parts {
  readonly store: MfaStore;
  readonly passkeys: Passkeys;
}

/**
 * Takes away what was added to a person's factors since a time (milliseconds): a passkey alone opens the account, and an
 * app or recovery codes would keep its owner out. What was there before stays: it is the owner's.
 */
export function createDisownFactors({ store, passkeys }: Parts) {
  return async (userId: string, since: number): Promise<Disowned> => {
    const [app, keys, codesMadeAt] = await Promise.all([
      store.find(userId),
      passkeys.list(userId),
      store.codesMadeAt(userId),
    ]);
    const isNew = (time: number | undefined): boolean => time !== undefined && time >= since;
    const newKeys = keys.filter(({ createdAt }) => isNew(createdAt));
    const left = (app && !isNew(app.createdAt) ? 1 : 0) + keys.length - newKeys.length;
    const methods = [
      ...(isNew(app?.createdAt) ? ['totp' as const] : []),
      ...newKeys.map(() => 'passkey' as const),
      ...(isNew(codesMadeAt) ? ['recovery_codes' as const] : []),
    ];
    // By time and not by name: what is added while this is under way goes as well.
    const operations = [store.removeSince(userId, since), passkeys.removalSince(userId, since)];
    const losesCodes = isNew(codesMadeAt) || left === 0;
    return { methods, operations: losesCodes ? [...operations, ...store.removeCodes(userId)] : operations };
  };
}
