import { existsSync } from 'node:fs';
import type { Clock } from '../foundation/clock.ts';
import { prepareDataDir } from '../foundation/config/data-dir.ts';
import { checkKeyFingerprint, loadEncryptionKeys } from '../foundation/config/encryption-key.ts';
import type { Config } from '../foundation/config/schema.ts';
import { createKeyRing, type KeyRing } from '../foundation/crypto/key-ring.ts';
import type { Database } from '../foundation/db/database.ts';
import { readFact, rememberFact } from '../foundation/db/installation-fact.ts';
import { migrateDatabase, planMigrations } from '../foundation/db/migrate.ts';
import { openDatabase } from '../foundation/db/open.ts';
import type { Ids } from '../foundation/ids.ts';
import type { Random } from '../foundation/random.ts';

export interface StoreParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
}

export interface Store {
  readonly database: Database;
  readonly keyRing: KeyRing;
  /** The migrations that were applied just now. */
  readonly migrated: readonly string[];
  /** The key file, when this server keeps its own. */
  readonly keyFile: string | undefined;
}

/** The row under which the database remembers which key it was encrypted with. */
const fingerprintName = 'encryption.fingerprint';

/**
 * Opens the database with its key, migrated. Everything that can be wrong is found before anything is touched: a lost
 * key, a key of another database, a database that is newer than this program.
 * Throws `key_missing`, `key_wrong`, `database_newer`, `store_unavailable`.
 */
export async function openStore(parts: StoreParts): Promise<Store> {
  const { keys, file, migrated } = await migrateStore(parts);
  const database = await openDatabase({ url: parts.config.databaseUrl });
  try {
    await rememberKey(database, keys, parts.clock);
  } catch (error) {
    await database.close();
    throw error;
  }
  return { database, keyRing: createKeyRing({ keys, random: parts.random }), migrated, keyFile: file };
}

/** The migrations, after the key has been made or found to fit. For `postern migrate`, and the first part of a start. */
export async function migrateStore(parts: StoreParts) {
  const { config, clock, random, ids } = parts;
  prepareDataDir(config.dataDir);
  const databaseExists = config.databaseFile !== undefined && existsSync(config.databaseFile);
  const { keys, file } = loadEncryptionKeys({ config, databaseExists, random });
  const within = { url: config.databaseUrl, clock, ids };
  const isNew = config.databaseFile !== undefined && !databaseExists;
  const pending = isNew ? [] : await planMigrations(within);
  if (pending.length > 0) await checkKeyBefore(config.databaseUrl, keys);
  return { keys, file, migrated: isNew || pending.length > 0 ? await migrateDatabase(within) : [] };
}

/** A database that waits for migrations must already be ours: migrating it under a wrong key would be no way back. */
async function checkKeyBefore(url: string, keys: readonly Buffer[]): Promise<void> {
  const database = await openDatabase({ url });
  try {
    // An empty database has no such table yet, and nothing to lose.
    const stored = await readFact(database, fingerprintName).catch(() => undefined);
    checkKeyFingerprint(stored, keys);
  } finally {
    await database.close();
  }
}

async function rememberKey(database: Database, keys: readonly Buffer[], clock: Clock): Promise<void> {
  const stored = await readFact(database, fingerprintName);
  const fingerprint = checkKeyFingerprint(stored, keys);
  if (stored === fingerprint) return;
  const operations = [rememberFact(fingerprintName, fingerprint, clock.now())];
  await database.commit({ operations, fallback: [] });
}
