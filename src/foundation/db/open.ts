import { createRequire } from 'node:module';
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

/** The generated client of an engine, loaded when it is asked for: as TypeScript from the sources or as JavaScript from the build. */
const clientOf = (engine: Engine) => (): PrismaConstructor => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const generated = createRequire(import.meta.url)(`../../generated/${engine}/client.${extension}`) as {
    PrismaClient: PrismaConstructor;
  };
  return generated.PrismaClient;
};

/**
 * Opens a migrated database (see migrate.ts); the engine follows from the URL, and only what that engine needs is
 * loaded. Throws `database_url`, `store_unavailable`.
 */
export async function openDatabase({ url }: OpenOptions): Promise<Database> {
  const location = locationOf(url);
  const loadClient = clientOf(location.engine);
  switch (location.engine) {
    case 'sqlite': {
      const { openSqlite } = await import('./engines/sqlite/engine.ts');
      return openSqlite(loadClient, { file: location.file });
    }
    case 'postgresql': {
      const { openPostgresql } = await import('./engines/postgresql/engine.ts');
      return openPostgresql(loadClient, location.url);
    }
    case 'mysql': {
      const { openMysql } = await import('./engines/mysql/engine.ts');
      return openMysql(loadClient, location.url);
    }
  }
}
