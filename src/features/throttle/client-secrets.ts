import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { addressBlock } from '../../foundation/http/address-block.ts';
import type { SettingsModule } from '../settings/module.ts';
import { type Rule, raise, waitAt } from './counter.ts';
import { createCounters } from './counters.ts';

/** A secret that somebody presented for a client. */
export interface PresentedSecret {
  readonly clientId: string;
  readonly address: string | undefined;
  /** Its SHA-256. */
  readonly hash: string;
}

/**
 * Counts wrong secrets of a client from one address. The same wrong one counts once: a service that was given a wrong
 * secret sends it for ever, and must not keep its neighbours out; who guesses sends another one each time.
 */
export function createClientSecrets({ clock, settings }: { clock: Clock; settings: Pick<SettingsModule, 'current'> }) {
  const counters = createCounters();
  const known = createCounters<true>();
  const rule = (): Rule => {
    const { failuresPerAddress, windowSeconds } = settings.current().limits;
    return { limit: failuresPerAddress, windowMs: windowSeconds * 1000 };
  };
  const nameOf = ({ clientId, address }: PresentedSecret): string =>
    sha256(JSON.stringify([clientId, address === undefined ? 'unknown' : addressBlock(address)]));
  return {
    /** Whether too many wrong ones came from there. Costs nothing as long as none came at all. */
    isHeldSecret: (presented: PresentedSecret): boolean =>
      counters.size > 0 && waitAt(counters.get(nameOf(presented)), rule(), clock.now()) > 0,
    wrongSecret(presented: PresentedSecret): void {
      const name = nameOf(presented);
      const guess = sha256(`${name} ${presented.hash}`);
      if (known.get(guess)) return;
      known.set(guess, true);
      counters.set(name, raise(counters.get(name), rule(), clock.now()));
    },
  };
}
