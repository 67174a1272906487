import pg from 'pg';
import { unreachable } from '../../errors.ts';
import type { AppliedMigration, Attempt, MigrationConnection } from '../../migrations.ts';
import { whereOf } from './pools.ts';

/** The layout that Prisma's own engine gives this table on PostgreSQL. */
const TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;
const HAS_TABLE = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_prisma_migrations'";
const APPLIED =
  'SELECT migration_name, checksum, finished_at, rolled_back_at, logs FROM _prisma_migrations ORDER BY started_at';
/** The number that Prisma's own engine locks. */
const LOCK = 72_707_369;
const CONNECT_LIMIT_MS = 5000;

interface MigrationRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
  rolled_back_at: Date | null;
  logs: string | null;
}

class PostgresqlMigrations implements MigrationConnection {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async lock(): Promise<void> {
    await this.#client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  }

  async unlock(): Promise<void> {
    await this.#client.query('SELECT pg_advisory_unlock($1)', [LOCK]);
  }

  async createTable(): Promise<void> {
    await this.#client.query(TABLE);
  }

  async applied(): Promise<AppliedMigration[]> {
    if ((await this.#client.query(HAS_TABLE)).rowCount === 0) return [];
    const { rows } = await this.#client.query<MigrationRow>(APPLIED);
    return rows.map((row) => ({
      name: row.migration_name,
      checksum: row.checksum,
      finished: row.finished_at !== null,
      rolledBack: row.rolled_back_at !== null,
      logs: row.logs,
    }));
  }

  async begin(): Promise<void> {
    await this.#client.query('BEGIN');
  }

  async started(attempt: Attempt): Promise<void> {
    await this.#insert(attempt, null);
  }

  async run(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  async finished({ id }: Attempt, at: Date): Promise<void> {
    const update = 'UPDATE _prisma_migrations SET finished_at = $1, applied_steps_count = 1 WHERE id = $2';
    await this.#client.query(update, [at, id]);
  }

  async commit(): Promise<void> {
    await this.#client.query('COMMIT');
  }

  async failed(attempt: Attempt, logs: string): Promise<void> {
    await this.#client.query('ROLLBACK');
    await this.#insert(attempt, logs);
  }

  async close(): Promise<void> {
    await this.#client.end();
  }

  async #insert({ id, migration, at }: Attempt, logs: string | null): Promise<void> {
    const insert =
      'INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, logs) VALUES ($1, $2, $3, $4, $5)';
    await this.#client.query(insert, [id, migration.checksum, migration.name, at, logs]);
  }
}

/** The migrator's connection to PostgreSQL. Throws `store_unavailable` when it cannot be reached. */
export async function postgresqlMigrationConnection(url: string): Promise<MigrationConnection> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    options: '-c synchronous_commit=on',
  });
  // A connection that breaks fails the query that is under way; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw unreachable(whereOf(url), error);
  }
  return new PostgresqlMigrations(client);
}
