import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AppError } from '../errors.ts';
import { type ConfigErrorCode, startError } from './errors.ts';

/** A data folder that is ours until released, or until the process ends in whatever way. */
export interface DataDirLock {
  readonly path: string;
  release(): void;
}

/** Below this many bytes the embedded database would soon stop in the middle of a write. */
const neededBytes = 16 * 1024 * 1024;

/**
 * Makes the folder (0700) where it is missing and tries that it can be written to. `freeBytes` tells how much room its
 * disk has. Throws `data_dir_unusable`, `data_dir_full`.
 */
export function prepareDataDir(path: string, freeBytes: (path: string) => number = freeBytesAt): void {
  try {
    makeFolder(path);
    // Tried, not asked: the permission bits say nothing of read-only mounts, quotas, or what root may do.
    const probe = join(path, `.write-test-${process.pid}`);
    writeFileSync(probe, 'x', { mode: 0o600 });
    rmSync(probe);
  } catch (error) {
    throw unusable(path, error as NodeJS.ErrnoException);
  }
  const free = freeBytes(path);
  if (free < neededBytes) throw full(path, `only ${Math.floor(free / 1024 / 1024)} MiB are free`);
}

/**
 * Makes a folder (0700) with its parents. Not by Node's own `recursive`: that loops for ever where a parent exists but
 * takes no folders, as in /proc. Throws what the file system says.
 */
export function makeFolder(path: string): void {
  const parent = dirname(path);
  if (!existsSync(parent) && parent !== path) makeFolder(parent);
  if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
}

/** Bytes that this user can still write to the disk of a path. */
export function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Referred to from here, or the garbage collector would close a lock whose owner keeps no handle, and let it go. */
const held = new Set<DatabaseSync>();

/**
 * Takes the folder for this server. The lock is SQLite's lock on a file, so the kernel drops it with the process, even
 * after kill -9, and no stale file can keep a server out. Throws `data_dir_in_use`.
 */
export function lockDataDir(path: string): DataDirLock {
  const database = new DatabaseSync(join(path, 'server.lock'), { timeout: 0 });
  // The number lies in a file of its own: closing another handle of a locked file drops a POSIX lock.
  const holder = join(path, 'server.pid');
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) throw inUse(path, readHolder(holder));
    throw unusable(path, error as NodeJS.ErrnoException);
  }
  held.add(database);
  writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 });
  return {
    path,
    release() {
      if (!held.delete(database)) return;
      rmSync(holder, { force: true });
      database.close();
    },
  };
}

const sqliteBusy = 5;
const isBusy = (error: unknown): boolean => ((error as { errcode?: number }).errcode ?? 0) % 256 === sqliteBusy;

function readHolder(file: string): string {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return /^\d+$/.test(text) ? ` (process ${text})` : '';
  } catch {
    return '';
  }
}

const inUse = (path: string, holder: string): AppError<ConfigErrorCode> =>
  startError(
    'data_dir_in_use',
    `The data folder ${path} is in use by another server${holder}. Stop that one, or give this one a folder of its own with POSTERN_DATA_DIR.`,
  );

const full = (path: string, detail: string, cause?: unknown): AppError<ConfigErrorCode> =>
  startError('data_dir_full', `The disk of the data folder ${path} is full: ${detail}. Make room on it.`, cause);

function unusable(path: string, error: NodeJS.ErrnoException): AppError<ConfigErrorCode> {
  const code = error.code ?? 'unknown';
  if (code === 'ENOSPC' || code === 'EDQUOT') return full(path, `a test file could not be written (${code})`, error);
  const remedy = 'Make it a folder that this user can write to, or name another one with POSTERN_DATA_DIR.';
  return startError('data_dir_unusable', `The data folder ${path} cannot be used (${code}). ${remedy}`, error);
}
