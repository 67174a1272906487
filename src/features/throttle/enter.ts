import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { addressBlock } from '../../foundation/http/address-block.ts';
import type { SettingsModule } from '../settings/module.ts';
import { lower, type Rule, raise, waitAt } from './counter.ts';
import type { Counters } from './counters.ts';
import type { AttemptEnd, Entry, ThrottleKeys } from './entry.ts';

interface Parts {
  readonly clock: Clock;
  readonly settings: Pick<SettingsModule, 'current'>;
  /** One set for each kind, so that a flood of one cannot push the others out. */
  readonly counters: { readonly account: Counters; readonly address: Counters; readonly pair: Counters };
}

interface Place {
  readonly kind: 'account' | 'address' | 'pair';
  readonly counters: Counters;
  readonly name: string;
  readonly limit: number;
}

export function createEnter({ clock, settings, counters }: Parts) {
  function placesOf({ account, address }: ThrottleKeys): Place[] {
    const { failuresPerAccount, failuresPerAddress, failuresPerPair } = settings.current().limits;
    // Hashed, so that memory holds no list of who tried to sign in, and a name takes the same room however long it is.
    const person = sha256(account);
    const places: Place[] = [{ kind: 'account', counters: counters.account, name: person, limit: failuresPerAccount }];
    if (address === undefined) return places;
    const block = addressBlock(address);
    places.push({ kind: 'address', counters: counters.address, name: block, limit: failuresPerAddress });
    places.push({ kind: 'pair', counters: counters.pair, name: `${person} ${block}`, limit: failuresPerPair });
    return places;
  }

  const ruleOf = ({ limit }: Place): Rule => ({ limit, windowMs: settings.current().limits.windowSeconds * 1000 });

  function settle(places: readonly Place[], end: AttemptEnd): void {
    if (end === 'failed') return;
    for (const place of places) {
      // Success clears what this person did from this place; the wider counts keep what others did to the account.
      if (end === 'succeeded' && place.kind === 'pair') place.counters.delete(place.name);
      else place.counters.set(place.name, lower(place.counters.get(place.name), ruleOf(place), clock.now()));
    }
  }

  return {
    enter(keys: ThrottleKeys): Entry {
      const now = clock.now();
      const places = placesOf(keys);
      const wait = Math.max(...places.map((place) => waitAt(place.counters.get(place.name), ruleOf(place), now)));
      if (wait > 0) return { allowed: false, retryAfterSeconds: Math.ceil(wait / 1000) };
      // Counted before the secret is checked: sixty tries at once would otherwise all pass an empty counter.
      for (const place of places)
        place.counters.set(place.name, raise(place.counters.get(place.name), ruleOf(place), now));
      let open = true;
      return {
        allowed: true,
        settle(end) {
          if (open) settle(places, end);
          open = false;
        },
      };
    },
  };
}
