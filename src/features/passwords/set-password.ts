import { type PasswordHash, readPasswordHash } from '../../foundation/crypto/password-hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit, By } from '../audit/module.ts';
import type { BreachedSource } from './breached.ts';
import { passwordHashRefused, passwordRefused } from './errors.ts';
import type { Judge } from './judge.ts';
import type { Person } from './policy.ts';
import type { PasswordStore } from './store.ts';

interface Parts {
  readonly audit: Audit;
  readonly judge: Judge;
  readonly passwordHash: PasswordHash;
  readonly store: PasswordStore;
}

interface NewHash {
  readonly hash: string;
  readonly unasked: readonly BreachedSource[];
}

export function createSetPassword({ audit, judge, passwordHash, store }: Parts) {
  function operations(userId: string, { hash, unasked }: NewHash, by: By): Operation[] {
    const details = unasked.length === 0 ? {} : { breached_unasked: unasked };
    const event = { type: 'password.changed', outcome: 'success', actor: by.actor, subject: userId, details } as const;
    return [store.put(userId, hash), audit.record(event, by.facts)];
  }

  async function judged(password: string, person: Person): Promise<NewHash> {
    const { problem, unasked } = await judge(password, person);
    if (problem !== undefined) throw passwordRefused(problem);
    return { hash: await passwordHash.hash(password), unasked };
  }

  return {
    hashOf: async (password: string, person: Person): Promise<string> => (await judged(password, person)).hash,
    async set(userId: string, password: string, person: Person, by: By): Promise<Operation[]> {
      return operations(userId, await judged(password, person), by);
    },
    fromHash(userId: string, phc: string, by: By): Operation[] {
      if (readPasswordHash(phc) === undefined) throw passwordHashRefused();
      return operations(userId, { hash: phc, unasked: [] }, by);
    },
  };
}
