import { fileURLToPath } from 'node:url';
import { AppError } from '../errors.ts';
import type { Database } from './database.ts';
import type { PrismaConstructor } from './prisma-side.ts';
import type { Engine } from './statement.ts';

/** Where a database is. */
export type Location =
  | { readonly engine: 'sqlite'; readonly file: string }
  | { readonly engine: 'postgresql'; readonly url: string }
  | { readonly engine: 'mysql'; readonly url: string };

const SCHEMES: Readonly<Record<string, Engine>> = {
  file: 'sqlite',
  postgresql: 'postgresql',
  postgres: 'postgresql',
  mysql: 'mysql',
  mariadb: 'mysql',
};

/**
 * Reads a database URL: `file:…` (relative to the working directory unless absolute), `postgresql://…`, `mysql://…`.
 * Throws AppError `database_url` (400) for any other.
 */
export function locationOf(url: string): Location {
  const engine = SCHEMES[/^([a-z]+):/.exec(url)?.[1] ?? ''];
  if (engine === undefined) {
    throw new AppError('database_url', 400, 'The database URL must begin with file:, postgresql:// or mysql://.');
  }
  if (engine !== 'sqlite') return { engine, url };
  return { engine, file: url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length) };
}

export interface OpenOptions {
  readonly url: string;
}

/**
 * Opens a migrated database (see migrate.ts); the engine follows from the URL, and only that engine's client is loaded.
 * Throws `database_url`, `store_unavailable`.
 */
export async function openDatabase({ url }: OpenOptions): Promise<Database> {
  const location = locationOf(url);
  switch (location.engine) {
    case 'sqlite': {
      const [{ PrismaClient }, { openSqlite }] = await Promise.all([
        import('../../generated/sqlite/client.ts'),
        import('./engines/sqlite/engine.ts'),
      ]);
      return openSqlite(PrismaClient as unknown as PrismaConstructor, { file: location.file });
    }
    case 'postgresql': {
      const [{ PrismaClient }, { openPostgresql }] = await Promise.all([
        import('../../generated/postgresql/client.ts'),
        import('./engines/postgresql/engine.ts'),
      ]);
      return openPostgresql(PrismaClient as unknown as PrismaConstructor, location.url);
    }
    case 'mysql': {
      const [{ PrismaClient }, { openMysql }] = await Promise.all([
        import('../../generated/mysql/client.ts'),
        import('./engines/mysql/engine.ts'),
      ]);
      return openMysql(PrismaClient as unknown as PrismaConstructor, location.url);
    }
  }
}
