import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { departures } from '../features/passwords/module.ts';
import { systemClock } from '../foundation/clock.ts';
import { freeBytesAt } from '../foundation/config/data-dir.ts';
import { encryptionKeyFile } from '../foundation/config/encryption-key.ts';
import { ConfigError } from '../foundation/config/errors.ts';
import type { Config } from '../foundation/config/schema.ts';
import { argon2Build } from '../foundation/crypto/argon2-build.ts';
import { databaseTime } from '../foundation/db/database-time.ts';
import { planMigrations } from '../foundation/db/migrate.ts';
import { AppError } from '../foundation/errors.ts';
import { inspectPlaces } from '../foundation/geo/places.ts';
import { createIds } from '../foundation/ids.ts';
import { createMailTransport } from '../foundation/mail/transport.ts';
import { systemRandom } from '../foundation/random.ts';
import { type CommandApp, commandConfig, openCommandApp } from './command-app.ts';
import type { CertificateFacts, DatabaseFacts, DoctorFacts, FileFacts, PasswordFacts } from './doctor-findings.ts';

/** Gathers what `postern doctor` looks at. Changes nothing: a database that is not there yet or not migrated stays so. */
export async function doctorFacts(): Promise<DoctorFacts> {
  const config = readConfig();
  if ('problems' in config) return { ...nothing(), config };
  const { dataDir } = config;
  const keyFile = config.encryptionKey === undefined ? encryptionKeyFile(dataDir) : undefined;
  const files = [keyFile, config.tls?.key].filter((path) => path !== undefined);
  return {
    config,
    now: systemClock.now(),
    fileTime: fileTimeIn(dataDir),
    freeBytes: attempt(() => freeBytesAt(dataDir)),
    dataDir: fileFacts(dataDir),
    secretFiles: files.map(fileFacts),
    keyFile,
    certificate: config.tls && attempt(() => certificateFacts(config)),
    ...(await storeFacts(config)),
    mail: await mailFacts(config),
    places: placesFacts(config),
    argon2: argon2Build(),
  };
}

function placesFacts({ geoip }: Config): DoctorFacts['places'] {
  if (geoip.file === undefined) return undefined;
  try {
    return inspectPlaces(geoip.file);
  } catch (error) {
    return { error: inWords(error) };
  }
}

async function mailFacts(config: Config): Promise<DoctorFacts['mail']> {
  const { mail } = config;
  if (mail === undefined) return undefined;
  const { host } = new URL(mail.url);
  return createMailTransport({ ...config, mail })
    .verify()
    .then(
      () => ({ host }),
      (error: unknown) => ({ host, error: inWords(error) }),
    );
}

function readConfig(): DoctorFacts['config'] {
  try {
    return commandConfig();
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    throw error;
  }
}

/** Without a configuration nothing else can be looked at. */
const nothing = (): Omit<DoctorFacts, 'config'> => ({
  now: systemClock.now(),
  fileTime: undefined,
  freeBytes: undefined,
  dataDir: { path: '', mode: undefined },
  secretFiles: [],
  keyFile: undefined,
  certificate: undefined,
  database: { error: 'not looked at' },
  keys: undefined,
  mail: undefined,
  argon2: argon2Build(),
});

/** What cannot be found out is undefined: a check that fails must not hide the others. */
function attempt<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

const fileFacts = (path: string): FileFacts => ({ path, mode: attempt(() => statSync(path).mode & 0o777) });

/** The disk's clock: when a file that is written now was written. */
function fileTimeIn(folder: string): number | undefined {
  const probe = join(folder, `.doctor-${process.pid}`);
  return attempt(() => {
    writeFileSync(probe, '', { mode: 0o600 });
    const { mtimeMs } = statSync(probe);
    rmSync(probe);
    return mtimeMs;
  });
}

function certificateFacts({ issuer, tls }: Config): CertificateFacts | undefined {
  if (!tls) return undefined;
  const certificate = new X509Certificate(readFileSync(tls.cert));
  const host = new URL(issuer).hostname.replace(/^\[|\]$/g, '');
  return {
    matchesIssuer: (certificate.checkHost(host) ?? certificate.checkIP(host)) !== undefined,
    matchesKey: certificate.checkPrivateKey(createPrivateKey(readFileSync(tls.key))),
    expiresAt: Date.parse(certificate.validTo),
  };
}

async function storeFacts(config: Config): Promise<Pick<DoctorFacts, 'database' | 'keys' | 'passwords'>> {
  let pending: readonly string[];
  try {
    const ids = createIds(systemClock, systemRandom);
    pending = await planMigrations({ url: config.databaseUrl, clock: systemClock, ids });
  } catch (error) {
    return { database: { error: inWords(error) }, keys: undefined };
  }
  const unopened: DatabaseFacts = { pending, durability: undefined, time: undefined };
  // Opening would migrate, and make a key where there is none yet.
  if (pending.length > 0) return { database: unopened, keys: undefined };
  try {
    return await openedFacts();
  } catch (error) {
    return { database: unopened, keys: { error: inWords(error) } };
  }
}

async function openedFacts(): Promise<Pick<DoctorFacts, 'database' | 'keys' | 'passwords'>> {
  const app = await openCommandApp();
  try {
    const { durability } = app.database;
    const keys = app.signingKeys.list().map(({ alg, state }) => ({ alg, state }));
    const database = { pending: [], durability, time: await databaseTime(app.database) };
    return { database, keys, passwords: await passwordFacts(app) };
  } finally {
    await app.close();
  }
}

async function passwordFacts({ passwords, settings }: CommandApp): Promise<PasswordFacts> {
  const breached = await passwords.breachedFile().catch((error: unknown) => ({ error: inWords(error) }));
  return { departures: departures(settings.current()), breached };
}

/** Ours are written for operators; of the others only the kind is told, because they may quote a password. */
const inWords = (error: unknown): string =>
  error instanceof AppError
    ? error.message
    : `It cannot be opened (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`;
