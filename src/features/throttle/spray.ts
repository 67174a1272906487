import type { Clock } from '../../foundation/clock.ts';
import type { SettingsModule } from '../settings/module.ts';
import { createCounters } from './counters.ts';
import type { ThrottleNews } from './entry.ts';

/** The accounts that were tried in vain within a window, and how often. */
interface Seen {
  readonly until: number;
  readonly accounts: Set<string>;
  failures: number;
  told: boolean;
}

interface Parts {
  readonly clock: Clock;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly tell: (news: ThrottleNews) => void;
}

const addressesKept = 5000;
const longestWaitMs = 32_000;

/**
 * Notices password spraying: few guesses at each of many accounts, which no count of one account sees. An address that
 * tries many accounts is slowed down; so is, while many are tried from many addresses, every address that has failed.
 * Nobody is locked by it: who has not failed, and who comes with a known device, does not wait.
 */
export function createSpray({ clock, settings, tell }: Parts) {
  const addresses = createCounters<Seen>(addressesKept);
  const waits = createCounters<number>(addressesKept);
  let inAll: Seen | undefined;
  const limits = () => settings.current().limits;

  function current(seen: Seen | undefined): Seen {
    const now = clock.now();
    const windowMs = limits().windowSeconds * 1000;
    if (seen !== undefined && now < seen.until && seen.until <= now + windowMs) return seen;
    return { until: now + windowMs, accounts: new Set(), failures: 0, told: false };
  }

  function note(seen: Seen, account: string, limit: number): boolean {
    seen.failures += 1;
    if (seen.accounts.size < limit) seen.accounts.add(account);
    return seen.accounts.size >= limit;
  }

  function tellOnce(seen: Seen, address: string | undefined): void {
    if (!seen.told) tell({ kind: 'spraying', address });
    seen.told = true;
  }

  return {
    /** Milliseconds that this address has to wait. */
    wait: (address: string): number => Math.min(Math.max(0, (waits.get(address) ?? 0) - clock.now()), longestWaitMs),
    /** Notes a failure of a stranger. */
    failed(person: string, address: string): void {
      // As much of the hash as tells accounts apart: a set of whole ones would be four times as large.
      const account = person.slice(0, 11);
      const here = current(addresses.get(address));
      addresses.set(address, here);
      inAll = current(inAll);
      const byAddress = note(here, account, limits().accountsPerAddress);
      const byAll = note(inAll, account, limits().accountsInAll) || inAll.failures >= limits().failuresInAll;
      if (byAddress) tellOnce(here, address);
      if (byAll) tellOnce(inAll, undefined);
      if (byAddress || byAll) {
        waits.set(address, clock.now() + Math.min(1000 * 2 ** Math.min(here.failures, 5), longestWaitMs));
      }
    },
  };
}
