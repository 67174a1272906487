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
  return [withoutPartner, tlsOnHttp, onePortForTwo, missingKey].flatMap((rule) => rule(judged));
}

const whereOf = ({ sources }: Config, key: ConfigKey): string =>
  sources[key] === 'default' ? configSettings[key].variable : sources[key];

/** Keys of which neither means anything without the other. */
const partners = [
  ['tls.cert', 'tls.key'],
  ['tls.key', 'tls.cert'],
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

function tlsOnHttp({ config, invalid }: Judged): ConfigProblem[] {
  if (config.tls === undefined || invalid.has('issuer') || config.issuer.startsWith('https:')) return [];
  const remedy = 'Begin the issuer with https://, or remove tls.';
  return [{ where: whereOf(config, 'tls.cert'), message: `TLS is on, but the issuer is ${config.issuer}.`, remedy }];
}

function onePortForTwo({ config, invalid }: Judged): ConfigProblem[] {
  if (config.port === 0 || config.port !== config.managementPort) return [];
  if (invalid.has('port') || invalid.has('managementPort')) return [];
  const message = `Public and management port are both ${config.port}.`;
  return [{ where: whereOf(config, 'managementPort'), message, remedy: 'Give them different numbers.' }];
}

function missingKey({ config, invalid }: Judged): ConfigProblem[] {
  if (config.encryptionKey !== undefined || isEmbeddedInDataDir(config)) return [];
  if (invalid.has('encryptionKey') || invalid.has('databaseUrl')) return [];
  const { variable, remedy } = configSettings.encryptionKey;
  const message = 'A database outside the data folder needs an encryption key, kept where the database is not.';
  return [{ where: variable, message, remedy }];
}

/** The files that the configuration names and that this process cannot use. */
export function unreadableFiles({ tls, outbound, sources }: Config): ConfigProblem[] {
  const files: [ConfigKey, string | undefined][] = [
    ['tls.cert', tls?.cert],
    ['tls.key', tls?.key],
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
    if (key !== 'tls.key') new X509Certificate(readFileSync(path));
    return undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return /^E[A-Z]+$/.test(code) ? `${path} cannot be read (${code}).` : `${path} holds no certificate in PEM form.`;
  }
}
