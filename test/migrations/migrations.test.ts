import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrationSql, pendingSql } from '../../prisma/scripts/migration.mjs';
import { migrateDatabase, planMigrations } from '../../src/foundation/db/migrate.ts';
import { migrationsFolder, readMigrations } from '../../src/foundation/db/migrations.ts';
import { openDatabase } from '../../src/foundation/db/open.ts';
import { createMigrated, ENGINES, migrating, type Server } from '../storage/kit/engines.ts';
import { catalogOf } from './kit/catalog.ts';
import { createMigrationFolders } from './kit/folders.ts';

const processFile = join(import.meta.dirname, 'kit/migrate-process.ts');
const migrateInProcess = async (url: string): Promise<string[]> => {
  const { stdout } = await promisify(execFile)(process.execPath, [processFile, url]);
  return JSON.parse(stdout) as string[];
};

const folders = createMigrationFolders();
afterAll(() => folders.remove());

const FIRST = { '1_first': 'CREATE TABLE thing (id VARCHAR(36) PRIMARY KEY NOT NULL);' };
const SECOND = { ...FIRST, '2_second': 'CREATE TABLE other (id VARCHAR(36) PRIMARY KEY NOT NULL);' };
const BROKEN = { ...FIRST, '2_broken': 'CREATE TABLE half (id VARCHAR(36));\n\nINSERT INTO nowhere VALUES (1);' };
const EDITED = { '1_first': `${FIRST['1_first']}\n-- edited` };

describe('the migrations of all engines', () => {
  it('were made from the models as they are', async () => {
    expect((await pendingSql()).empty).toBe(true);
  });

  it('have the same names', () => {
    const names = ENGINES.map(({ engine }) =>
      readMigrations(migrationsFolder(engine)).map((migration) => migration.name),
    );
    expect(names[0]?.length).toBeGreaterThan(0);
    expect(names[1]).toEqual(names[0]);
    expect(names[2]).toEqual(names[0]);
  });
});

describe.each(ENGINES)('migrating $name', ({ engine, start }) => {
  let server: Server;

  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  const made = (migrations: Readonly<Record<string, string>>, url: string) => migrating(url, folders.make(migrations));

  it('ends where the models would have ended, column by column', async () => {
    const { models } = await pendingSql();
    const { database: migrated } = await createMigrated(server, 'by_migrations');
    const url = await server.createDatabase('by_models');
    await migrateDatabase(made({ '1_models': await migrationSql(engine, null, models) }, url));
    const direct = await openDatabase({ url });
    try {
      const catalog = await catalogOf(migrated);
      expect(catalog.length).toBeGreaterThan(100);
      expect(await catalogOf(direct)).toEqual(catalog);
    } finally {
      await Promise.all([migrated.close(), direct.close()]);
    }
  });

  it('plans without changing anything, applies once, and then has nothing to do', async () => {
    const url = await server.createDatabase('plan');
    const names = readMigrations(migrationsFolder(engine)).map((migration) => migration.name);
    expect(await planMigrations(migrating(url))).toEqual(names);
    expect(await planMigrations(migrating(url))).toEqual(names);
    expect(await migrateDatabase(migrating(url))).toEqual(names);
    expect(await planMigrations(migrating(url))).toEqual([]);
    expect(await migrateDatabase(migrating(url))).toEqual([]);
  });

  it('is done by one of several processes that start at once', async () => {
    const url = await server.createDatabase('at_once');
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrateInProcess(url)));
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
  });

  it('records what it did as Prisma does', async () => {
    const { database } = await createMigrated(server, 'record');
    const rows = await database.prisma.$queryRawUnsafe<Array<Record<string, unknown>>>(
      'SELECT * FROM _prisma_migrations',
    );
    await database.close();
    const [migration] = readMigrations(migrationsFolder(engine));
    expect(rows[0]).toMatchObject({
      migration_name: migration?.name,
      checksum: migration?.checksum,
      logs: null,
      rolled_back_at: null,
    });
    expect(rows[0]?.finished_at).not.toBeNull();
    expect(Number(rows[0]?.applied_steps_count)).toBe(1);
  });

  it('refuses a database that is newer than the program, and leaves it as it is', async () => {
    const url = await server.createDatabase('newer');
    await migrateDatabase(made(SECOND, url));
    const older = made(FIRST, url);
    await expect(migrateDatabase(older)).rejects.toMatchObject({ code: 'database_newer' });
    await expect(planMigrations(older)).rejects.toThrow(/newer than this program: it has the migration 2_second/);
    expect(await planMigrations(made(SECOND, url))).toEqual([]);
  });

  it('stops at a migration that fails, and does not start again until somebody has looked', async () => {
    const url = await server.createDatabase('failing');
    await expect(migrateDatabase(made(BROKEN, url))).rejects.toThrow(/The migration 2_broken failed: .*nowhere/s);
    const again = migrateDatabase(made({ ...SECOND, ...BROKEN }, url));
    await expect(again).rejects.toMatchObject({ code: 'database_migration_failed' });
    await expect(planMigrations(made(BROKEN, url))).rejects.toThrow(/2_broken failed before/);
    const database = await openDatabase({ url });
    const half = await database.prisma.$queryRawUnsafe('SELECT * FROM half').then(
      () => 'there',
      () => 'gone',
    );
    await database.close();
    // MySQL commits each statement that changes the schema by itself.
    expect(half).toBe(engine === 'mysql' ? 'there' : 'gone');
  });

  it('refuses a migration that was edited after it had been applied', async () => {
    const url = await server.createDatabase('edited');
    await migrateDatabase(made(FIRST, url));
    await expect(migrateDatabase(made(EDITED, url))).rejects.toThrow(/1_first was edited/);
  });

  it('can name every column of every table without quotes', async () => {
    const { database } = await createMigrated(server, 'names');
    const { models } = await pendingSql();
    for (const [, body = ''] of models.matchAll(/^model \w+ \{\n(.*?)^\}/gms)) {
      const table = /@@map\("(\w+)"\)/.exec(body)?.[1];
      const fields = [...body.matchAll(/^ {2}(\w+)\s+(?:String|BigInt|Int|Boolean)\b(.*)$/gm)];
      const columns = fields.map(([, name, rest = '']) => /[^@]@map\("(\w+)"\)/.exec(rest)?.[1] ?? name);
      expect(columns.length).toBeGreaterThan(0);
      expect(await database.prisma.$queryRawUnsafe(`SELECT ${columns.join(', ')} FROM ${table}`)).toEqual([]);
    }
    await database.close();
  });
});

describe('migrating a SQLite file', () => {
  let server: Server;
  beforeAll(async () => {
    server = (await ENGINES.find(({ engine }) => engine === 'sqlite')?.start()) as Server;
  });
  afterAll(() => server.stop());

  const fileOf = (url: string): string => url.slice('file:'.length);
  const made = (migrations: Readonly<Record<string, string>>, url: string) => migrating(url, folders.make(migrations));

  it('creates the file for its owner alone, and not by planning', async () => {
    const url = await server.createDatabase('owner');
    await planMigrations(migrating(url));
    expect(existsSync(fileOf(url))).toBe(false);
    await migrateDatabase(migrating(url));
    expect(statSync(fileOf(url)).mode & 0o777).toBe(0o600);
  });

  it('leaves nothing beside the file by looking at it', async () => {
    const url = await server.createDatabase('looked-at');
    await migrateDatabase(migrating(url));
    const before = statSync(fileOf(url)).mtimeMs;
    expect(await planMigrations(migrating(url))).toEqual([]);
    for (const end of ['-wal', '-shm']) expect(existsSync(`${fileOf(url)}${end}`)).toBe(false);
    expect(statSync(fileOf(url)).mtimeMs).toBe(before);
  });

  it('says that a file is something else, and to restore the backup', async () => {
    const url = await server.createDatabase('letter');
    writeFileSync(fileOf(url), 'This is a letter to my aunt. '.repeat(100));
    for (const open of [planMigrations, migrateDatabase]) {
      await expect(open(migrating(url))).rejects.toThrow(/cannot be opened .*not a database.* Restore your backup/);
    }
  });

  it('copies a file that is in use before it changes it, for its owner alone', async () => {
    const url = await server.createDatabase('copied');
    await migrateDatabase(made(FIRST, url));
    const copy = `${fileOf(url)}.before-2_second`;
    const live = new DatabaseSync(fileOf(url));
    live.exec("INSERT INTO thing (id) VALUES ('kept')");
    await migrateDatabase(made(SECOND, url));
    live.close();
    expect(existsSync(`${fileOf(url)}.before-1_first`)).toBe(false);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const restored = `${fileOf(url)}.restored`;
    copyFileSync(copy, restored);
    const database = new DatabaseSync(restored);
    expect(database.prepare('SELECT id FROM thing').all()).toMatchObject([{ id: 'kept' }]);
    expect(database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'other'").get()).toBeUndefined();
    database.close();
  });

  it('keeps the rows that refer to a table which is made anew', async () => {
    const url = await server.createDatabase('cascade');
    const family = {
      '1_family': `CREATE TABLE parent (id TEXT PRIMARY KEY NOT NULL);
        CREATE TABLE child (id TEXT PRIMARY KEY NOT NULL, parent TEXT NOT NULL REFERENCES parent (id) ON DELETE CASCADE);
        INSERT INTO parent VALUES ('p');
        INSERT INTO child VALUES ('c', 'p');`,
    };
    // As Prisma writes it: inside the migrator's transaction its two pragmas do nothing.
    const anew = `PRAGMA defer_foreign_keys=ON;
      PRAGMA foreign_keys=OFF;
      CREATE TABLE "new_parent" ("id" TEXT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL DEFAULT '');
      INSERT INTO "new_parent" ("id") SELECT "id" FROM "parent";
      DROP TABLE "parent";
      ALTER TABLE "new_parent" RENAME TO "parent";
      PRAGMA foreign_keys=ON;
      PRAGMA defer_foreign_keys=OFF;`;
    await migrateDatabase(made({ ...family, '2_anew': anew }, url));
    const database = new DatabaseSync(fileOf(url));
    expect(database.prepare('SELECT id FROM child').all()).toHaveLength(1);
    database.close();
  });

  it('rolls a migration back that would leave rows referring to nothing', async () => {
    const url = await server.createDatabase('orphans');
    const family = {
      '1_family': `CREATE TABLE parent (id TEXT PRIMARY KEY NOT NULL);
        CREATE TABLE child (parent TEXT NOT NULL REFERENCES parent (id));
        INSERT INTO parent VALUES ('p');
        INSERT INTO child VALUES ('p');`,
    };
    await expect(migrateDatabase(made({ ...family, '2_orphan': 'DELETE FROM parent;' }, url))).rejects.toThrow(
      /rows of child/,
    );
    const database = new DatabaseSync(fileOf(url));
    expect(database.prepare('SELECT id FROM parent').all()).toHaveLength(1);
    database.close();
  });

  it('says in one line that a file cannot be opened', async () => {
    const error: unknown = await migrateDatabase(migrating('file:/nonexistent/postern.db')).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'store_unavailable' });
    expect(String((error as Error).message)).toMatch(
      /^The database file \/nonexistent\/postern\.db cannot be opened .*writable/,
    );
  });
});
