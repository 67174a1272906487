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
