import { type PasswordHash, readPasswordHash } from '../../foundation/crypto/password-hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit, By } from '../audit/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { BreachedSource } from './breached.ts';
import { passwordHashRefused, passwordRefused } from './errors.ts';
import type { Judge } from './judge.ts';
import { inWords, type Person } from './policy.ts';
import type { PasswordStore } from './store.ts';

interface Parts {
  readonly audit: Audit;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly judge: Judge;
  readonly passwordHash: PasswordHash;
  readonly store: PasswordStore;
}

/** What a password that may be taken is kept as. */
export interface NewHash {
  readonly hash: string;
  /** Lists of breached passwords that could not be asked. */
  readonly unasked: readonly BreachedSource[];
}

export function createSetPassword({ audit, settings, judge, passwordHash, store }: Parts) {
  function operations(userId: string, { hash, unasked }: NewHash, by: By): Operation[] {
    const details = unasked.length === 0 ? {} : { breached_unasked: unasked };
    const event = { type: 'password.changed', outcome: 'success', actor: by.actor, subject: userId, details } as const;
    // Behind the one that goes, those that have been gone for longest.
    const retiring = settings.current().password.history > 1 ? [store.retire(userId)] : [];
    return [...retiring, store.put(userId, hash), audit.record(event, by.facts)];
  }

  async function judged(password: string, person: Person): Promise<NewHash> {
    const { problem, unasked } = await judge(password, person);
    if (problem !== undefined) throw passwordRefused(problem);
    return { hash: await passwordHash.hash(password), unasked };
  }

  /** Refuses what the person has or had; tells which of these are to be forgotten. */
  async function history(userId: string, password: string): Promise<Operation[]> {
    const held = settings.current();
    const { history: length } = held.password;
    const [former, present] = await Promise.all([store.former(userId), store.find(userId)]);
    const hashes = [...(present === undefined ? [] : [present]), ...former.map(({ hash }) => hash)];
    // One that was taken away because somebody else knew it must not come back, whatever the rule for others.
    const least = present === undefined ? 1 : 0;
    for (const hash of hashes.slice(0, Math.max(length, least))) {
      if (await passwordHash.verify(hash, password)) throw passwordRefused(inWords('former', held));
    }
    // The present one joins them.
    return former.slice(Math.max(0, length - 2)).map(({ id }) => store.forget(id));
  }

  return {
    hashOf: (password: string, person: Person): Promise<NewHash> => judged(password, person),
    async set(userId: string, password: string, person: Person, by: By): Promise<Operation[]> {
      const hash = await judged(password, person);
      return [...(await history(userId, password)), ...operations(userId, hash, by)];
    },
    takeAway: (userId: string): Operation[] => [store.retire(userId), store.remove(userId)],
    fromHash(userId: string, phc: string, by: By): Operation[] {
      if (readPasswordHash(phc) === undefined) throw passwordHashRefused();
      return operations(userId, { hash: phc, unasked: [] }, by);
    },
  };
}
