import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';

interface UnlockRow extends Row {
  account_id: string;
  at: number;
}

const insert = 'INSERT INTO unlocks (account_id, at) VALUES (?1, ?2)';
const old = 'FROM unlocks WHERE at < ?1 LIMIT 500';
const statements = {
  all: statement('unlock_all', 'SELECT account_id, at FROM unlocks'),
  // Always another time than before, or two within a millisecond would look like one.
  put: statement('unlock_put', {
    sqlite: `${insert} ON CONFLICT (account_id) DO UPDATE SET at = max(unlocks.at + 1, excluded.at)`,
    postgresql: `${insert} ON CONFLICT (account_id) DO UPDATE SET at = greatest(unlocks.at + 1, excluded.at)`,
    mysql: `${insert} ON DUPLICATE KEY UPDATE at = greatest(at + 1, VALUES(at))`,
  }),
  erase: statement('unlock_erase', 'DELETE FROM unlocks WHERE account_id = ?1'),
  sweep: statement('unlock_sweep', {
    sqlite: `DELETE FROM unlocks WHERE account_id IN (SELECT account_id ${old})`,
    postgresql: `DELETE FROM unlocks WHERE account_id IN (SELECT account_id ${old})`,
    mysql: `DELETE ${old}`,
  }),
} as const;

/** When accounts were opened by hand. */
export interface UnlockStore {
  /** By account id, in milliseconds. */
  all(): Promise<Map<string, number>>;
  put(accountId: string): Operation;
  erase(accountId: string): Operation;
  sweep(before: number): Operation;
}

export const createUnlockStore = ({ database, clock }: { database: Database; clock: Clock }): UnlockStore => ({
  async all() {
    const rows = await database.all<UnlockRow>(statements.all, []);
    return new Map(rows.map((row) => [row.account_id, row.at]));
  },
  erase: (accountId) => ({ statement: statements.erase, params: [accountId], mustHit: false }),
  put: (accountId) => ({ statement: statements.put, params: [accountId, clock.now()], mustHit: false }),
  sweep: (before) => ({ statement: statements.sweep, params: [before], mustHit: false }),
});
