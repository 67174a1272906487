import { type PasswordHash, readPasswordHash } from '../../foundation/crypto/password-hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit, By } from '../audit/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import { passwordHashRefused, passwordRefused } from './errors.ts';
import { type Person, passwordProblem } from './policy.ts';
import type { PasswordStore } from './store.ts';

interface Parts {
  readonly audit: Audit;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly passwordHash: PasswordHash;
  readonly store: PasswordStore;
}

export function createSetPassword({ audit, settings, passwordHash, store }: Parts) {
  const problem = (password: string, person: Person, minLength = settings.current().password.minLength) =>
    passwordProblem(password, person, minLength);

  const operations = (userId: string, hash: string, by: By): Operation[] => [
    store.put(userId, hash),
    audit.record({ type: 'password.changed', outcome: 'success', actor: by.actor, subject: userId }, by.facts),
  ];

  async function hashOf(password: string, person: Person): Promise<string> {
    const refused = problem(password, person);
    if (refused !== undefined) throw passwordRefused(refused);
    return passwordHash.hash(password);
  }

  return {
    problem,
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
