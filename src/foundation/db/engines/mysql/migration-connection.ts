import mariadb from 'mariadb';
import { AppError } from '../../../errors.ts';
import { unreachable } from '../../errors.ts';
import type { AppliedMigration, Attempt, MigrationConnection } from '../../migrations.ts';
import { connectionFrom, whereOf } from './pools.ts';

/** The layout that Prisma's own engine gives this table on MySQL. */
const TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             DATETIME(3),
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          DATETIME(3),
    started_at              DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    applied_steps_count     INTEGER UNSIGNED NOT NULL DEFAULT 0
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`;
const HAS_TABLE =
  "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '_prisma_migrations'";
const APPLIED =
  'SELECT migration_name, checksum, finished_at, rolled_back_at, logs FROM _prisma_migrations ORDER BY started_at';
/** The name that Prisma's own engine locks. */
const LOCK = 'prisma_migrate';
const LOCK_WAIT_S = 60;

interface MigrationRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
  rolled_back_at: Date | null;
  logs: string | null;
}

class MysqlMigrations implements MigrationConnection {
  readonly #connection: mariadb.Connection;

  constructor(connection: mariadb.Connection) {
    this.#connection = connection;
  }

  async lock(): Promise<void> {
    const rows = await this.#connection.query<Array<{ got: unknown }>>('SELECT GET_LOCK(?, ?) AS got', [
      LOCK,
      LOCK_WAIT_S,
    ]);
    if (Number(rows[0]?.got) === 1) return;
    const message = 'Another process has been migrating this database for a minute. Wait for it, then start again.';
    throw new AppError('store_busy', 503, message);
  }

  async unlock(): Promise<void> {
    await this.#connection.query('SELECT RELEASE_LOCK(?)', [LOCK]);
  }

  async createTable(): Promise<void> {
    await this.#connection.query(TABLE);
  }

  async applied(): Promise<AppliedMigration[]> {
    if ((await this.#connection.query<unknown[]>(HAS_TABLE)).length === 0) return [];
    const rows = await this.#connection.query<MigrationRow[]>(APPLIED);
    return rows.map((row) => ({
      name: row.migration_name,
      checksum: row.checksum,
      finished: row.finished_at !== null,
      rolledBack: row.rolled_back_at !== null,
      logs: row.logs,
    }));
  }

  /** Nothing to begin: DDL commits by itself. */
  async begin(): Promise<void> {}

  async started({ id, migration, at }: Attempt): Promise<void> {
    const insert = 'INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES (?, ?, ?, ?)';
    await this.#connection.query(insert, [id, migration.checksum, migration.name, at]);
  }

  async run(sql: string): Promise<void> {
    await this.#connection.query(sql);
  }

  async finished({ id }: Attempt, at: Date): Promise<void> {
    const update = 'UPDATE _prisma_migrations SET finished_at = ?, applied_steps_count = 1 WHERE id = ?';
    await this.#connection.query(update, [at, id]);
  }

  /** Nothing to commit: DDL has done so. */
  async commit(): Promise<void> {}

  async failed({ id }: Attempt, logs: string): Promise<void> {
    await this.#connection.query('UPDATE _prisma_migrations SET logs = ? WHERE id = ?', [logs, id]);
  }

  async close(): Promise<void> {
    await this.#connection.end();
  }
}

/**
 * The migrator's connection to MySQL or MariaDB. DDL commits by itself there, so a migration that fails half way stays half
 * applied, and is recorded as failed. Throws `store_unavailable` when the server cannot be reached.
 */
export async function mysqlMigrationConnection(url: string): Promise<MigrationConnection> {
  let connection: mariadb.Connection;
  try {
    connection = await mariadb.createConnection({ ...connectionFrom(url), timezone: 'Z', multipleStatements: true });
  } catch (error) {
    throw unreachable(whereOf(url), error);
  }
  // A connection that breaks fails the query that is under way; without a listener it would end the process.
  connection.on('error', () => undefined);
  return new MysqlMigrations(connection);
}
