import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { breachedFileUnusable } from './errors.ts';

/**
 * A file of breached passwords: 8 bytes that name the form, the number of entries in 8 bytes, then the entries, sorted.
 * An entry is the first 8 bytes of a password's SHA-1, by which such passwords are published. Of a thousand million
 * entries one in ten thousand million other passwords is taken for one of them.
 */
export const magic = Buffer.from('PSTRNBP1');
export const headerBytes = 16;
export const entryBytes = 8;

/** So many entries are read at once: a page of the disk. */
const pageEntries = 512;

/** The SHA-1 of a password, as lists of breached ones have it; nothing here rests on its being hard to reverse. */
export const breachedHash = (password: string): Buffer => createHash('sha1').update(password.normalize('NFC')).digest();

/** Whether the file has this password. It is never held in memory. Throws `breached_file`. */
export function isInFile(path: string, password: string): Promise<boolean> {
  const wanted = breachedHash(password).subarray(0, entryBytes);
  return opened(path, async (file, entries) => {
    let low = 0;
    let high = entries;
    while (high - low > pageEntries) {
      const middle = Math.floor((low + high) / 2);
      if ((await read(file, middle, 1)).compare(wanted) > 0) high = middle;
      else low = middle;
    }
    const page = await read(file, low, high - low);
    for (let at = 0; at < page.length; at += entryBytes) {
      if (page.subarray(at, at + entryBytes).equals(wanted)) return true;
    }
    return false;
  });
}

/** How many entries the file has. Throws `breached_file`. */
export const entriesOf = (path: string): Promise<number> => opened(path, async (_, entries) => entries);

async function opened<T>(path: string, work: (file: FileHandle, entries: number) => Promise<T>): Promise<T> {
  const file = await open(path).catch((cause: unknown) => {
    throw breachedFileUnusable(path, 'cannot be read', cause);
  });
  try {
    return await work(file, await countOf(file, path));
  } finally {
    await file.close();
  }
}

async function countOf(file: FileHandle, path: string): Promise<number> {
  const header = Buffer.alloc(headerBytes);
  await file.read(header, 0, headerBytes, 0).catch((cause: unknown) => {
    throw breachedFileUnusable(path, 'cannot be read', cause);
  });
  const { size } = await file.stat();
  const entries = Number(header.readBigUInt64BE(magic.length));
  if (!header.subarray(0, magic.length).equals(magic)) throw breachedFileUnusable(path, 'is of another form');
  if (size !== headerBytes + entries * entryBytes) throw breachedFileUnusable(path, 'is not whole');
  return entries;
}

async function read(file: FileHandle, from: number, entries: number): Promise<Buffer> {
  const page = Buffer.alloc(entries * entryBytes);
  const { bytesRead } = await file.read(page, 0, page.length, headerBytes + from * entryBytes);
  return page.subarray(0, bytesRead);
}
