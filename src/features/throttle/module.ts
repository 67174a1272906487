import type { Clock } from '../../foundation/clock.ts';
import type { SettingsModule } from '../settings/module.ts';
import { createCounters } from './counters.ts';
import { createEnter } from './enter.ts';
import type { Entry, ThrottleKeys } from './entry.ts';
import { createSpend } from './spend.ts';

export type { AttemptEnd, Entry, ThrottleKeys } from './entry.ts';

/**
 * Throttle owns the counts of failed secrets: per account, per address, and per pair of both. It does not know what the
 * secret was and audits nothing; whoever checks the secret enters first and settles afterwards. Calls of authenticated
 * clients never come here. Counts are in memory and bounded; limits come from the settings.
 */
export interface Throttle {
  /** Asks to try a secret. Call `settle` once it is known how it went: `abandoned` when it was never checked. */
  enter(keys: ThrottleKeys): Entry;
  /**
   * Counts something that is stored for a stranger, so that nobody fills the disk before proving who they are.
   * Returns the seconds to wait when the address has had its share, and then counts nothing.
   */
  spend(address: string | undefined): number | undefined;
}

export function createThrottle(parts: { clock: Clock; settings: Pick<SettingsModule, 'current'> }): Throttle {
  const counters = { account: createCounters(), address: createCounters(), pair: createCounters() };
  return { ...createEnter({ ...parts, counters }), ...createSpend(parts) };
}
