import { type PasswordHash, readPasswordHash } from '../../foundation/crypto/password-hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit, By } from '../audit/module.ts';
import { passwordHashRefused, passwordRefused } from './errors.ts';
import type { Judge } from './judge.ts';
import type { Person } from './policy.ts';
import type { PasswordStore } from './store.ts';

interface Parts {
  readonly audit: Audit;
  readonly problem: Judge;
  readonly passwordHash: PasswordHash;
  readonly store: PasswordStore;
}

export function createSetPassword({ audit, problem, passwordHash, store }: Parts) {
  const operations = (userId: string, hash: string, by: By): Operation[] => [
    store.put(userId, hash),
    audit.record({ type: 'password.changed', outcome: 'success', actor: by.actor, subject: userId }, by.facts),
  ];

  async function hashOf(password: string, person: Person): Promise<string> {
    const refused = await problem(password, person);
    if (refused !== undefined) throw passwordRefused(refused);
    return passwordHash.hash(password);
  }

  return {
    hashOf,
    async set(userId: string, password: string, person: Person, by: By): Promise<Operation[]> {
      return operations(userId, await hashOf(password, person), by);
    },
    fromHash(userId: string, phc: string, by: By): Operation[] {
      if (readPasswordHash(phc) === undefined) throw passwordHashRefused();
      return operations(userId, phc, by);
    },
  };
}
