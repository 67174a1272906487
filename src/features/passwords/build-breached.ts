import { createReadStream } from 'node:fs';
import { appendFile, mkdtemp, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { AppError } from '../../foundation/errors.ts';
import { breachedHash, entryBytes, headerBytes, magic } from './breached-file.ts';
import { breachedFileUnusable } from './errors.ts';

export interface BuildBreached {
  /** Texts with one entry a line: `SHA1`, `SHA1:count` or a password; `-` is standard input. */
  readonly inputs: readonly string[];
  readonly output: string;
}

/** Entries are dealt out by their first byte: a part of the largest list there is fits in memory. */
const parts = 256;
/** A part is written when so many bytes of it wait. */
const partBuffer = 64 * 1024;

/**
 * Makes the file of breached passwords from lists of any size and order; the same password twice is one entry. The file
 * appears whole under its name, or not at all. Resolves to the number of entries. Throws `breached_file`.
 */
export async function buildBreached({ inputs, output }: BuildBreached): Promise<number> {
  const folder = await mkdtemp(join(dirname(output), `.${basename(output)}-`)).catch((cause: unknown) => {
    throw breachedFileUnusable(output, 'cannot be written', cause);
  });
  try {
    const dealt = Array.from(
      { length: parts },
      (_, index): Part => ({ path: join(folder, `${index}`), isWritten: false, waiting: [] }),
    );
    for (const input of inputs) await deal(input, dealt);
    const whole = join(folder, 'whole');
    const entries = await gather(dealt, whole);
    await rename(whole, output);
    return entries;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One of the 256: what waits to be written, and where the rest is. */
interface Part {
  readonly path: string;
  isWritten: boolean;
  waiting: Buffer[];
}

/** A line of a published list, with or without how often it was seen. */
const published = /^([0-9A-Fa-f]{40})(?::\d+)?$/;

async function deal(input: string, dealt: readonly Part[]): Promise<void> {
  const stream = input === '-' ? process.stdin : createReadStream(input);
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  const broken = new Promise<never>((_, reject) => stream.once('error', reject));
  broken.catch(() => undefined);
  try {
    for await (const line of lines) {
      if (line !== '') await keep(dealt, entryOf(line));
    }
    // A stream that broke ends the lines like one that is through.
    if (stream.errored) await broken;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw breachedFileUnusable(input, 'cannot be read', cause);
  }
}

const entryOf = (line: string): Buffer => {
  const hash = published.exec(line)?.[1];
  return (hash === undefined ? breachedHash(line) : Buffer.from(hash, 'hex')).subarray(0, entryBytes);
};

async function keep(dealt: readonly Part[], entry: Buffer): Promise<void> {
  const part = dealt[entry[0] as number] as Part;
  part.waiting.push(entry);
  if (part.waiting.length * entryBytes >= partBuffer) await flush(part);
}

async function flush(part: Part): Promise<void> {
  const bytes = Buffer.concat(part.waiting);
  part.waiting = [];
  part.isWritten = true;
  await appendFile(part.path, bytes).catch((cause: unknown) => {
    throw breachedFileUnusable(part.path, 'cannot be written', cause);
  });
}

async function gather(dealt: readonly Part[], path: string): Promise<number> {
  const file = await open(path, 'w');
  try {
    await file.write(Buffer.alloc(headerBytes));
    let entries = 0;
    for (const part of dealt) {
      const sorted = await sortedPart(part);
      await file.appendFile(sorted);
      entries += sorted.length / entryBytes;
    }
    const header = Buffer.alloc(headerBytes);
    magic.copy(header);
    header.writeBigUInt64BE(BigInt(entries), magic.length);
    await file.write(header, 0, headerBytes, 0);
    await file.sync();
    return entries;
  } finally {
    await file.close();
  }
}

async function sortedPart(part: Part): Promise<Buffer> {
  const written = part.isWritten ? await readFile(part.path) : Buffer.alloc(0);
  const bytes = Buffer.concat([written, ...part.waiting]);
  const numbers = new BigUint64Array(bytes.length / entryBytes);
  for (let index = 0; index < numbers.length; index += 1) numbers[index] = bytes.readBigUInt64BE(index * entryBytes);
  numbers.sort();
  const kept = numbers.filter((number, index) => index === 0 || number !== numbers[index - 1]);
  for (let index = 0; index < kept.length; index += 1)
    bytes.writeBigUInt64BE(kept[index] as bigint, index * entryBytes);
  return bytes.subarray(0, kept.length * entryBytes);
}
