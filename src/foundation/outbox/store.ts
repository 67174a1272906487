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
    `SELECT id, kind, body, attempts, next_at FROM outbox_messages WHERE next_at <= ?1 AND kind = ?2 AND ${alive} ORDER BY next_at LIMIT ?3`,
  ),
  /** Of all nodes that see a message due, the one whose update still finds its time takes it. */
  claim: statement(
    'claim-message',
    `UPDATE outbox_messages SET next_at = ?3, claimed_by = ?4, attempts = attempts + 1 WHERE id = ?1 AND next_at = ?2 AND ${alive}`,
  ),
  delivered: statement(
    'message-delivered',
    `UPDATE outbox_messages SET delivered_at = ?2, next_at = ?3, body = '' WHERE id = ?1 AND ${alive}`,
  ),
  retry: statement(
    'retry-message',
    `UPDATE outbox_messages SET next_at = ?2, last_error = ?3 WHERE id = ?1 AND claimed_by = ?4 AND ${alive}`,
  ),
  abandon: statement(
    'abandon-message',
    `UPDATE outbox_messages SET abandoned_at = ?2, next_at = ?3, last_error = ?4, body = '' WHERE id = ?1 AND claimed_by = ?5 AND ${alive}`,
  ),
  sweep: statement('sweep-messages', {
    sqlite: `DELETE FROM outbox_messages WHERE id IN (SELECT id ${old})`,
    postgresql: `DELETE FROM outbox_messages WHERE id IN (SELECT id ${old})`,
    mysql: `DELETE ${old}`,
  }),
} as const;

/** One node's hold on a message: by a name that no other claim has, until a time. */
export interface Claim {
  readonly by: string;
  readonly until: number;
}

/** What became of a delivery; `at` is when to try again, or when it was given up. */
export interface Failure {
  readonly claimedBy: string;
  readonly at: number;
  readonly error: string;
}

/** Rows of the outbox. Only the operations change anything, and whoever gets them commits them. */
export interface OutboxStore {
  put(message: { id: string; kind: string; body: string; at: number }): Operation;
  /** Messages of a kind that are due, the longest waiting first; a few at a time. */
  due(kind: string, now: number, limit: number): Promise<MessageRow[]>;
  /** Must hit: only one node gets to deliver. The message comes up again at `until` unless it is settled before. */
  claim(message: MessageRow, claim: Claim): Operation;
  // What settles a message must hit too: a node whose claim ran out may find it settled by another one.
  /** Whoever delivered it says so, even when the claim has run out: it must not go out once more. */
  delivered(id: string, at: number): Operation;
  // A failure counts only under the claim it was made under: who comes late must not call another's delivery off.
  retry(id: string, failure: Failure): Operation;
  abandon(id: string, failure: Failure): Operation;
  /** Removes a batch of what was settled before the given time. */
  sweep(before: number): Operation;
}

/** The outbox's rows in the given database. */
export function createOutboxStore(database: Database): OutboxStore {
  const must = (of: Statement, ...params: Value[]): Operation => ({ statement: of, params, mustHit: true });
  return {
    put: ({ id, kind, body, at }) => must(statements.put, id, kind, body, at),
    due: (kind, now, limit) => database.all<MessageRow>(statements.due, [now, kind, limit]),
    claim: ({ id, next_at: at }, { until, by }) => must(statements.claim, id, at, until, by),
    delivered: (id, at) => must(statements.delivered, id, at, settledFrom + at),
    retry: (id, { at, error, claimedBy }) => must(statements.retry, id, at, error, claimedBy),
    abandon: (id, { at, error, claimedBy }) => must(statements.abandon, id, at, settledFrom + at, error, claimedBy),
    sweep: (before) => ({ statement: statements.sweep, params: [settledFrom, settledFrom + before], mustHit: false }),
  };
}
