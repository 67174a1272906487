import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { keyFingerprint } from '../crypto/key-ring.ts';
import type { AppError } from '../errors.ts';
import { type Random, secretToken } from '../random.ts';
import { isEmbeddedInDataDir } from './conflicts.ts';
import { type ConfigErrorCode, startError } from './errors.ts';
import type { Config } from './schema.ts';
import { encryptionKeys } from './values.ts';

export interface EncryptionKeyOptions {
  readonly config: Pick<Config, 'encryptionKey' | 'dataDir' | 'databaseFile'>;
  /** Whether the embedded database is there already: then its key must be too. */
  readonly databaseExists: boolean;
  readonly random: Random;
}

export interface EncryptionKeys {
  /** Raw keys of 32 bytes: the first encrypts, all decrypt. */
  readonly keys: readonly Buffer[];
  /** The key file in use, or `undefined` where the keys were given. */
  readonly file: string | undefined;
  /** Whether the file was made just now. */
  readonly created: boolean;
}

/** Where the generated key lies. */
export const encryptionKeyFile = (dataDir: string): string => join(dataDir, 'encryption.key');

/**
 * The keys of this server: those given, else the key file of the data folder, which is made for a new embedded
 * database. Call it before the database is made. Throws `key_missing` when a database is there without its key,
 * `key_malformed` when the file holds something else, `data_dir_unusable`.
 */
export function loadEncryptionKeys({ config, databaseExists, random }: EncryptionKeyOptions): EncryptionKeys {
  if (config.encryptionKey !== undefined) return { keys: config.encryptionKey, file: undefined, created: false };
  const file = encryptionKeyFile(config.dataDir);
  const stored = readKeyFile(file);
  if (stored !== undefined) return { keys: stored, file, created: false };
  if (databaseExists || !isEmbeddedInDataDir(config)) throw keyMissing(file);
  const created = createKeyFile(file, random);
  return { keys: readKeyFile(file) ?? [], file, created };
}

function readKeyFile(file: string): readonly Buffer[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw startError(
      'key_missing',
      `The encryption key ${file} cannot be read (${code}). Let this user read it.`,
      error,
    );
  }
  const parsed = encryptionKeys.safeParse(text.trim());
  if (parsed.success) return parsed.data;
  throw startError(
    'key_malformed',
    `${file} holds no encryption key (base64 of 32 bytes). Put the right file back from your backup.`,
  );
}

/**
 * Writes the key whole or not at all, and never over another: the link appears only once the bytes are on disk, and
 * fails when a process beside us was faster. Returns whether ours is the one.
 */
function createKeyFile(file: string, random: Random): boolean {
  const draft = `${file}.${secretToken(random).slice(0, 8)}`;
  try {
    const handle = openSync(draft, 'wx', 0o600);
    try {
      writeSync(handle, `${random.bytes(32).toString('base64')}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    linkSync(draft, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    const message = `The encryption key cannot be written to ${file} (${code}). Make the data folder writable, or set POSTERN_ENCRYPTION_KEY.`;
    throw startError('data_dir_unusable', message, error);
  } finally {
    rmSync(draft, { force: true });
  }
}

function keyMissing(file: string): AppError<ConfigErrorCode> {
  const message = `There is a database but no encryption key: ${file} is missing and POSTERN_ENCRYPTION_KEY is not set. Put the key back from your backup; without it the stored private keys cannot be read.`;
  return startError('key_missing', message);
}

/**
 * Compares the fingerprints that the database keeps (`undefined`: a new database) with the keys at hand. Returns the text
 * to keep from now on: one fingerprint for each key that has ever encrypted something here. Throws `key_wrong` when one
 * of those keys is missing, because what it encrypted could not be read.
 */
export function checkKeyFingerprint(stored: string | undefined, keys: readonly Buffer[]): string {
  const given = keys.map(keyFingerprint);
  const used = (stored ?? '').split(',').filter((fingerprint) => fingerprint !== '');
  const missing = used.filter((fingerprint) => !given.includes(fingerprint));
  if (missing.length > 0) {
    const message = `The encryption key is another one than this database was encrypted with (given ${given.join(', ')}, missing ${missing.join(', ')}). Give the former key; to change keys, put the new one before it: POSTERN_ENCRYPTION_KEY=NEW,FORMER.`;
    throw startError('key_wrong', message);
  }
  return [...new Set([...given.slice(0, 1), ...used])].join(',');
}
