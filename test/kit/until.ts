import { setTimeout as delay } from 'node:timers/promises';

/** What a command changes holds in the running server within a second (CONTRACT §1); busy machines get more. */
const bound = 10_000;

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
