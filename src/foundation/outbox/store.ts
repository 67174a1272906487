import type { Database } from '../db/database.ts';
import { type Operation, type Row, type Statement, statement, type Value } from '../db/statement.ts';

export interface MessageRow extends Row {
  id: string;
  kind: string;
  body: string;
  attempts: number;
  next_at: number;
}

const alive = 'delivered_at IS NULL AND abandoned_at IS NULL';
/**
 * Settled messages are filed in the index of times behind all that are due, by when they were settled: whoever looks for
 * work, each second, walks past none of them. The year is 2286.
 */
const settledFrom = 10_000_000_000_000;
const old = 'FROM outbox_messages WHERE next_at >= ?1 AND next_at < ?2 LIMIT 500';
const statements = {
  put: statement(
    'put-message',
    'INSERT INTO outbox_messages (id, kind, body, created_at, next_at, attempts) VALUES (?1, ?2, ?3, ?4, ?4, 0)',
  ),
  due: statement(
    'due-messages',
    `SELECT id, kind, body, attempts, next_at FROM outbox_messages WHERE next_at <= ?1 AND kind = ?2 AND ${alive} ORDER BY next_at LIMIT 20`,
  ),
  /** Of all nodes that see a message due, the one whose update still finds its time takes it. */
  claim: statement(
    'claim-message',
    `UPDATE outbox_messages SET next_at = ?3, attempts = attempts + 1 WHERE id = ?1 AND next_at = ?2 AND ${alive}`,
  ),
  delivered: statement(
    'message-delivered',
    `UPDATE outbox_messages SET delivered_at = ?2, next_at = ?3, body = '' WHERE id = ?1 AND ${alive}`,
  ),
  retry: statement(
    'retry-message',
    `UPDATE outbox_messages SET next_at = ?2, last_error = ?3 WHERE id = ?1 AND ${alive}`,
  ),
  abandon: statement(
    'abandon-message',
    `UPDATE outbox_messages SET abandoned_at = ?2, next_at = ?3, last_error = ?4, body = '' WHERE id = ?1 AND ${alive}`,
  ),
  sweep: statement('sweep-messages', {
    sqlite: `DELETE FROM outbox_messages WHERE id IN (SELECT id ${old})`,
    postgresql: `DELETE FROM outbox_messages WHERE id IN (SELECT id ${old})`,
    mysql: `DELETE ${old}`,
  }),
} as const;

/** Rows of the outbox. Only the operations change anything, and whoever gets them commits them. */
export interface OutboxStore {
  put(message: { id: string; kind: string; body: string; at: number }): Operation;
  /** Messages of a kind that are due, the longest waiting first; a few at a time. */
  due(kind: string, now: number): Promise<MessageRow[]>;
  /** Must hit: only one node gets to deliver. The message comes up again at `until` unless it is settled before. */
  claim(message: MessageRow, until: number): Operation;
  // What settles a message must hit too: a node whose claim ran out may find it settled by another one.
  delivered(id: string, at: number): Operation;
  retry(id: string, at: number, error: string): Operation;
  abandon(id: string, at: number, error: string): Operation;
  /** Removes a batch of what was settled before the given time. */
  sweep(before: number): Operation;
}

/** The outbox's rows in the given database. */
export function createOutboxStore(database: Database): OutboxStore {
  const must = (of: Statement, ...params: Value[]): Operation => ({ statement: of, params, mustHit: true });
  return {
    put: ({ id, kind, body, at }) => must(statements.put, id, kind, body, at),
    due: (kind, now) => database.all<MessageRow>(statements.due, [now, kind]),
    claim: ({ id, next_at: at }, until) => must(statements.claim, id, at, until),
    delivered: (id, at) => must(statements.delivered, id, at, settledFrom + at),
    retry: (id, at, error) => must(statements.retry, id, at, error),
    abandon: (id, at, error) => must(statements.abandon, id, at, settledFrom + at, error),
    sweep: (before) => ({ statement: statements.sweep, params: [settledFrom, settledFrom + before], mustHit: false }),
  };
}
