import { write, writeSync } from 'node:fs';

/** Writes lines to an open descriptor in the background, and loses them rather than wait. */
export interface OutputWriter {
  write(line: string): void;
  /** Settles when what waits is written, or lost, or a second has passed. */
  close(): Promise<void>;
  /** The last lines of a process that ends at once: one attempt, no waiting. */
  flushOnce(): void;
}

export interface OutputWriterOptions {
  readonly descriptor: number;
  /** Bytes that may wait for a slow reader or a full disk; what comes then is lost, so that memory is not. */
  readonly limit: number;
  /** Told each time that lines are lost, with the reason. */
  readonly onLost: (reason: string) => void;
}

const retryAfter = 50;
/** A write costs a hop to another thread, however short it is: lines of the same moment share one. */
const gatherFor = 100;
const closeLimit = 1000;

/**
 * The usual writer tries for ever to flush to a full disk when the process ends, so that `exit` never returns; and Node's
 * own standard output waits for its reader. Neither may happen to a server that people sign in with.
 */
export function createOutputWriter({ descriptor, limit, onLost }: OutputWriterOptions): OutputWriter {
  let waiting: string[] = [];
  let waitingBytes = 0;
  let isWriting = false;
  let gathering: NodeJS.Timeout | undefined;
  const idle: (() => void)[] = [];

  function pump(): void {
    clearTimeout(gathering);
    gathering = undefined;
    if (waiting.length === 0) {
      isWriting = false;
      for (const resolve of idle.splice(0)) resolve();
      return;
    }
    isWriting = true;
    const batch = Buffer.from(waiting.join(''));
    waiting = [];
    writeWhole(descriptor, batch, (error) => {
      waitingBytes -= batch.length;
      if (error) onLost(error.message);
      pump();
    });
  }

  return {
    write(line) {
      const size = Buffer.byteLength(line);
      if (waitingBytes + size > limit) {
        onLost('the reader takes them slower than they come');
        return;
      }
      waiting.push(line);
      waitingBytes += size;
      if (!isWriting) gathering ??= setTimeout(pump, gatherFor);
    },
    async close() {
      if (gathering !== undefined) pump();
      if (!isWriting) return;
      await new Promise<void>((resolve) => {
        idle.push(resolve);
        setTimeout(resolve, closeLimit).unref();
      });
    },
    flushOnce: () => writeOnce(descriptor, waiting.splice(0)),
  };
}

function writeOnce(descriptor: number, lines: readonly string[]): void {
  if (lines.length === 0) return;
  try {
    writeSync(descriptor, lines.join(''));
  } catch {
    // Full, or gone: nobody is left to tell.
  }
}

/** Writes all of it, however often it takes. A pipe whose reader is slow says EAGAIN and is asked again. */
function writeWhole(descriptor: number, batch: Buffer, done: (error?: Error) => void): void {
  write(descriptor, batch, (error, written) => {
    if (error?.code === 'EAGAIN') setTimeout(writeWhole, retryAfter, descriptor, batch, done).unref();
    else if (error) done(error);
    else if (written < batch.length) writeWhole(descriptor, batch.subarray(written), done);
    else done();
  });
}
