import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/foundation/clock.ts';
import type { Database } from '../../../src/foundation/db/database.ts';
import { type MigrateOptions, migrateDatabase } from '../../../src/foundation/db/migrate.ts';
import { openDatabase } from '../../../src/foundation/db/open.ts';
import type { Engine } from '../../../src/foundation/db/statement.ts';
import { createIds } from '../../../src/foundation/ids.ts';
import { systemRandom } from '../../../src/foundation/random.ts';
import { startMariadb } from '../../kit/services/mariadb.ts';
import { startPostgres } from '../../kit/services/postgres.ts';

/** A server (or, for SQLite, a folder) that makes empty databases. */
export interface Server {
  /** An empty database; its URL. */
  createDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
}

export interface EngineUnderTest {
  readonly engine: Engine;
  readonly name: string;
  readonly start: () => Promise<Server>;
}

async function startSqlite(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-sqlite-'));
  return {
    createDatabase: async (name) => `file:${join(folder, `${name}.db`)}`,
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What every case of the storage suite runs on. */
export const ENGINES: readonly EngineUnderTest[] = [
  { engine: 'sqlite', name: 'SQLite', start: startSqlite },
  { engine: 'postgresql', name: 'PostgreSQL', start: startPostgres },
  { engine: 'mysql', name: 'MariaDB', start: startMariadb },
];

export const ids = createIds(systemClock, systemRandom);

/** What the migrator needs to know for this URL. */
export const migrating = (url: string, folder?: string): MigrateOptions => ({
  url,
  clock: systemClock,
  ids,
  ...(folder === undefined ? {} : { folder }),
});

/** A fresh database with today's tables, and its URL. */
export async function createMigrated(server: Server, name: string): Promise<{ database: Database; url: string }> {
  const url = await server.createDatabase(name);
  await migrateDatabase(migrating(url));
  return { url, database: await openDatabase({ url }) };
}
