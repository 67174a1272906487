import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { createDeleteAccount, type DeleteAccount, type DeleteAccountParts } from './delete-account.ts';
import { createEraseAccounts, type EraseAccountsParts } from './erase-accounts.ts';
import { type DeletionPagesParts, mountDeletions, offerReturn } from './pages.ts';
import { createDeletionStore } from './store.ts';

export type { Scheduled } from './delete-account.ts';

/**
 * Deletions owns that people leave: the grace period, the way back from it, and the erasing at its end. Until then the
 * account is refused like one that an operator disabled (users). It does not know which rows there are: every room
 * erases its own (`PersonalData`). Who may ask is decided on the account's pages.
 */
export interface Deletions extends Pick<DeleteAccount, 'schedule' | 'isUndoable' | 'disown'> {
  mount(router: Router): void;
  /** Leads somebody who has shown the password of an account that is to be erased to the way back. False when there is none. */
  offerReturn(ctx: Context, userId: string): Promise<boolean>;
  /** Erases the accounts whose grace is over, a few at a time. */
  eraseDue(): Promise<void>;
}

type Stored = { readonly database: Database; readonly clock: Clock };

/** What operators do to a deletion under way, committed with their own change. */
export const deletionOperations = (parts: Stored) => {
  const store = createDeletionStore(parts);
  return {
    /** Letting a person in again calls their deletion off. */
    cancel: (userId: string): Operation => store.cancel(userId),
    /** Who was refused by an operator must not let themselves in again by undoing. */
    lock: (userId: string): Operation => store.lock(userId),
  };
};

export function createDeletions(
  parts: Omit<DeleteAccountParts & EraseAccountsParts & DeletionPagesParts, 'store' | 'deletion'> & Stored,
): Deletions {
  const within = { ...parts, store: createDeletionStore(parts) };
  const deletion = createDeleteAccount(within);
  return {
    schedule: deletion.schedule,
    isUndoable: deletion.isUndoable,
    disown: deletion.disown,
    mount: (router) => mountDeletions(router, { ...within, deletion }),
    offerReturn: offerReturn({ ...within, deletion }),
    eraseDue: createEraseAccounts(within),
  };
}
