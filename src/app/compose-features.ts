import { cpus } from 'node:os';
import { type Audit, createAudit } from '../features/audit/module.ts';
import { type Clients, createClients } from '../features/clients/module.ts';
import { createDevices, type Devices } from '../features/devices/module.ts';
import { createProviders, type Providers, providersRevision } from '../features/federation/module.ts';
import { createMfa, type Mfa, mfaPoliciesRevision } from '../features/mfa/module.ts';
import { createPasskeys, type Passkeys } from '../features/passkeys/module.ts';
import { createPasswords, type Passwords } from '../features/passwords/module.ts';
import { createSettings, type SettingsModule } from '../features/settings/module.ts';
import { createSigningKeys, type SigningKeys } from '../features/signing-keys/module.ts';
import {
  createThrottle,
  createUnlocks,
  type Throttle,
  type Unlocks,
  unlocksRevision,
} from '../features/throttle/module.ts';
import { createUsers, type Users } from '../features/users/module.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Config } from '../foundation/config/schema.ts';
import type { KeyRing } from '../foundation/crypto/key-ring.ts';
import { createPasswordHash } from '../foundation/crypto/password-hash.ts';
import { createPasswordQueue, hashConcurrency } from '../foundation/crypto/password-queue.ts';
import type { Database } from '../foundation/db/database.ts';
import type { Ids } from '../foundation/ids.ts';
import type { Log } from '../foundation/observe/log.ts';
import { createOutboundFetch, type FetchLike } from '../foundation/outbound/fetch.ts';
import type { Random } from '../foundation/random.ts';

/** What everything below is made from. */
export interface Foundations {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly database: Database;
  readonly keyRing: KeyRing;
  /** Where the server logs; commands say on standard error what matters to them. */
  readonly log?: Pick<Log, 'warn'>;
}

/** The features that neither speak the protocol nor show pages: all that a command needs. */
export interface CoreFeatures {
  readonly audit: Audit;
  readonly settings: SettingsModule;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly unlocks: Unlocks;
  readonly devices: Devices;
  readonly passkeys: Passkeys;
  readonly mfa: Mfa;
  readonly clients: Clients;
  /** Other identity providers. */
  readonly providers: Providers;
  readonly signingKeys: SigningKeys;
  /** Reads into memory what the named revisions stand for. */
  reload(names?: ReadonlySet<string>): Promise<void>;
}

/** libuv's pool unless the environment says otherwise; WebCrypto signs in it. */
const poolThreads = 4;
/** How many sign-ins may wait for their hash: about five seconds' worth on one core. */
const waitingHashes = 256;

/** Builds the core features and reads what they keep in memory. */
export async function composeCore(foundations: Foundations): Promise<CoreFeatures> {
  const audit = createAudit(foundations);
  const settings = createSettings({ ...foundations, audit });
  const queue = createPasswordQueue({ concurrency: hashConcurrency(cpus().length, poolThreads), limit: waitingHashes });
  const passwordHash = createPasswordHash({
    parameters: () => settings.current().password.hash,
    queue,
    random: foundations.random,
  });
  const throttle = createThrottle({ ...foundations, settings });
  const within = { ...foundations, audit, settings, passwordHash, throttle };
  const fetch = fetchOnDemand(foundations);
  const users = createUsers(within);
  const devices = createDevices(within);
  const passkeys = createPasskeys({ ...within, users });
  const clients = createClients({ ...within, fetch });
  const core = {
    audit,
    settings,
    users,
    passwords: createPasswords({ ...within, fetch, onUnasked: tellUnasked(foundations) }),
    throttle,
    devices,
    unlocks: createUnlocks({ ...within, throttle }),
    passkeys,
    mfa: createMfa({ ...within, users, passkeys, devices }),
    clients,
    providers: createProviders(within),
    signingKeys: createSigningKeys({ ...within, needed: () => clients.algorithms() }),
  };
  const reload = reloader(core);
  await reload();
  return { ...core, reload };
}

/** How lists of breached passwords and documents of clients are asked for. */
function fetchOnDemand({ config }: Foundations): FetchLike {
  // Most have no such thing: what outbound calls need is read when there is one.
  let outbound: FetchLike | undefined;
  return (url, init) => {
    outbound ??= createOutboundFetch(config);
    return outbound(url, init);
  };
}

const tellUnasked =
  ({ log }: Foundations) =>
  (source: string, error: unknown) =>
    log?.warn(
      { err: error, source },
      'a list of breached passwords cannot be asked; the password was taken without it',
    );

function reloader(core: Omit<CoreFeatures, 'reload'>): CoreFeatures['reload'] {
  const readers: Readonly<Record<string, () => Promise<void>>> = {
    settings: () => core.settings.reload(),
    clients: () => core.clients.reload(),
    keys: () => core.signingKeys.reload(),
    [mfaPoliciesRevision]: () => core.mfa.policies.reload(),
    [providersRevision]: () => core.providers.reload(),
    [unlocksRevision]: () => core.unlocks.reload(),
  };
  return async (names = new Set(Object.keys(readers))) => {
    for (const name of names) await readers[name]?.();
  };
}
