import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Engine } from './statement.ts';

/** One step of the schema, as it lies in prisma/engines/<engine>/migrations. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, as `prisma migrate deploy` records it. */
  readonly checksum: string;
}

/** A row of Prisma's own table `_prisma_migrations`. */
export interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  readonly finished: boolean;
  readonly rolledBack: boolean;
  readonly logs: string | null;
}

/** One application of a migration, as a row of that table. */
export interface Attempt {
  readonly id: string;
  readonly migration: Migration;
  readonly at: Date;
}

/**
 * One connection of an engine for migrating. Between `lock` and `unlock` no other process migrates this database.
 */
export interface MigrationConnection {
  lock(): Promise<void>;
  unlock(): Promise<void>;
  /** Creates Prisma's table if it is missing. */
  createTable(): Promise<void>;
  applied(): Promise<AppliedMigration[]>;
  /** Begins a migration. Where the engine can, everything up to `commit` is stored together or not at all. */
  begin(): Promise<void>;
  started(attempt: Attempt): Promise<void>;
  /** Runs a migration's script. */
  run(sql: string): Promise<void>;
  finished(attempt: Attempt, at: Date): Promise<void>;
  commit(): Promise<void>;
  /** Undoes what can be undone and records the failure. */
  failed(attempt: Attempt, logs: string): Promise<void>;
  /** Copies the database beside itself, while this connection holds the lock; undefined where operators make their own backups. */
  backUp?(before: string): Promise<void>;
  close(): Promise<void>;
}

/** prisma/engines stands beside both src and dist. */
const ENGINES = new URL('../../../prisma/engines/', import.meta.url);

/** The folder of an engine's migrations. */
export const migrationsFolder = (engine: Engine): string => fileURLToPath(new URL(`${engine}/migrations/`, ENGINES));

/** The migrations in a folder, oldest first. */
export function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder).filter((name) => existsSync(`${folder}/${name}/migration.sql`));
  return names.toSorted().map((name) => {
    const sql = readFileSync(`${folder}/${name}/migration.sql`, 'utf8');
    return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}
