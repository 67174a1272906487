import { settingProblems, settingsInvalid } from './errors.ts';
import { type Settings, settingsSchema } from './schema.ts';

/** A setting by its full name, `refresh.graceSeconds`. */
export interface NamedSetting {
  readonly name: string;
  readonly value: unknown;
}

type Tree = { [name: string]: unknown };

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Nested settings as a flat list. */
export function flatten(tree: unknown, prefix = ''): NamedSetting[] {
  if (!isTree(tree)) return [{ name: prefix.slice(0, -1), value: tree }];
  return Object.entries(tree).flatMap(([name, value]) => flatten(value, `${prefix}${name}.`));
}

/** Settings with some of them replaced. */
export function merge(settings: unknown, changes: unknown): unknown {
  if (!isTree(settings) || !isTree(changes)) return changes;
  const merged = Object.entries(changes).map(([name, value]): [string, unknown] => [
    name,
    merge(Object.hasOwn(settings, name) ? settings[name] : undefined, value),
  ]);
  return Object.fromEntries([...Object.entries(settings), ...merged]);
}

/** A flat list of known names as nested settings. */
function nest(settings: readonly NamedSetting[]): Tree {
  const tree: Tree = {};
  for (const { name, value } of settings) {
    const path = name.split('.');
    let branch = tree;
    for (const step of path.slice(0, -1)) {
      branch[step] ??= {};
      branch = branch[step] as Tree;
    }
    branch[path.at(-1) ?? ''] = value;
  }
  return tree;
}

const known = new Set(flatten(settingsSchema.parse({})).map(({ name }) => name));

/**
 * The settings that the stored rows mean, with defaults for the rest. A row whose name this version does not know is
 * left alone: it belongs to a capability that came or went. Throws `settings_invalid`.
 */
export function readSettings(stored: readonly NamedSetting[]): Settings {
  const result = settingsSchema.safeParse(nest(stored.filter(({ name }) => known.has(name))));
  if (!result.success) throw settingsInvalid(settingProblems(result.error));
  return result.data;
}
