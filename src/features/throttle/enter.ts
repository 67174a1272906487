import type { Clock } from '../../foundation/clock.ts';
import type { SettingsModule } from '../settings/module.ts';
import { fill, lower, type Rule, raise, waitAt } from './counter.ts';
import { createCounters } from './counters.ts';
import type { AttemptEnd, Entry, ThrottleKeys, ThrottleNews } from './entry.ts';
import { createLocks } from './locks.ts';
import { createPlaces, type Place, type Places } from './places.ts';
import { createSpray } from './spray.ts';

interface Parts {
  readonly clock: Clock;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly tell: (news: ThrottleNews) => void;
}

/** From so many failures on each try from the same place has to wait for longer than the one before it. */
const freeTries = 5;
const longestDelayMs = 32_000;
const delayMs = (failures: number): number => Math.min(1000 * 2 ** (failures - freeTries), longestDelayMs);

/** The counts, waits and locks of attempts. */
function createGate({ clock, settings, tell }: Parts) {
  const delays = createCounters();
  const locks = createLocks({ clock, settings });
  const spray = createSpray({ clock, settings, tell });
  const ruleOf = ({ name, limit }: Place): Rule => ({
    limit: locks.allowance(name, limit),
    windowMs: settings.current().limits.windowSeconds * 1000,
  });
  const isFull = (place: Place, now: number): boolean =>
    fill(place.counters.get(place.name), ruleOf(place), now) >= ruleOf(place).limit;

  function waitOf({ main, own, all, block }: Places, now: number): number {
    const delay = Math.min(Math.max(0, (delays.get(own.name) ?? 0) - now), longestDelayMs);
    const sprayed = block === undefined ? 0 : spray.wait(block);
    return Math.max(
      locks.wait(main.name),
      delay,
      sprayed,
      ...all.map((place) => waitAt(place.counters.get(place.name), ruleOf(place), now)),
    );
  }

  function count({ all }: Places, now: number): void {
    for (const place of all) place.counters.set(place.name, raise(place.counters.get(place.name), ruleOf(place), now));
  }

  /** Without an address strangers share the count of the account with its owner: a delay would be theirs as well. */
  function delay({ kind, name }: Place, failures: number): void {
    if (kind !== 'account' && failures >= freeTries) delays.set(name, clock.now() + delayMs(failures));
  }

  function fail({ main, own, keys, person, block }: Places): void {
    delay(own, fill(own.counters.get(own.name), ruleOf(own), clock.now()));
    if (block !== undefined) spray.failed(person, block);
    if (!isFull(main, clock.now())) return;
    main.counters.delete(main.name);
    const until = locks.lock(main.name);
    if (keys.device === undefined) tell({ kind: 'locked', account: keys.account, until, address: keys.address });
  }

  function settle(found: Places, end: AttemptEnd): void {
    if (end === 'failed') {
      fail(found);
      return;
    }
    delays.delete(found.own.name);
    for (const place of found.all) {
      // Success clears what this person did from this place; the wider counts keep what others did to the account.
      if (end === 'succeeded' && place === found.own && place.kind !== 'account') place.counters.delete(place.name);
      else place.counters.set(place.name, lower(place.counters.get(place.name), ruleOf(place), clock.now()));
    }
  }

  return { waitOf, count, settle };
}

export function createEnter(parts: Parts) {
  const { clock } = parts;
  const places = createPlaces(parts.settings);
  const { waitOf, count, settle } = createGate(parts);
  return {
    enter(keys: ThrottleKeys): Entry {
      const now = clock.now();
      const found = places.of(keys);
      const wait = waitOf(found, now);
      if (wait > 0) return { allowed: false, retryAfterSeconds: Math.ceil(wait / 1000) };
      // Counted before the secret is checked: sixty tries at once would otherwise all pass an empty counter.
      count(found, now);
      let open = true;
      return {
        allowed: true,
        settle(end) {
          if (open) settle(found, end);
          open = false;
        },
      };
    },
    forget: (account: string): void => places.forget(account),
  };
}
