import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';

/** By what sign-ins are counted. Nothing of it is a person's. */
export interface Counted {
  /** The day in UTC, as `2026-11-21`. */
  readonly day: string;
  /** `begun`, or why it ended. */
  readonly event: string;
  readonly client: string;
  readonly device: string;
  readonly country: string;
}

/** How many there were, and how long they took together where they have ended. */
export interface CountRow extends Counted {
  readonly sessions: number;
  readonly seconds: number;
}

interface StoredRow extends Row {
  day: string;
  event: string;
  client_id: string;
  device: string;
  country: string;
  sessions: number;
  seconds: number;
}

const insert =
  'INSERT INTO session_counts (id, day, event, client_id, device, country, sessions, seconds) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)';
const added =
  'sessions = session_counts.sessions + excluded.sessions, seconds = session_counts.seconds + excluded.seconds';
const old = 'FROM session_counts WHERE day < ?1 LIMIT 500';
const statements = {
  add: statement('session-count-add', {
    sqlite: `${insert} ON CONFLICT (id) DO UPDATE SET ${added}`,
    postgresql: `${insert} ON CONFLICT (id) DO UPDATE SET ${added}`,
    mysql: `${insert} ON DUPLICATE KEY UPDATE sessions = sessions + VALUES(sessions), seconds = seconds + VALUES(seconds)`,
  }),
  since: statement(
    'session-count-since',
    'SELECT day, event, client_id, device, country, sessions, seconds FROM session_counts WHERE day >= ?1 ORDER BY day',
  ),
  sweep: statement('session-count-sweep', {
    sqlite: `DELETE FROM session_counts WHERE id IN (SELECT id ${old})`,
    postgresql: `DELETE FROM session_counts WHERE id IN (SELECT id ${old})`,
    mysql: `DELETE ${old}`,
  }),
} as const;

export interface StatisticsStore {
  /** The operation that adds to what is counted. */
  add(row: CountRow): Operation;
  /** From that day on. */
  since(day: string): Promise<CountRow[]>;
  /** Removes a batch of what is older than that day. */
  sweep(day: string): Operation;
}

export function createStatisticsStore({ database }: { readonly database: Database }): StatisticsStore {
  return {
    add({ day, event, client, device, country, sessions, seconds }) {
      const by = [day, event, client, device, country];
      const params = [sha256(JSON.stringify(by)), ...by, sessions, seconds];
      return { statement: statements.add, params, mustHit: false };
    },
    async since(day) {
      const rows = await database.all<StoredRow>(statements.since, [day]);
      return rows.map(({ client_id: client, sessions, seconds, ...row }) => ({
        ...row,
        client,
        sessions: Number(sessions),
        seconds: Number(seconds),
      }));
    },
    sweep: (day) => ({ statement: statements.sweep, params: [day], mustHit: false }),
  };
}
