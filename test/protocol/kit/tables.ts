import type { Database } from '../../../src/foundation/db/database.ts';
import { type Row, statement, type Value } from '../../../src/foundation/db/statement.ts';

/** Rows by SQL, past every store. */
export const rows = (database: Database, sql: string, params: readonly Value[] = []): Promise<Row[]> =>
  database.all<Row>(statement('test.rows', sql), params);

const tables = [
  'artifacts',
  'grants',
  'sign_in_sessions',
  'denials',
  'clients',
  'client_secrets',
  'resources',
  'resource_scopes',
  'users',
  'password_credentials',
  'role_assignments',
  'one_time_links',
  'pending_registrations',
  'outbox_messages',
  'settings',
  'signing_keys',
] as const;

/** How many rows each table has, the audit left out: refusals are written there. */
export async function rowCounts(database: Database): Promise<Record<string, number>> {
  const counts = await Promise.all(
    tables.map(
      async (table) => [table, Number((await rows(database, `SELECT count(*) AS n FROM ${table}`))[0]?.['n'])] as const,
    ),
  );
  return Object.fromEntries(counts);
}
