import { resolve } from 'node:path';

import type { z } from 'zod';
import { conflicts, unreadableFiles } from './conflicts.ts';
import { type Environment, namedConfigFile, readArguments, readEnvironment } from './environment.ts';
import { ConfigError, type ConfigProblem } from './errors.ts';
import { readConfigFile, type Written } from './file.ts';
import {
  type Config,
  type ConfigKey,
  type ConfigSetting,
  configKeys,
  configSettings,
  type GivenValues,
} from './schema.ts';
import { isLoopbackHost, readDatabaseUrl } from './values.ts';

/** The variables of this process: nobody else reads them. */
export const processEnvironment = (): Environment => process.env;

export interface ConfigInput {
  /** Values of the command line, by key. */
  readonly argv?: Readonly<Record<string, string>>;
  readonly env: Environment;
  /** Where relative paths start. */
  readonly cwd: string;
}

type Sources = Record<ConfigKey, string>;

/**
 * The configuration: command line before environment before file before default. Throws `ConfigError`
 * (`config_invalid`) with every problem of every place at once.
 */
export function loadConfig({ argv = {}, env, cwd }: ConfigInput): Config {
  const named = namedConfigFile(env);
  const file = readConfigFile(resolve(cwd, named ?? 'postern.yaml'), {
    name: named ?? 'postern.yaml',
    asked: named !== undefined,
  });
  const environment = readEnvironment(env);
  const line = readArguments(argv);
  const problems = [...file.problems, ...environment.problems, ...line.problems];

  const values: GivenValues = {};
  const sources = Object.fromEntries(configKeys.map((key) => [key, 'default'])) as Sources;
  const invalid = new Set<ConfigKey>();
  // The later place wins, but what is wrong in an earlier one is reported too.
  for (const written of [...file.written, ...environment.written, ...line.written]) {
    const read = readValue(written);
    if (read.problems.length > 0) {
      problems.push(...read.problems);
      invalid.add(written.key);
    } else {
      Object.assign(values, { [written.key]: read.value });
      sources[written.key] = written.where;
    }
  }
  const config = complete({ values, sources, cwd, warnings: environment.warnings });
  problems.push(...conflicts({ config, values, invalid }), ...unreadableFiles(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Puts one written value through its rule. */
function readValue({ key, value, where }: Written): { value?: unknown; problems: ConfigProblem[] } {
  const setting: ConfigSetting = configSettings[key];
  if (value === null) {
    return { problems: [{ where, message: `${key} has no value.`, remedy: `${setting.remedy} Or remove the line.` }] };
  }
  const result = setting.schema.safeParse(value);
  if (result.success) return { value: result.data, problems: [] };
  const problems = result.error.issues.map((issue) => ({ where, ...explain(key, setting, issue) }));
  return { problems };
}

/** Our own rules bring their message and remedy; zod's would quote types at an operator who wants to know what to write. */
function explain(key: ConfigKey, setting: ConfigSetting, issue: z.core.$ZodIssue): { message: string; remedy: string } {
  if (issue.code !== 'custom' || issue.message === 'Invalid input') {
    return { message: `The value of ${key} is not valid.`, remedy: setting.remedy };
  }
  const remedy: unknown = issue.params?.remedy;
  return { message: issue.message, remedy: typeof remedy === 'string' ? remedy : setting.remedy };
}

interface Parts {
  readonly values: GivenValues;
  readonly sources: Sources;
  readonly cwd: string;
  readonly warnings: readonly string[];
}

/** The defaults that depend on nothing else. */
const defaults = {
  issuer: 'http://localhost:8080',
  port: 8080,
  managementHost: '127.0.0.1',
  managementPort: 9000,
  dataDir: './data',
  trustProxy: [],
  'log.level': 'info',
} as const satisfies GivenValues;

function complete({ values, sources, cwd, warnings }: Parts): Config {
  const given = { ...defaults, ...values };
  const url = new URL(given.issuer);
  const path = (text: string | undefined) => (text === undefined ? undefined : resolve(cwd, text));
  const dataDir = resolve(cwd, given.dataDir);
  const databaseUrl = given.databaseUrl ?? `file:${dataDir}/postern.db`;
  const database = readDatabaseUrl(databaseUrl, cwd);
  const [cert, key] = [path(given['tls.cert']), path(given['tls.key'])];
  return {
    issuer: given.issuer,
    host: given.host ?? (isLoopbackHost(url.hostname) ? '127.0.0.1' : '0.0.0.0'),
    port: given.port,
    managementHost: given.managementHost,
    managementPort: given.managementPort,
    dataDir,
    databaseUrl: database.file === undefined ? databaseUrl : `file:${database.file}`,
    databaseEngine: database.engine,
    databaseFile: database.file,
    encryptionKey: given.encryptionKey,
    trustProxy: given.trustProxy,
    tls: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    mtls: mtlsOf(given, {
      cert: path(given['mtls.cert']) ?? cert,
      key: path(given['mtls.key']) ?? key,
      ca: path(given['mtls.ca']),
    }),
    outbound: { ca: path(given['outbound.ca']), allow: given['outbound.allow'] ?? ownNetworks(url) },
    mail: mailOf(given),
    geoip: { file: path(given['geoip.file']) },
    log: { level: given['log.level'], file: path(given['log.file']) },
    sources,
    warnings,
  };
}

interface MtlsFiles {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
}

function mtlsOf(given: GivenValues & { readonly issuer: string }, { cert, key, ca }: MtlsFiles): Config['mtls'] {
  const { 'mtls.port': number, 'mtls.header': header, 'mtls.url': url, issuer } = given;
  const port = number !== undefined && cert !== undefined && key !== undefined ? { number, cert, key } : undefined;
  if (port === undefined && header === undefined) return undefined;
  return { port, header, ca, url: url ?? (port && `https://${new URL(issuer).hostname}:${port.number}`) };
}

function mailOf({ 'mail.url': url, 'mail.from': from }: GivenValues): Config['mail'] {
  return url !== undefined && from !== undefined ? { url, from } : undefined;
}

/** On a public issuer, a client's URL must not reach what listens on this machine alone. */
const ownNetworks = (issuer: URL): string[] => (issuer.protocol === 'http:' ? ['127.0.0.0/8', '::1/128'] : []);
