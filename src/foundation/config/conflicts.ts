import { X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import type { ConfigProblem } from './errors.ts';
import { type Config, type ConfigKey, configSettings, type GivenValues } from './schema.ts';

/** Whether the embedded database lies in the data folder, where the generated key may lie beside it. */
export function isEmbeddedInDataDir(config: Pick<Config, 'databaseFile' | 'dataDir'>): boolean {
  if (config.databaseFile === undefined) return false;
  const inside = relative(config.dataDir, config.databaseFile);
  return inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`);
}

/** What a rule across keys is judged by. */
export interface Judged {
  readonly config: Config;
  /** What was given and is valid. */
  readonly values: GivenValues;
  /** The keys that are wrong already: they are not blamed again. */
  readonly invalid: ReadonlySet<ConfigKey>;
}

/** What no single value shows: every key on its own is valid, but together they are not. */
export function conflicts(judged: Judged): ConfigProblem[] {
  return [withoutPartner, mtlsWithoutCertificate, mtlsNowhere, tlsOnHttp, onePortForTwo, missingKey].flatMap((rule) =>
    rule(judged),
  );
}

const whereOf = ({ sources }: Config, key: ConfigKey): string =>
  sources[key] === 'default' ? configSettings[key].variable : sources[key];

/** Keys of which neither means anything without the other. */
const partners = [
  ['tls.cert', 'tls.key'],
  ['tls.key', 'tls.cert'],
  ['mtls.cert', 'mtls.key'],
  ['mtls.key', 'mtls.cert'],
  // Without a proxy that is trusted, the header would be believed from nobody.
  ['mtls.header', 'trustProxy'],
  ['mail.url', 'mail.from'],
  ['mail.from', 'mail.url'],
] as const;

function withoutPartner({ config, values, invalid }: Judged): ConfigProblem[] {
  return partners
    .filter(([one, other]) => values[one] !== undefined && values[other] === undefined && !invalid.has(other))
    .map(([one, other]) => ({
      where: whereOf(config, one),
      message: `${one} is given without ${other}.`,
      remedy: `Give ${other} as well.`,
    }));
}

/** The port that asks for certificates has to show one itself. */
function mtlsWithoutCertificate({ config, values, invalid }: Judged): ConfigProblem[] {
  const hasPort = values['mtls.port'] !== undefined;
  if (!hasPort || config.mtls?.port !== undefined) return [];
  const keys = ['mtls.cert', 'mtls.key', 'tls.cert', 'tls.key'] as const;
  if (keys.some((key) => values[key] !== undefined || invalid.has(key))) return [];
  const remedy = 'Give mtls.cert and mtls.key, or tls.cert and tls.key.';
  return [{ where: whereOf(config, 'mtls.port'), message: 'mtls.port is given without a certificate.', remedy }];
}

/** Keys that say how certificates are taken, where none are asked for. */
function mtlsNowhere({ config, values, invalid }: Judged): ConfigProblem[] {
  const places = ['mtls.port', 'mtls.header'] as const;
  if (places.some((key) => values[key] !== undefined || invalid.has(key))) return [];
  return (['mtls.ca', 'mtls.url', 'mtls.cert'] as const)
    .filter((key) => values[key] !== undefined)
    .map((key) => ({
      where: whereOf(config, key),
      message: `${key} is given, but nothing asks for certificates.`,
      remedy: 'Give mtls.port or mtls.header as well.',
    }));
}

function tlsOnHttp({ config, invalid }: Judged): ConfigProblem[] {
  if (config.tls === undefined || invalid.has('issuer') || config.issuer.startsWith('https:')) return [];
  const remedy = 'Begin the issuer with https://, or remove tls.';
  return [{ where: whereOf(config, 'tls.cert'), message: `TLS is on, but the issuer is ${config.issuer}.`, remedy }];
}

function onePortForTwo({ config, invalid }: Judged): ConfigProblem[] {
  const ports = [
    ['port', 'Public', config.port],
    ['managementPort', 'management', config.managementPort],
    ['mtls.port', 'mTLS', config.mtls?.port?.number],
  ] as const;
  const pairs = [
    [ports[0], ports[1]],
    [ports[0], ports[2]],
    [ports[1], ports[2]],
  ] as const;
  return pairs
    .filter(
      ([[one, , number], [other, , same]]) => !invalid.has(one) && !invalid.has(other) && number && number === same,
    )
    .map(([[, name, number], [key, other]]) => ({
      where: whereOf(config, key),
      message: `${name === 'management' ? 'Management' : name} and ${other} port are both ${number}.`,
      remedy: 'Give them different numbers.',
    }));
}

function missingKey({ config, invalid }: Judged): ConfigProblem[] {
  if (config.encryptionKey !== undefined || isEmbeddedInDataDir(config)) return [];
  if (invalid.has('encryptionKey') || invalid.has('databaseUrl')) return [];
  const { variable, remedy } = configSettings.encryptionKey;
  const message = 'A database outside the data folder needs an encryption key, kept where the database is not.';
  return [{ where: variable, message, remedy }];
}

/** The files that the configuration names and that this process cannot use. */
export function unreadableFiles({ tls, mtls, outbound, sources }: Config): ConfigProblem[] {
  const files: [ConfigKey, string | undefined][] = [
    ['tls.cert', tls?.cert],
    ['tls.key', tls?.key],
    ['mtls.cert', sources['mtls.cert'] === 'default' ? undefined : mtls?.port?.cert],
    ['mtls.key', sources['mtls.key'] === 'default' ? undefined : mtls?.port?.key],
    ['mtls.ca', mtls?.ca],
    ['outbound.ca', outbound.ca],
  ];
  return files.flatMap(([key, path]) => {
    const message = path === undefined ? undefined : complaint(key, path);
    return message === undefined ? [] : [{ where: sources[key], message, remedy: configSettings[key].remedy }];
  });
}

function complaint(key: ConfigKey, path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    if (!key.endsWith('.key')) new X509Certificate(readFileSync(path));
    return undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return /^E[A-Z]+$/.test(code) ? `${path} cannot be read (${code}).` : `${path} holds no certificate in PEM form.`;
  }
}
