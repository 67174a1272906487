import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { addressBlock } from '../../foundation/http/address-block.ts';
import type { SettingsModule } from '../settings/module.ts';
import { type Rule, raise, waitAt } from './counter.ts';
import { createCounters } from './counters.ts';

/**
 * Counts what strangers ask to be sent by mail. Apart from failures: an office whose people ask for links is no guesser,
 * and must not be kept from signing in by it. By address and by what is asked for from there, never by the account: who
 * asks in somebody else's name must not keep the owner from asking (lock-out).
 */
export function createAsk({ clock, settings }: { clock: Clock; settings: Pick<SettingsModule, 'current'> }) {
  const addresses = createCounters();
  const pairs = createCounters();
  return {
    ask(what: string, address: string | undefined): number | undefined {
      const { windowSeconds, failuresPerAddress, failuresPerPair } = settings.current().limits;
      const ruleOf = (limit: number): Rule => ({ limit, windowMs: windowSeconds * 1000 });
      const block = address === undefined ? 'unknown' : addressBlock(address);
      const places = [
        { counters: addresses, name: block, rule: ruleOf(failuresPerAddress) },
        { counters: pairs, name: `${sha256(what)} ${block}`, rule: ruleOf(failuresPerPair) },
      ];
      const now = clock.now();
      const wait = Math.max(...places.map(({ counters, name, rule }) => waitAt(counters.get(name), rule, now)));
      if (wait > 0) return Math.ceil(wait / 1000);
      for (const { counters, name, rule } of places) counters.set(name, raise(counters.get(name), rule, now));
      return undefined;
    },
  };
}
