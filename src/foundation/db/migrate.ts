import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { type DatabaseErrorCode, translate } from './errors.ts';
import {
  type AppliedMigration,
  type Migration,
  type MigrationConnection,
  migrationsFolder,
  readMigrations,
} from './migrations.ts';
import { type Location, locationOf } from './open.ts';

export interface MigrateOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Where the migrations lie; by default those of this program. */
  readonly folder?: string;
}

const problem = (code: DatabaseErrorCode, message: string, cause?: unknown): AppError<DatabaseErrorCode> =>
  new AppError(code, 500, message, { cause });

/** Each engine's driver is loaded only where it is used. */
async function connect(location: Location, readOnly: boolean): Promise<MigrationConnection> {
  switch (location.engine) {
    case 'sqlite': {
      const { sqliteMigrationConnection } = await import('./engines/sqlite/migration-connection.ts');
      return sqliteMigrationConnection(location.file, readOnly);
    }
    case 'postgresql': {
      const { postgresqlMigrationConnection } = await import('./engines/postgresql/migration-connection.ts');
      return postgresqlMigrationConnection(location.url);
    }
    case 'mysql': {
      const { mysqlMigrationConnection } = await import('./engines/mysql/migration-connection.ts');
      return mysqlMigrationConnection(location.url);
    }
  }
}

/** What is not applied yet. Throws when going on would harm the data. */
function pendingOf(migrations: readonly Migration[], rows: readonly AppliedMigration[]): Migration[] {
  const failed = rows.find((row) => !row.finished && !row.rolledBack);
  if (failed !== undefined) {
    const message =
      `The migration ${failed.name} failed before and left the database half changed. ` +
      'Restore the backup made before it, or repair the tables and delete its row from _prisma_migrations; then start again.';
    throw problem('database_migration_failed', message, failed.logs);
  }
  const applied = new Map(rows.filter((row) => row.finished && !row.rolledBack).map((row) => [row.name, row.checksum]));
  const known = new Set(migrations.map((migration) => migration.name));
  const unknown = [...applied.keys()].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const message =
      `The database is newer than this program: it has the migration ${unknown.join(', ')}. ` +
      'Start the newer version, or restore a backup made before the update.';
    throw problem('database_newer', message);
  }
  const edited = migrations.find(({ name, checksum }) => (applied.get(name) ?? checksum) !== checksum);
  if (edited !== undefined) {
    const message = `The migration ${edited.name} was edited after it had been applied. Restore its file from the release.`;
    throw problem('database_migration_failed', message);
  }
  return migrations.filter((migration) => !applied.has(migration.name));
}

async function apply(
  connection: MigrationConnection,
  migration: Migration,
  { clock, ids }: MigrateOptions,
): Promise<void> {
  const attempt = { id: ids.next(), migration, at: new Date(clock.now()) };
  try {
    await connection.begin();
    await connection.started(attempt);
    await connection.run(migration.sql);
    await connection.finished(attempt, new Date(clock.now()));
    await connection.commit();
  } catch (error) {
    // Its first line: MariaDB's connector adds the whole script.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    await connection.failed(attempt, reason);
    throw problem('database_migration_failed', `The migration ${migration.name} failed: ${reason}`, error);
  }
}

/** Opens a connection for `work` and closes it; errors of the driver leave translated. */
async function connected<T>(
  { url, folder }: MigrateOptions,
  readOnly: boolean,
  work: (connection: MigrationConnection, migrations: readonly Migration[]) => Promise<T>,
): Promise<T> {
  const location = locationOf(url);
  let connection: MigrationConnection | undefined;
  try {
    connection = await connect(location, readOnly);
    return await work(connection, readMigrations(folder ?? migrationsFolder(location.engine)));
  } catch (error) {
    throw translate(error);
  } finally {
    await connection?.close();
  }
}

/**
 * The names of the migrations that `migrateDatabase` would apply; changes nothing.
 * Throws `database_newer`, `database_migration_failed`, `store_unavailable`.
 */
export function planMigrations(options: MigrateOptions): Promise<string[]> {
  return connected(options, true, async (connection, migrations) =>
    pendingOf(migrations, await connection.applied()).map((migration) => migration.name),
  );
}

/**
 * Applies what is pending and records it as `prisma migrate deploy` does; returns the names. Safe when several processes
 * start at once: one applies, the others find nothing to do. A SQLite file that is not new is copied first.
 * Throws `database_newer`, `database_migration_failed`, `store_unavailable`.
 */
export function migrateDatabase(options: MigrateOptions): Promise<string[]> {
  return connected(options, false, async (connection, migrations) => {
    // Most starts end here, without a lock. A row that is not finished may be another process at work: look again, locked.
    const before = await connection.applied();
    const isSettled = before.every((row) => row.finished || row.rolledBack);
    if (isSettled && pendingOf(migrations, before).length === 0) return [];
    await connection.lock();
    try {
      const rows = await connection.applied();
      const pending = pendingOf(migrations, rows);
      const [first] = pending;
      if (first !== undefined && rows.length > 0) await connection.backUp?.(first.name);
      await connection.createTable();
      for (const migration of pending) await apply(connection, migration, options);
      return pending.map((migration) => migration.name);
    } finally {
      await connection.unlock();
    }
  });
}
