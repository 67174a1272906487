import type { Clock } from '../../foundation/clock.ts';
import type { SettingsModule } from '../settings/module.ts';
import { createAsk } from './ask.ts';
import { createClientSecrets, type PresentedSecret } from './client-secrets.ts';
import { createEnter } from './enter.ts';
import type { Entry, ThrottleKeys, ThrottleNews } from './entry.ts';
import { createSpend } from './spend.ts';

export type { PresentedSecret } from './client-secrets.ts';
export type { AttemptEnd, Entry, ThrottleKeys, ThrottleNews, TryPlace } from './entry.ts';
export { createUnlocks, type Unlocks, unlocksRevision } from './unlocks.ts';

/**
 * Throttle owns the counts of failed secrets: per account, per address, per pair of both, per device that is known to an
 * account, and of many accounts at once. Too many lock the account for strangers, each time for twice as long; a device
 * that is known to it is not touched by that. It does not know what the secret was; whoever checks it enters first and
 * settles afterwards. Counts are in memory and bounded, limits come from the settings; what people and operators are to
 * hear of waits in `news`.
 */
export interface Throttle {
  /** Asks to try a secret. Call `settle` once it is known how it went: `abandoned` when it was never checked. */
  enter(keys: ThrottleKeys): Entry;
  /**
   * Counts something that is stored for a stranger, so that nobody fills the disk before proving who they are.
   * Returns the seconds to wait when the address has had its share, and then counts nothing.
   */
  spend(address: string | undefined): number | undefined;
  /** Counts a mail that a stranger asks for, named by what it is. Returns the seconds to wait, and then counts nothing. */
  ask(what: string, address: string | undefined): number | undefined;
  /** Whether too many wrong secrets of this client came from there. */
  isHeldSecret(presented: PresentedSecret): boolean;
  /** Counts a wrong secret of a client. */
  wrongSecret(presented: PresentedSecret): void;
  /** Forgets what was counted for an account, its lock included. */
  forget(account: string): void;
  /** What happened since the last call. */
  news(): readonly ThrottleNews[];
}

/** Beyond these, what is to be told is not worth its memory. */
const newsKept = 1000;

export function createThrottle(parts: { clock: Clock; settings: Pick<SettingsModule, 'current'> }): Throttle {
  let waiting: ThrottleNews[] = [];
  const tell = (news: ThrottleNews): void => {
    if (waiting.length < newsKept) waiting.push(news);
  };
  return {
    ...createEnter({ ...parts, tell }),
    ...createSpend(parts),
    ...createAsk(parts),
    ...createClientSecrets(parts),
    news() {
      const taken = waiting;
      waiting = [];
      return taken;
    },
  };
}
