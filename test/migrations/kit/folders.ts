import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folders of migrations that a test makes up, removed together. */
export interface MigrationFolders {
  /** A folder with these migrations: name → SQL. */
  make(migrations: Readonly<Record<string, string>>): string;
  remove(): void;
}

export function createMigrationFolders(): MigrationFolders {
  const root = mkdtempSync(join(tmpdir(), 'postern-migrations-'));
  let count = 0;
  return {
    make(migrations) {
      const folder = join(root, String(++count));
      for (const [name, sql] of Object.entries(migrations)) {
        mkdirSync(join(folder, name), { recursive: true });
        writeFileSync(join(folder, name, 'migration.sql'), sql);
      }
      return folder;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
