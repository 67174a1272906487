import { setTimeout as delay } from 'node:timers/promises';

/**
 * For whatever comes by itself (what a command changes holds in the running server within a second): so long that only
 * what never comes takes longer, on the slowest machine.
 */
const bound = 60_000;

/** The same for vitest's own `vi.waitFor`, which gives up after a second. */
export const patiently = { timeout: bound, interval: 20 };

/**
 * Asks until the answer is true, and returns how many milliseconds that took. Throws when it takes longer than `within`
 * milliseconds.
 */
export async function until(what: string, ask: () => Promise<boolean> | boolean, within = bound): Promise<number> {
  const began = performance.now();
  while (!(await ask())) {
    if (performance.now() - began > within) throw new Error(`not within ${within} ms: ${what}`);
    await delay(10);
  }
  return performance.now() - began;
}
