import { busy } from './errors.ts';

/** Runs jobs a few at a time; the rest wait in line, and beyond the line they are turned away. */
export interface PasswordQueue {
  /** What the job resolves to. Throws `busy` (503) at once when the line is full. */
  run<T>(job: () => Promise<T>): Promise<T>;
}

/**
 * How many hashes may run at once: a core stays free for everything else, and so does a thread of libuv's pool, which
 * WebCrypto signs in. Eight hashes in flight would otherwise make each signature wait 20 ms.
 */
export const hashConcurrency = (cores: number, poolThreads: number): number =>
  Math.max(1, Math.min(cores - 1, poolThreads - 1));

/** A queue that runs `concurrency` jobs and lets `limit` more wait, first come, first served. */
export function createPasswordQueue({ concurrency, limit }: { concurrency: number; limit: number }): PasswordQueue {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function enter(): Promise<void> {
    if (running < concurrency) {
      running += 1;
      return;
    }
    if (waiting.length >= limit) throw busy();
    // Whoever leaves hands over the place, so `running` does not move.
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return {
    async run(job) {
      await enter();
      try {
        return await job();
      } finally {
        leave();
      }
    },
  };
}
