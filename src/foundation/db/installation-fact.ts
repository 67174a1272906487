import type { Database } from './database.ts';
import { type Operation, statement } from './statement.ts';

const insert = 'INSERT INTO installation_facts (name, value, updated_at) VALUES (?1, ?2, ?3)';
const REMEMBER = statement('remember_installation_fact', {
  sqlite: `${insert} ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
  postgresql: `${insert} ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
  mysql: `${insert} ON DUPLICATE KEY UPDATE value = VALUES(value), updated_at = VALUES(updated_at)`,
});

/** The operation that keeps what the database must remember about itself. `at` is in milliseconds. */
export const rememberFact = (name: string, value: string, at: number): Operation => ({
  statement: REMEMBER,
  params: [name, value, at],
  mustHit: true,
});

const FIND = statement('installation_fact', 'SELECT value FROM installation_facts WHERE name = ?1');

/** What the database remembers under this name. */
export async function readFact(database: Pick<Database, 'get'>, name: string): Promise<string | undefined> {
  return (await database.get<{ value: string }>(FIND, [name]))?.value;
}
