import { isIP } from 'node:net';
import type { ConfigProblem } from '../foundation/config/errors.ts';
import type { Config } from '../foundation/config/schema.ts';
import { isLoopbackHost } from '../foundation/config/values.ts';
import { type Argon2Build, describeArgon2Build } from '../foundation/crypto/argon2-build.ts';

/** What one check of `postern doctor` found. */
export interface Finding {
  /** `ok`; `warning`: works, but not as it should; `problem`: does not work, or data is at risk. */
  readonly level: 'ok' | 'warning' | 'problem';
  readonly check: string;
  readonly message: string;
  /** What to do about it; there for everything that is not `ok`. */
  readonly remedy?: string;
}

/** A file or folder as it lies on the disk. */
export interface FileFacts {
  readonly path: string;
  /** Permission bits, or `undefined` when it is not there. */
  readonly mode: number | undefined;
}

/** The certificate that Postern serves with. */
export interface CertificateFacts {
  readonly matchesIssuer: boolean;
  readonly matchesKey: boolean;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What the database says of itself; the error instead, in words for operators, when it cannot be asked. */
export type DatabaseFacts =
  | { readonly error: string }
  | {
      /** Names of migrations that are not applied yet. */
      readonly pending: readonly string[];
      readonly durability: { readonly kept: boolean; readonly note: string } | undefined;
      /** Milliseconds since the epoch, by the database's clock. */
      readonly time: number | undefined;
    };

/** A signing key, as far as its age matters. */
export interface SigningKeyFacts {
  readonly alg: string;
  readonly state: 'next' | 'current' | 'retired';
}

export interface PasswordFacts {
  /** Names of settings that leave NIST SP 800-63B-4. */
  readonly departures: readonly string[];
  /** The file of breached passwords, or in words why it cannot be used; undefined where there is to be none. */
  readonly breached: { readonly path: string; readonly entries: number } | { readonly error: string } | undefined;
}

/** Everything that the checks look at, gathered beforehand: they themselves touch nothing. */
export interface DoctorFacts {
  /** The configuration, or why there is none. */
  readonly config: Config | { readonly problems: readonly ConfigProblem[] };
  /** Milliseconds since the epoch, by this process and by the disk (the time of a file just written). */
  readonly now: number;
  readonly fileTime: number | undefined;
  readonly freeBytes: number | undefined;
  readonly dataDir: FileFacts;
  /** The generated key and other files that hold secrets. */
  readonly secretFiles: readonly FileFacts[];
  /** The file that holds the encryption key, or `undefined` where it comes from elsewhere. */
  readonly keyFile: string | undefined;
  readonly certificate: CertificateFacts | undefined;
  readonly database: DatabaseFacts;
  /** The signing keys, or in words why they cannot be read. `undefined`: not looked at. */
  readonly keys: readonly SigningKeyFacts[] | { readonly error: string } | undefined;
  /** The policy for new passwords. `undefined`: not looked at. */
  readonly passwords?: PasswordFacts | undefined;
  /** The mail server, with what is wrong when it does not let us in. `undefined`: there is none. */
  readonly mail: { readonly host: string; readonly error?: string } | undefined;
  /** The file of places, with what is wrong when it cannot be used. `undefined`: there is to be none. */
  readonly places?: { readonly kind: string; readonly madeAt: number } | { readonly error: string } | undefined;
  readonly argon2: Argon2Build;
}

const ok = (check: string, message: string): Finding => ({ level: 'ok', check, message });
const warning = (check: string, message: string, remedy: string): Finding => ({
  level: 'warning',
  check,
  message,
  remedy,
});
const problem = (check: string, message: string, remedy: string): Finding => ({
  level: 'problem',
  check,
  message,
  remedy,
});

/** All findings, in the order in which they are mended best. */
export function examine(facts: DoctorFacts): Finding[] {
  const { config } = facts;
  if ('problems' in config) return config.problems.map(({ where, message, remedy }) => problem(where, message, remedy));
  return [
    ...config.warnings.map((text) => warning('configuration', text, 'Correct its name, or unset it.')),
    ...checkIssuer(config),
    ...checkPasskeys(config),
    ...checkProxy(config),
    ...checkCertificate(facts),
    ...checkClocks(facts),
    ...checkDisk(facts),
    ...checkModes(facts),
    ...checkDatabase(facts.database),
    ...checkKeys(facts.keys),
    ...checkPasswords(facts.passwords),
    checkMail(facts.mail),
    ...checkPlaces(facts),
    checkArgon2(facts.argon2),
    namePrecious(config, facts.keyFile),
  ];
}

function checkIssuer({ issuer, tls, port, host }: Config): Finding[] {
  const url = new URL(issuer);
  const isSecure = url.protocol === 'https:';
  if (!isSecure) {
    const remedy = 'Before others use it, set POSTERN_ISSUER to its public https URL.';
    const said = `${issuer} can only be reached from this machine.`;
    return [warning('issuer', said, remedy), ...checkIssuerPort(url, port)];
  }
  if (tls !== undefined) return [ok('issuer', `${issuer}, with TLS by Postern itself.`), ...checkIssuerPort(url, port)];
  if (isLoopbackHost(host)) return [ok('issuer', `${issuer}, with TLS by a proxy on this machine.`)];
  const remedy =
    'Let only the proxy reach this port: set POSTERN_HOST to 127.0.0.1 or an inner address, or use a firewall.';
  return [warning('issuer', `${issuer} is https by a proxy, and ${host}:${port} serves plain http beside it.`, remedy)];
}

/** Browsers bind passkeys to a domain (WebAuthn §5.1.3): the pages offer none where there is no name. */
function checkPasskeys({ issuer }: Config): Finding[] {
  const { hostname } = new URL(issuer);
  if (isIP(hostname.replace(/^\[|\]$/g, '')) === 0) return [];
  const remedy =
    'Give the server a name, and set POSTERN_ISSUER to it: localhost on this machine, else one in the DNS.';
  return [warning('passkeys', `The issuer ${hostname} is an IP address, so nobody can add or use a passkey.`, remedy)];
}

function checkIssuerPort(url: URL, port: number): Finding[] {
  const announced = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (announced === port) return [];
  const remedy = `Set POSTERN_PORT to ${announced}, or forward port ${announced} to ${port}.`;
  return [warning('issuer', `The issuer says port ${announced}, but Postern listens on ${port}.`, remedy)];
}

const everywhere: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0']);

function checkProxy({ issuer, tls, trustProxy }: Config): Finding[] {
  if (trustProxy.some((network) => everywhere.has(network))) {
    const remedy = 'Set POSTERN_TRUST_PROXY to the addresses of your proxies alone.';
    return [problem('proxy', 'Every caller may choose the address that limits and audit see.', remedy)];
  }
  if (issuer.startsWith('https:') && tls === undefined && trustProxy.length === 0) {
    const remedy = 'Set POSTERN_TRUST_PROXY to the address of the proxy, such as 127.0.0.1/32.';
    return [
      warning('proxy', 'All callers seem to have the address of the proxy, so limits hit them together.', remedy),
    ];
  }
  const said =
    trustProxy.length === 0 ? 'No proxy is trusted.' : `X-Forwarded-For counts from ${trustProxy.join(', ')}.`;
  return [ok('proxy', said)];
}

const dayMs = 24 * 60 * 60 * 1000;

function checkCertificate({ certificate, now }: DoctorFacts): Finding[] {
  if (certificate === undefined) return [];
  const findings: Finding[] = [];
  const renew = 'Renew it; Postern reads the file again by itself.';
  if (!certificate.matchesKey) {
    findings.push(problem('certificate', 'tls.key does not belong to tls.cert.', 'Name the files of one pair.'));
  }
  if (!certificate.matchesIssuer) {
    const remedy = 'Get a certificate for the host name of the issuer.';
    findings.push(problem('certificate', 'The certificate is not for the host name of the issuer.', remedy));
  }
  const days = Math.floor((certificate.expiresAt - now) / dayMs);
  if (days < 0) findings.push(problem('certificate', 'The certificate has expired.', renew));
  else if (days < 14) findings.push(warning('certificate', `The certificate expires in ${days} days.`, renew));
  return findings.length > 0 ? findings : [ok('certificate', `Fits the issuer, valid for ${days} days.`)];
}

/** Tokens live for minutes: a clock that is off by more makes relying apps refuse them, or honour them too long. */
const clockTolerance = 5000;

function checkClocks({ now, fileTime, database }: DoctorFacts): Finding[] {
  const databaseTime = 'time' in database ? database.time : undefined;
  const others: [string, number | undefined][] = [
    ['the database', databaseTime],
    ['the disk', fileTime],
  ];
  const off = others.flatMap(([name, time]) => {
    const seconds = time === undefined ? 0 : Math.round((time - now) / 1000);
    return Math.abs(seconds) * 1000 <= clockTolerance ? [] : [`${name} is ${seconds} s off`];
  });
  if (off.length === 0) return [ok('clock', 'Agrees with the database and the disk.')];
  const remedy = 'Let both machines take their time from NTP (timedatectl set-ntp true).';
  return [problem('clock', `By the clock of this process, ${off.join(' and ')}.`, remedy)];
}

const mebibyte = 1024 * 1024;

function checkDisk({ freeBytes, dataDir }: DoctorFacts): Finding[] {
  if (freeBytes === undefined) {
    const remedy = 'Start Postern once; it makes the folder.';
    return [warning('disk', `The data folder ${dataDir.path} is not there.`, remedy)];
  }
  const free = `${Math.floor(freeBytes / mebibyte)} MiB free in ${dataDir.path}.`;
  const remedy = 'Make room on this disk: a full one stops every sign-in.';
  if (freeBytes < 64 * mebibyte) return [problem('disk', free, remedy)];
  return [freeBytes < 1024 * mebibyte ? warning('disk', free, remedy) : ok('disk', free)];
}

function checkModes({ dataDir, secretFiles }: DoctorFacts): Finding[] {
  const open = secretFiles.filter(({ mode }) => mode !== undefined && (mode & 0o077) !== 0);
  const findings = open.map(({ path }) =>
    problem('file modes', `Other users of this machine can read ${path}.`, `chmod 600 ${path}`),
  );
  if (dataDir.mode !== undefined && (dataDir.mode & 0o007) !== 0) {
    const { path } = dataDir;
    findings.push(warning('file modes', `Other users of this machine can look into ${path}.`, `chmod 700 ${path}`));
  }
  return findings.length > 0 ? findings : [ok('file modes', 'Secrets are readable by this user alone.')];
}

function checkDatabase(database: DatabaseFacts): Finding[] {
  if ('error' in database) {
    return [
      problem(
        'database',
        database.error,
        'Until it can be opened nobody can sign in: check that it runs, and its URL.',
      ),
    ];
  }
  const { pending, durability } = database;
  const findings: Finding[] = [];
  if (pending.length > 0) {
    const remedy = 'Run postern migrate, or start the server: it migrates by itself.';
    findings.push(warning('migrations', `Not applied yet: ${pending.join(', ')}.`, remedy));
  } else findings.push(ok('migrations', 'The database is up to date.'));
  if (durability === undefined) return findings;
  const remedy = 'Let it write every commit to disk, or a power cut makes used codes usable again.';
  const said = `Commits survive a power cut (${durability.note}).`;
  const lost = `A power cut may lose acknowledged commits (${durability.note}).`;
  return [...findings, durability.kept ? ok('durability', said) : problem('durability', lost, remedy)];
}

function checkKeys(keys: DoctorFacts['keys']): Finding[] {
  if (keys === undefined) return [];
  if ('error' in keys) {
    return [
      problem(
        'signing keys',
        keys.error,
        'Until they can be read nothing is signed: give the key that this database was made with.',
      ),
    ];
  }
  const current = keys.filter(({ state }) => state === 'current').map(({ alg }) => alg);
  if (current.length === 0) {
    return [warning('signing keys', 'There is none yet.', 'Start the server: it makes them.')];
  }
  const waiting = new Set(keys.filter(({ state }) => state === 'next').map(({ alg }) => alg));
  const next = waiting.size > 0 ? `, next published for ${[...waiting].join(', ')}` : '';
  return [ok('signing keys', `${current.join(', ')} sign${next}.`)];
}

function checkPasswords(facts: DoctorFacts['passwords']): Finding[] {
  if (facts === undefined) return [];
  const remedy = 'Switch it off: such rules make people choose what is easy to guess. Length and refused lists help.';
  const rules = facts.departures.map((name) =>
    warning('passwords', `${name} leaves NIST SP 800-63B-4 §3.1.1.2.`, remedy),
  );
  if (rules.length === 0) rules.push(ok('passwords', 'The rules for new ones are those of NIST SP 800-63B-4.'));
  return [...rules, ...checkBreached(facts.breached)];
}

function checkBreached(breached: PasswordFacts['breached']): Finding[] {
  if (breached === undefined) return [];
  if ('entries' in breached) return [ok('passwords', `${breached.entries} breached ones are refused.`)];
  const remedy = 'Until then they are taken. Make it: postern passwords build-breached LIST --output FILE';
  return [problem('passwords', breached.error, remedy)];
}

/** So old a file has moved many an address to another town. */
const oldPlacesDays = 90;

function checkPlaces({ places, now }: DoctorFacts): Finding[] {
  if (places === undefined) return [];
  if ('error' in places) return [problem('places', places.error, 'Put a whole file there, or remove geoip.file.')];
  const days = Math.floor((now - places.madeAt) / dayMs);
  const said = `${places.kind}, made ${days} days ago.`;
  if (days <= oldPlacesDays) return [ok('places', said)];
  return [warning('places', said, 'Get a newer one from where it came; Postern reads it again by itself.')];
}

function checkArgon2(build: Argon2Build): Finding {
  const said = `${describeArgon2Build(build)}.`;
  if (build.kind === 'compiled') return ok('argon2', said);
  return warning('argon2', said, 'Install a C++ compiler, make and python3 and start again: it is then compiled here.');
}

/** Told each time, because a backup without this file is none. */
function namePrecious({ databaseFile }: Config, keyFile: string | undefined): Finding {
  const key = keyFile ?? 'the encryption key (POSTERN_ENCRYPTION_KEY)';
  const data = databaseFile === undefined ? 'the database' : databaseFile;
  return ok(
    'backup',
    `Keep copies of ${data} and of ${key}, apart from each other: without the key the stored private keys cannot be read.`,
  );
}

function checkMail(mail: DoctorFacts['mail']): Finding {
  if (mail === undefined) {
    const remedy = 'Set POSTERN_MAIL__URL and POSTERN_MAIL__FROM, then try: postern mail test ADDRESS';
    return warning('mail', 'There is no mail server: nothing is sent to anybody.', remedy);
  }
  if (mail.error === undefined) return ok('mail', `${mail.host} lets us in.`);
  return warning(
    'mail',
    `${mail.host}: ${mail.error}`,
    'Nothing is lost, and mails go once it answers. Check mail.url.',
  );
}
