import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Audit } from '../audit/module.ts';
import type { PersonalData, User, Users } from '../users/module.ts';
import type { DeletionStore } from './store.ts';

export interface EraseAccountsParts {
  readonly database: Database;
  readonly audit: Audit;
  readonly users: Users;
  readonly store: DeletionStore;
  /** Every room that holds something on people. */
  readonly personal: readonly PersonalData[];
}

/**
 * Erases the accounts whose grace is over, each in one transaction: a crash leaves an account whole or gone, and of
 * several nodes one does it. The audit stays as it is, since it names people by their id only, which nothing resolves
 * any more.
 */
export function createEraseAccounts({ database, audit, users, store, personal }: EraseAccountsParts) {
  const commit = (operations: readonly Operation[]) => database.commit({ operations, fallback: [] });

  /** The account itself goes last: what belongs to it refers to it. */
  const erasure = async (user: User): Promise<Operation[]> => [
    users.guardDisabled(user.id),
    store.take(user.id),
    ...(await Promise.all(personal.map(async (room) => room.erase(user)))).flat(),
    ...(await users.personal.erase(user)),
    audit.record(
      { type: 'user.erased', outcome: 'success', actor: { kind: 'system', name: 'deletion' }, subject: user.id },
      {},
    ),
  ];

  return async (): Promise<void> => {
    for (const { userId } of await store.due()) {
      const user = await users.find(userId);
      // Somebody who was let in again meanwhile, whoever did it, stays.
      const stays = user === undefined || user.disabledAt === undefined;
      await commit(stays ? [store.cancel(userId)] : await erasure(user));
    }
  };
}
