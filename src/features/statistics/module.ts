import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { createSessionLedger } from '../protocol/module.ts';
import { countSessions, dayOf } from './count-sessions.ts';
import { reportOf, type SessionReport } from './report.ts';
import { type CountRow, createStatisticsStore } from './store.ts';

export type { SessionReport } from './report.ts';
export type { CountRow } from './store.ts';

/**
 * Statistics owns how many sign-ins there were, by day, app, kind of device and country, how long they took and why they
 * ended: sums that name nobody. Protocol says which sign-ins began and ended; they are counted afterwards, in batches, so
 * that no sign-in waits for a counter that all of them share.
 */
export interface Statistics {
  /** Counts a batch of what has begun and ended since the last time, and says how many; now and then, how many there are. */
  count(): Promise<number>;
  /** How many there were when it was counted last; undefined before that. */
  active(): number | undefined;
  /** Everything since a time, in milliseconds since the epoch. Whole days in UTC. */
  report(since: number): Promise<SessionReport>;
}

export interface StatisticsParts {
  readonly database: Database;
  readonly clock: Clock;
  /** Told of what was counted, once it is stored. */
  readonly onCounted?: ((row: CountRow) => void) | undefined;
}

/** How long the sums of a day are kept, in milliseconds. */
const keepMs = 800 * 24 * 60 * 60 * 1000;
/** How often the sign-ins that there are now are counted, in milliseconds: it reads an index of all of them. */
const activeMs = 60_000;

export function createStatistics({ database, clock, onCounted = () => undefined }: StatisticsParts): Statistics {
  const ledger = createSessionLedger({ database });
  const store = createStatisticsStore({ database });
  let active: { readonly sessions: number; readonly at: number } | undefined;
  return {
    async count() {
      const now = clock.now();
      const counted = await countSessions({ database, ledger, store, onCounted }, now);
      if (active !== undefined && now - active.at < activeMs) return counted;
      active = { sessions: await ledger.active(now), at: now };
      await database.commit({ operations: [store.sweep(dayOf(now - keepMs))], fallback: [] });
      return counted;
    },
    active: () => active?.sessions,
    async report(since) {
      const now = clock.now();
      const day = dayOf(since);
      return reportOf(await store.since(day), { since: day, active: await ledger.active(now) });
    },
  };
}
