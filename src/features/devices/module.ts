import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import { exportedTime, type PersonalData } from '../users/module.ts';
import { type BrowserCookies, createDeviceCookie } from './cookie.ts';
import { createDeviceStore, type Device, type DeviceFacts, type RememberedDevice } from './store.ts';

export type { BrowserCookies } from './cookie.ts';

/**
 * Devices owns the browsers that people have signed in with: a secret in a cookie, of which only a hash is kept, for
 * each person a different one, so that several may share a browser. It proves nothing by itself and starts no session:
 * others ask it whether a browser was here before.
 */
export interface Devices {
  /** What this browser is called for the account, whether it was here before or not; undefined where it brought no secret. */
  nameOf(cookies: BrowserCookies, account: string): string | undefined;
  /** The name of this browser, if the account was signed in to with it before. */
  known(cookies: BrowserCookies, account: string): Promise<string | undefined>;
  /** Notes that a person has signed in, every step taken, and gives the browser a secret. Commit what it returns with that. */
  meet(cookies: BrowserCookies, userId: string, facts: DeviceFacts): readonly Operation[];
  /** As `meet`, and skips the second step with this browser until then (milliseconds). */
  remember(cookies: BrowserCookies, userId: string, facts: DeviceFacts, until: number): readonly Operation[];
  /** Whether the second step may be skipped with this browser. */
  isRemembered(cookies: BrowserCookies, userId: string): Promise<boolean>;
  /** The browsers with which a person skips the second step. */
  remembered(userId: string): Promise<RememberedDevice[]>;
  /** The operation that ends it for one of them. It must hit: it misses what is not theirs. */
  forget(userId: string, id: string): Operation;
  /** The operation that ends it for all of them. */
  forgetAll(userId: string): Operation;
  /** Whether a person has ever signed in with any browser. */
  hasAny(userId: string): Promise<boolean>;
  /** The operation after which none of a person's browsers is known. */
  removeAll(userId: string): Operation;
  /** Removes a batch of devices that nobody has used for as long as their cookies live. */
  sweep(): Operation;
  readonly personal: PersonalData;
}

export interface DevicesParts {
  readonly config: { readonly issuer: string };
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
}

const keepMs = 400 * 24 * 60 * 60 * 1000;

export function createDevices({ config, database, clock, random }: DevicesParts): Devices {
  const store = createDeviceStore({ database, clock });
  const cookie = createDeviceCookie(config.issuer);
  const name = (account: string, secret: string): string => sha256(JSON.stringify([account, secret]));
  const nameOf = (cookies: BrowserCookies, account: string): string | undefined => {
    const secret = cookie.read(cookies);
    return secret === undefined ? undefined : name(account, secret);
  };
  /** Gives the browser a secret, or lets it keep the one that it has, and names it. */
  const give = (cookies: BrowserCookies, userId: string): string => {
    const secret = cookie.read(cookies) ?? secretToken(random);
    cookie.write(cookies, secret);
    return name(userId, secret);
  };
  return {
    nameOf,
    async known(cookies, account) {
      const id = nameOf(cookies, account);
      // Asked for whoever is named, in the same time whether there is such a person or not.
      return id === undefined ? undefined : (await store.find(id))?.id;
    },
    meet: (cookies, userId, facts) => [store.meet({ id: give(cookies, userId), userId }, facts)],
    remember: (cookies, userId, facts, until) => [store.remember({ id: give(cookies, userId), userId }, facts, until)],
    async isRemembered(cookies, userId) {
      const id = nameOf(cookies, userId);
      const until = id === undefined ? undefined : (await store.find(id))?.rememberedUntil;
      return until !== undefined && clock.now() < until;
    },
    remembered: (userId) => store.remembered(userId),
    forget: (userId, id) => store.forget(id, userId),
    forgetAll: (userId) => store.forgetAll(userId),
    hasAny: (userId) => store.hasAny(userId),
    removeAll: (userId) => store.erase(userId),
    sweep: () => store.sweep(clock.now() - keepMs),
    personal: {
      held: async ({ id }) => ({ browsers: (await store.list(id)).map(held) }),
      erase: ({ id }) => [store.erase(id)],
    },
  };
}

/** A browser as an export has it. */
const held = ({ userAgent, address, firstSeenAt, lastSeenAt, rememberedUntil }: Device) => ({
  user_agent: userAgent,
  address,
  first_used_at: exportedTime(firstSeenAt),
  last_used_at: exportedTime(lastSeenAt),
  remembered_until: exportedTime(rememberedUntil),
});
