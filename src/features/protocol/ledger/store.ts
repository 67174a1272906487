import type { Database } from '../../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../../foundation/db/statement.ts';

/** A sign-in as it is counted. Times are milliseconds since the epoch. */
export interface LedgerRow extends Row {
  id: string;
  created_at: number;
  last_seen_at: number;
  ended_at: number | null;
  end_reason: string | null;
  client_id: string | null;
  user_agent: string | null;
  hints: string | null;
  place: string | null;
}

/** How far a sign-in is counted: not yet, its beginning, its end as well. */
const stages = { new: 0, begun: 1, ended: 2 } as const;

/** So many at once: small enough that nobody waits for it. */
const batch = 200;
const columns = 'id, created_at, last_seen_at, ended_at, end_reason, client_id, user_agent, hints, place';
const due = (condition: string): string =>
  `SELECT ${columns} FROM sign_in_sessions WHERE counted = ${condition} LIMIT ${batch}`;
const statements = {
  begun: statement('ledger-begun', due(`${stages.new} AND created_at <= ?1`)),
  ended: statement('ledger-ended', due(`${stages.begun} AND ended_at > 0`)),
  expired: statement('ledger-expired', due(`${stages.begun} AND ended_at IS NULL AND expires_at < ?1`)),
  count: statement('ledger-count', 'UPDATE sign_in_sessions SET counted = ?2 WHERE id = ?1 AND counted = ?3'),
  active: statement(
    'ledger-active',
    `SELECT COUNT(*) AS active FROM sign_in_sessions WHERE counted IN (${stages.new}, ${stages.begun}) AND ended_at IS NULL AND expires_at > ?1`,
  ),
} as const;

/** What is to be counted of sign-ins, for who counts them. Each is counted once, whatever the number of processes. */
export interface SessionLedger {
  /** Some that began before then and are not counted. */
  begun(before: number): Promise<LedgerRow[]>;
  /** Some that have ended, or had expired by then, and of which only the beginning is counted. */
  ended(now: number): Promise<LedgerRow[]>;
  /** How many have neither ended nor expired. */
  active(now: number): Promise<number>;
  /** The operation that notes that it is counted. It must hit: it misses what another process has counted meanwhile. */
  count(id: string, what: 'begun' | 'ended'): Operation;
}

export function createSessionLedger({ database }: { readonly database: Database }): SessionLedger {
  return {
    begun: (before) => database.all<LedgerRow>(statements.begun, [before]),
    async ended(now) {
      const ended = await database.all<LedgerRow>(statements.ended, []);
      return ended.length > 0 ? ended : database.all<LedgerRow>(statements.expired, [now]);
    },
    active: async (now) => Number((await database.get<{ active: number }>(statements.active, [now]))?.active ?? 0),
    count: (id, what) => ({
      statement: statements.count,
      params: [id, stages[what], what === 'begun' ? stages.new : stages.begun],
      mustHit: true,
    }),
  };
}
