import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/foundation/clock.ts';
import type { Database } from '../../src/foundation/db/database.ts';
import { migrateDatabase } from '../../src/foundation/db/migrate.ts';
import { openDatabase } from '../../src/foundation/db/open.ts';
import { createIds } from '../../src/foundation/ids.ts';
import { systemRandom } from '../../src/foundation/random.ts';

export interface TestDatabase {
  readonly database: Database;
  readonly url: string;
  /** The SQLite file. */
  readonly file: string;
  /** Closes the database and removes its folder. */
  close(): Promise<void>;
}

let template: Promise<string> | undefined;

/** A migrated file, made once a process: migrating takes longer than most tests. */
async function migrateTemplate(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'template.db');
  await migrateDatabase({ url: `file:${file}`, clock: systemClock, ids: createIds(systemClock, systemRandom) });
  return file;
}

/** A migrated SQLite database in a folder of its own. */
export async function openTestDatabase(): Promise<TestDatabase> {
  template ??= migrateTemplate();
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const file = join(folder, 'postern.db');
  copyFileSync(await template, file);
  const url = `file:${file}`;
  const database = await openDatabase({ url });
  return {
    database,
    url,
    file,
    async close() {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
