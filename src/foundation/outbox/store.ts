import type { Database } from '../db/database.ts';
import { type Operation, type Row, statement } from '../db/statement.ts';

export interface MessageRow extends Row {
  id: string;
  kind: string;
  body: string;
  attempts: number;
  next_at: number;
}

const alive = 'delivered_at IS NULL AND abandoned_at IS NULL';
const statements = {
  put: statement(
    'put-message',
    'INSERT INTO outbox_messages (id, kind, body, created_at, next_at, attempts) VALUES (?1, ?2, ?3, ?4, ?4, 0)',
  ),
  due: statement(
    'due-messages',
    `SELECT id, kind, body, attempts, next_at FROM outbox_messages WHERE next_at <= ?1 AND ${alive} ORDER BY next_at LIMIT 20`,
  ),
  /** Of all nodes that see a message due, the one whose update still finds its time takes it. */
  claim: statement(
    'claim-message',
    `UPDATE outbox_messages SET next_at = ?3, attempts = attempts + 1 WHERE id = ?1 AND next_at = ?2 AND ${alive}`,
  ),
  delivered: statement('message-delivered', "UPDATE outbox_messages SET delivered_at = ?2, body = '' WHERE id = ?1"),
  retry: statement('retry-message', 'UPDATE outbox_messages SET next_at = ?2, last_error = ?3 WHERE id = ?1'),
  abandon: statement(
    'abandon-message',
    "UPDATE outbox_messages SET abandoned_at = ?2, last_error = ?3, body = '' WHERE id = ?1",
  ),
  sweep: statement('sweep-messages', 'DELETE FROM outbox_messages WHERE delivered_at < ?1 OR abandoned_at < ?1'),
} as const;

/** Rows of the outbox. Only the operations change anything, and whoever gets them commits them. */
export interface OutboxStore {
  put(message: { id: string; kind: string; body: string; at: number }): Operation;
  due(now: number): Promise<MessageRow[]>;
  /** Must hit: only one node gets to deliver. The message comes up again at `until` unless it is settled before. */
  claim(message: MessageRow, until: number): Operation;
  delivered(id: string, at: number): Operation;
  retry(id: string, at: number, error: string): Operation;
  abandon(id: string, at: number, error: string): Operation;
  sweep(before: number): Operation;
}

/** The outbox's rows in the given database. */
export function createOutboxStore(database: Database): OutboxStore {
  const may = (of: Operation['statement'], params: Operation['params']): Operation => ({
    statement: of,
    params,
    mustHit: false,
  });
  return {
    put: ({ id, kind, body, at }) => ({ statement: statements.put, params: [id, kind, body, at], mustHit: true }),
    due: (now) => database.all<MessageRow>(statements.due, [now]),
    claim: ({ id, next_at: at }, until) => ({ statement: statements.claim, params: [id, at, until], mustHit: true }),
    delivered: (id, at) => may(statements.delivered, [id, at]),
    retry: (id, at, error) => may(statements.retry, [id, at, error]),
    abandon: (id, at, error) => may(statements.abandon, [id, at, error]),
    sweep: (before) => may(statements.sweep, [before]),
  };
}
