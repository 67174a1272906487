import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';

/** An account that is to be erased. Times are milliseconds since the epoch. */
export interface Deletion {
  readonly userId: string;
  readonly dueAt: number;
  /** True when an operator has refused the person meanwhile: they cannot undo it any more. */
  readonly isLocked: boolean;
}

interface DeletionRow extends Row {
  user_id: string;
  due_at: number;
  locked_at: number | null;
}

const insert = 'INSERT INTO account_deletions (user_id, requested_at, due_at) VALUES (?1, ?2, ?3)';
const columns = 'user_id, due_at, locked_at';
const statements = {
  put: statement('deletion_put', {
    sqlite: `${insert} ON CONFLICT DO NOTHING`,
    postgresql: `${insert} ON CONFLICT DO NOTHING`,
    mysql: insert,
  }),
  find: statement('deletion_find', `SELECT ${columns} FROM account_deletions WHERE user_id = ?1`),
  due: statement(
    'deletion_due',
    `SELECT ${columns} FROM account_deletions WHERE due_at <= ?1 ORDER BY due_at LIMIT 20`,
  ),
  undo: statement(
    'deletion_undo',
    'DELETE FROM account_deletions WHERE user_id = ?1 AND due_at > ?2 AND locked_at IS NULL',
  ),
  take: statement('deletion_take', 'DELETE FROM account_deletions WHERE user_id = ?1 AND due_at <= ?2'),
  cancel: statement('deletion_cancel', 'DELETE FROM account_deletions WHERE user_id = ?1'),
  lock: statement(
    'deletion_lock',
    'UPDATE account_deletions SET locked_at = ?2 WHERE user_id = ?1 AND locked_at IS NULL',
  ),
} as const;

export interface DeletionStore {
  /** Must hit: somebody asks for it once. */
  put(userId: string, dueAt: number): Operation;
  find(userId: string): Promise<Deletion | undefined>;
  /** Accounts whose time has come, a few at a time. */
  due(): Promise<Deletion[]>;
  /** Must hit: before its time, and not once an operator has refused the person. Either this or `take` does. */
  undo(userId: string): Operation;
  /** Must hit: its time has come. */
  take(userId: string): Operation;
  /** Takes it back, whatever its state. */
  cancel(userId: string): Operation;
  /** From now on the person cannot undo it. */
  lock(userId: string): Operation;
}

export function createDeletionStore({ database, clock }: { database: Database; clock: Clock }): DeletionStore {
  const must = (of: Operation['statement'], ...params: Operation['params']): Operation => ({
    statement: of,
    params,
    mustHit: true,
  });
  const may = (of: Operation['statement'], ...params: Operation['params']): Operation => ({
    ...must(of, ...params),
    mustHit: false,
  });
  return {
    put: (userId, dueAt) => must(statements.put, userId, clock.now(), dueAt),
    async find(userId) {
      const row = await database.get<DeletionRow>(statements.find, [userId]);
      return row && toDeletion(row);
    },
    due: async () => (await database.all<DeletionRow>(statements.due, [clock.now()])).map(toDeletion),
    undo: (userId) => must(statements.undo, userId, clock.now()),
    take: (userId) => must(statements.take, userId, clock.now()),
    cancel: (userId) => may(statements.cancel, userId),
    lock: (userId) => may(statements.lock, userId, clock.now()),
  };
}

const toDeletion = (row: DeletionRow): Deletion => ({
  userId: row.user_id,
  dueAt: row.due_at,
  isLocked: row.locked_at !== null,
});
