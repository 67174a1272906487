import { readFileSync } from 'node:fs';
import type { ConfigProblem } from './errors.ts';
import { type Reading, suggest, type Written } from './file.ts';
import { type ConfigKey, configKeys, configSettings, isConfigKey } from './schema.ts';

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

const configVariable = 'POSTERN_CONFIG';

/** The path of the configuration file, if one was named. */
export const namedConfigFile = (env: Environment): string | undefined => env[configVariable] || undefined;

/** What the environment gives. An empty variable counts as not given: compose files pass those for what is unset. */
export function readEnvironment(env: Environment): Reading & { readonly warnings: readonly string[] } {
  const written: Written[] = [];
  const problems: ConfigProblem[] = [];
  const known = new Set([configVariable]);
  for (const key of configKeys) {
    const { variable, secret } = configSettings[key];
    known.add(variable);
    const value = env[variable] || undefined;
    if (value !== undefined) written.push({ key, value, where: variable });
    if (!secret) continue;
    const fileVariable = `${variable}_FILE`;
    known.add(fileVariable);
    const path = env[fileVariable] || undefined;
    if (path === undefined) continue;
    if (value !== undefined) {
      problems.push({ where: fileVariable, message: `${variable} is given as well.`, remedy: 'Unset one of the two.' });
    } else readSecretFile({ key, path, variable: fileVariable }, { written, problems });
  }
  const strangers = Object.keys(env).filter((name) => name.startsWith('POSTERN_') && !known.has(name));
  return { written, problems, warnings: strangers.sort().map(warnOf) };
}

interface SecretFile {
  readonly key: ConfigKey;
  readonly path: string;
  readonly variable: string;
}

function readSecretFile(file: SecretFile, into: { written: Written[]; problems: ConfigProblem[] }): void {
  const { key, path, variable } = file;
  try {
    const value = readFileSync(path, 'utf8').trim();
    if (value !== '') into.written.push({ key, value, where: variable });
    else into.problems.push({ where: variable, message: `${path} is empty.`, remedy: configSettings[key].remedy });
  } catch (error) {
    const message = `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`;
    into.problems.push({ where: variable, message, remedy: 'Name a file that this user can read.' });
  }
}

/** A variable that means nothing may be a typing error, but may as well belong to another version. */
function warnOf(name: string): string {
  const asKey = name
    .slice('POSTERN_'.length)
    .toLowerCase()
    .split('__')
    .map((part) => part.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()))
    .join('.');
  const hint = suggest(asKey);
  const nearest = /^Did you mean (.+)\?$/.exec(hint)?.[1] ?? '';
  const meant = isConfigKey(nearest) ? ` Did you mean ${configSettings[nearest].variable}?` : '';
  return `${name} is not a variable of Postern and has no effect.${meant}`;
}

/** What the command line gives, by key: `{ port: '8081', 'log.level': 'debug' }`. */
export function readArguments(argv: Readonly<Record<string, string>>): Reading {
  const written: Written[] = [];
  const problems: ConfigProblem[] = [];
  for (const [key, value] of Object.entries(argv)) {
    const where = `--${key}`;
    if (isConfigKey(key)) written.push({ key, value, where });
    else problems.push({ where, message: `"${key}" is not a configuration key.`, remedy: suggest(key) });
  }
  return { written, problems };
}
