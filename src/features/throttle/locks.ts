import type { Clock } from '../../foundation/clock.ts';
import type { SettingsModule } from '../settings/module.ts';
import { createCounters } from './counters.ts';

/** Until when nobody is let in, and how often that has been so. */
interface Lock {
  readonly until: number;
  readonly level: number;
}

/** After a lock fewer tries are granted than before it, but never fewer than somebody needs who mistypes. */
const fewestTries = 3;

/**
 * Locks of accounts and devices after too many failures, each time for twice as long. A quiet time as long as the
 * longest lock forgets them.
 */
export function createLocks({ clock, settings }: { clock: Clock; settings: Pick<SettingsModule, 'current'> }) {
  const locks = createCounters<Lock>();
  const longestMs = () => settings.current().limits.lockMaxSeconds * 1000;
  function living(name: string): Lock | undefined {
    const lock = locks.get(name);
    return lock !== undefined && clock.now() < lock.until + longestMs() ? lock : undefined;
  }
  return {
    /** Milliseconds until it is open again; not even a clock that was set back locks for longer than the longest lock. */
    wait: (name: string): number => Math.min(Math.max(0, (living(name)?.until ?? 0) - clock.now()), longestMs()),
    /** How many tries are granted before it is locked, of the `limit` that there are at first. */
    allowance: (name: string, limit: number): number =>
      Math.max(fewestTries, Math.floor(limit / 2 ** (living(name)?.level ?? 0))),
    /** Locks it; until when, in milliseconds since the epoch. */
    lock(name: string): number {
      const level = living(name)?.level ?? 0;
      const until = clock.now() + Math.min(settings.current().limits.lockSeconds * 1000 * 2 ** level, longestMs());
      locks.set(name, { until, level: level + 1 });
      return until;
    },
  };
}
