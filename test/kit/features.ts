import { type Audit, createAudit } from '../../src/features/audit/module.ts';
import { type Clients, createClients } from '../../src/features/clients/module.ts';
import { createDevices } from '../../src/features/devices/module.ts';
import { createProviders, type Providers } from '../../src/features/federation/module.ts';
import { createMfa, type Mfa } from '../../src/features/mfa/module.ts';
import { createPasskeys, type Passkeys } from '../../src/features/passkeys/module.ts';
import { createPasswords, type Passwords } from '../../src/features/passwords/module.ts';
import { createSettings, type SettingsModule } from '../../src/features/settings/module.ts';
import { createThrottle, createUnlocks, type Unlocks } from '../../src/features/throttle/module.ts';
import { createUsers, type Users } from '../../src/features/users/module.ts';
import type { Clock } from '../../src/foundation/clock.ts';
import { createKeyRing } from '../../src/foundation/crypto/key-ring.ts';
import { createPasswordHash } from '../../src/foundation/crypto/password-hash.ts';
import { createPasswordQueue } from '../../src/foundation/crypto/password-queue.ts';
import type { Database } from '../../src/foundation/db/database.ts';
import { createIds, type Ids } from '../../src/foundation/ids.ts';
import { systemRandom } from '../../src/foundation/random.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';

/** A clock that stands still until it is moved. */
export interface TestClock extends Clock {
  /** Moves it by so many milliseconds. */
  advance(ms: number): void;
}

export function createTestClock(start = Date.UTC(2026, 4, 1, 12)): TestClock {
  let now = start;
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
  };
}

/** The features without the protocol, on one database, as one process has them. */
export interface TestFeatures {
  readonly clock: TestClock;
  readonly ids: Ids;
  readonly database: Database;
  readonly audit: Audit;
  readonly settings: SettingsModule;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly clients: Clients;
  readonly passkeys: Passkeys;
  readonly mfa: Mfa;
  readonly unlocks: Unlocks;
  readonly providers: Providers;
}

/** Builds the features on a database that is open already: another process on the same one, as it were. */
export function createTestFeatures(database: Database, clock: TestClock = createTestClock()): TestFeatures {
  const ids = createIds(clock, systemRandom);
  const random = systemRandom;
  const audit = createAudit({ database, clock, ids });
  const settings = createSettings({ database, clock, audit });
  const users = createUsers({ database, clock, ids, random, audit });
  const queue = createPasswordQueue({ concurrency: 2, limit: 100 });
  const parameters = () => settings.current().password.hash;
  const passwordHash = createPasswordHash({ parameters, queue, random });
  const config = { issuer: 'https://id.example', dataDir: '.' };
  const breached = { fetch: () => Promise.reject(new Error('no service here')), onUnasked: () => undefined };
  const throttle = createThrottle({ clock, settings });
  const passwords = createPasswords({
    config,
    database,
    clock,
    ids,
    audit,
    settings,
    passwordHash,
    throttle,
    ...breached,
  });
  const clients = createClients({ database, clock, ids, random, audit, fetch: breached.fetch });
  const keyRing = createKeyRing({ keys: [Buffer.alloc(32, 7)], random });
  const within = { config, database, clock, ids, random, keyRing, audit, settings, throttle };
  const passkeys = createPasskeys({ ...within, users });
  const devices = createDevices({ config, database, clock, random });
  const mfa = createMfa({ ...within, users, passkeys, devices });
  const unlocks = createUnlocks({ database, clock, audit, throttle });
  const providers = createProviders(within);
  return { clock, ids, database, audit, settings, users, passwords, clients, passkeys, mfa, unlocks, providers };
}

/** The features on an empty SQLite database of their own. */
export async function openTestFeatures(): Promise<TestFeatures & TestDatabase> {
  const opened = await openTestDatabase();
  return { ...opened, ...createTestFeatures(opened.database) };
}

/** The types of all events, in the order in which they happened. */
export async function eventTypesOf({ audit }: Pick<TestFeatures, 'audit'>): Promise<string[]> {
  return (await audit.search({ limit: 10_000 })).map(({ type }) => type).sort();
}
