import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type yaml from 'yaml';
import type { Node, Pair } from 'yaml';
import type { ConfigProblem } from './errors.ts';
import { type ConfigKey, configKeys, isConfigKey } from './schema.ts';

/** A value as it was written, before any rule has seen it. */
export interface Written {
  readonly key: ConfigKey;
  readonly value: unknown;
  /** `postern.yaml:3` or the name of a variable. */
  readonly where: string;
}

/** What one place of configuration gave. */
export interface Reading {
  readonly written: readonly Written[];
  readonly problems: readonly ConfigProblem[];
}

const sections = new Set(configKeys.filter((key) => key.includes('.')).map((key) => key.slice(0, key.indexOf('.'))));

/** Reads the configuration file. `name` is how problems call it. A missing file is only a problem when it was asked for. */
export function readConfigFile(path: string, { name, asked }: { name: string; asked: boolean }): Reading {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !asked) return { written: [], problems: [] };
    const message = `The configuration file cannot be read (${(error as NodeJS.ErrnoException).code}).`;
    return {
      written: [],
      problems: [{ where: name, message, remedy: 'Set POSTERN_CONFIG to a file that can be read.' }],
    };
  }
  return readConfigText(text, name);
}

/** Reads YAML text: known keys with their lines, and a problem for everything else. */
export function readConfigText(text: string, name: string): Reading {
  const { isMap, isScalar, LineCounter, parseDocument } = yamlReader();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      where: at(error.pos[0]),
      message: `This is not YAML: ${firstLine(error.message)}.`,
      remedy: 'Mend the indentation, quotes or repeated key on this line.',
    }));
    return { written: [], problems };
  }
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { written: [], problems: [] };
  if (!isMap(root)) {
    const problem = {
      where: at(0),
      message: 'The file is not a list of keys.',
      remedy: 'Write one "key: value" a line.',
    };
    return { written: [], problems: [problem] };
  }
  const written: Written[] = [];
  const problems: ConfigProblem[] = [];
  const lineOf = (pair: Pair) => at((pair.key as Node | null)?.range?.[0] ?? 0);
  const take = (pair: Pair, prefix: string): void => {
    const name = `${prefix}${isScalar(pair.key) ? String(pair.key.value) : ''}`;
    if (isConfigKey(name))
      written.push({ key: name, value: plainValue(pair.value as Node | null), where: lineOf(pair) });
    else if (prefix === '' && sections.has(name)) takeSection(pair, name);
    else
      problems.push({ where: lineOf(pair), message: `"${name}" is not a configuration key.`, remedy: suggest(name) });
  };
  const takeSection = (pair: Pair, name: string): void => {
    if (isMap(pair.value)) for (const inner of pair.value.items) take(inner as Pair, `${name}.`);
    else if (!(isScalar(pair.value) && pair.value.value === null)) {
      const remedy = `Indent its keys below it: ${keysOf(name).join(', ')}.`;
      problems.push({ where: lineOf(pair), message: `"${name}" is a section, not a value.`, remedy });
    }
  };
  for (const pair of root.items) take(pair as Pair, '');
  return { written, problems };
}

/** Loaded where there is a file: most servers are told by variables. */
const yamlReader = (): typeof yaml => createRequire(import.meta.url)('yaml') as typeof yaml;

/** Maps and aliases stay out: every value is a scalar or a list of scalars. */
function plainValue(node: Node | null): unknown {
  return node === null ? null : ((node.toJSON?.() as unknown) ?? null);
}

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').replace(/[.:]?\s*$/, '');

const keysOf = (section: string): string[] => configKeys.filter((key) => key.startsWith(`${section}.`));

/** The remedy for an unknown key: the nearest known one, or all of them. */
export function suggest(name: string): string {
  const [nearest] = configKeys
    .map((key) => ({ key, distance: distance(name.toLowerCase(), key.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance);
  if (nearest !== undefined && nearest.distance <= 3) return `Did you mean ${nearest.key}?`;
  return `Remove it; the keys are ${configKeys.join(', ')}.`;
}

/** Levenshtein's distance: how many single characters to change, add or drop. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, character] of one.split('').entries()) {
    const next = [i + 1];
    for (const [j, candidate] of other.split('').entries()) {
      const change = (row[j] ?? 0) + (character === candidate ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
