import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../../errors.ts';
import type { AppliedMigration, Attempt, MigrationConnection } from '../../migrations.ts';

/** The layout that Prisma's own engine gives this table on SQLite. */
const TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
)`;
const HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_prisma_migrations'";
const APPLIED =
  'SELECT migration_name, checksum, finished_at, rolled_back_at, logs FROM _prisma_migrations ORDER BY started_at';
const OWNER_ONLY = 0o600;
const LOCK_WAIT_MS = 30_000;

const makePrivate = (file: string): void => closeSync(openSync(file, 'a', OWNER_ONLY));

function open(file: string, readOnly: boolean): DatabaseSync {
  if (readOnly) return openToLook(file);
  // Made here rather than by SQLite, whose files anybody may read; the log files take over this mode.
  makePrivate(file);
  // Foreign keys are off before the transaction begins, where the pragma would do nothing: Prisma redefines a table by
  // dropping it, and DROP TABLE of a parent would fire ON DELETE CASCADE and take every child row along.
  const database = new DatabaseSync(file, { timeout: LOCK_WAIT_MS, enableForeignKeyConstraints: false });
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
  return database;
}

/**
 * Looks without changing anything. A file that is not there yet has nothing to say, and asking must not create it. Not
 * opened `readOnly`: SQLite makes its log files beside the database for such a reader too, and that one cannot take them away.
 */
function openToLook(file: string): DatabaseSync {
  if (!existsSync(file)) return new DatabaseSync(':memory:');
  const database = new DatabaseSync(file, { timeout: LOCK_WAIT_MS });
  // The second one reads the file, so that something else than a database is found here.
  database.exec('PRAGMA query_only=ON; PRAGMA schema_version');
  return database;
}

/** Copies the file through a connection of its own, because VACUUM cannot run inside the migrator's transaction. */
function copyDatabase(file: string, copy: string): void {
  // An earlier attempt's copy is the older, and so the better one.
  if (existsSync(copy)) return;
  const unfinished = `${copy}.unfinished`;
  rmSync(unfinished, { force: true });
  makePrivate(unfinished);
  const reader = new DatabaseSync(file, { readOnly: true });
  try {
    reader.prepare('VACUUM INTO ?').run(unfinished);
  } finally {
    reader.close();
  }
  renameSync(unfinished, copy);
}

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26]);

function remedyFor(error: unknown): string {
  const code = ((error as { errcode?: number }).errcode ?? 0) % 256;
  if (DAMAGED.has(code)) return 'Restore your backup, or name another file with POSTERN_DATABASE_URL.';
  return 'Its folder must exist and be writable, with space left.';
}

/** Never leaves rows that point nowhere: foreign keys are off while the script runs. */
function runScript(database: DatabaseSync, sql: string): void {
  database.exec(sql);
  const broken = database.prepare('PRAGMA foreign_key_check').get();
  if (broken !== undefined) throw new Error(`rows of ${String(broken.table)} refer to rows that do not exist`);
}

function insertRow(database: DatabaseSync, { id, migration, at }: Attempt, logs: string | null): void {
  const insert =
    'INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, logs) VALUES (?, ?, ?, ?, ?)';
  database.prepare(insert).run(id, migration.checksum, migration.name, at.toISOString(), logs);
}

function readApplied(database: DatabaseSync): AppliedMigration[] {
  if (database.prepare(HAS_TABLE).get() === undefined) return [];
  return database
    .prepare(APPLIED)
    .all()
    .map((row) => ({
      name: String(row.migration_name),
      checksum: String(row.checksum),
      finished: row.finished_at !== null,
      rolledBack: row.rolled_back_at !== null,
      logs: row.logs === null ? null : String(row.logs),
    }));
}

/**
 * The migrator's connection to a SQLite file, which is created if missing unless `readOnly`. The whole run is one write
 * transaction: of two processes that start together the second one waits, then finds nothing to do.
 * Throws `store_unavailable` when the file cannot be opened.
 */
export async function sqliteMigrationConnection(file: string, readOnly: boolean): Promise<MigrationConnection> {
  let database: DatabaseSync;
  try {
    database = open(file, readOnly);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The database file ${file} cannot be opened (${reason}). ${remedyFor(error)}`;
    throw new AppError('store_unavailable', 503, message, { cause: error });
  }
  return {
    lock: async () => database.exec('BEGIN IMMEDIATE'),
    // A full disk makes SQLite roll back by itself.
    unlock: async () => {
      if (database.isTransaction) database.exec('COMMIT');
    },
    createTable: async () => database.exec(TABLE),
    applied: async () => readApplied(database),
    begin: async () => database.exec('SAVEPOINT migration'),
    started: async (attempt) => insertRow(database, attempt, null),
    run: async (sql) => runScript(database, sql),
    async finished({ id }, at) {
      const update = 'UPDATE _prisma_migrations SET finished_at = ?, applied_steps_count = 1 WHERE id = ?';
      database.prepare(update).run(at.toISOString(), id);
    },
    commit: async () => database.exec('RELEASE migration'),
    async failed(attempt, logs) {
      if (!database.isTransaction) return;
      database.exec('ROLLBACK TO migration; RELEASE migration');
      insertRow(database, attempt, logs);
    },
    backUp: async (before) => copyDatabase(file, `${file}.before-${before}`),
    close: async () => database.close(),
  };
}
