import type { Clock } from '../../foundation/clock.ts';
import { addressBlock } from '../../foundation/http/address-block.ts';
import type { SettingsModule } from '../settings/module.ts';
import { type Rule, raise, waitAt } from './counter.ts';
import { createCounters } from './counters.ts';

const minuteMs = 60_000;

/** Counts what is stored for callers who have not proved who they are, by address. */
export function createSpend({ clock, settings }: { clock: Clock; settings: Pick<SettingsModule, 'current'> }) {
  const counters = createCounters();
  return {
    spend(address: string | undefined): number | undefined {
      const rule: Rule = { limit: settings.current().limits.anonymousPerMinute, windowMs: minuteMs };
      const name = address === undefined ? 'unknown' : addressBlock(address);
      const now = clock.now();
      const wait = waitAt(counters.get(name), rule, now);
      if (wait > 0) return Math.ceil(wait / 1000);
      counters.set(name, raise(counters.get(name), rule, now));
      return undefined;
    },
  };
}
