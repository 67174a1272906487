import type { Json } from './providers/preset.ts';

/** Names of its own properties only: `constructor` or `__proto__` lead nowhere. */
function step(value: unknown, name: string): unknown {
  if (name === '*') return Array.isArray(value) ? value : undefined;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Json)[name];
}

/**
 * The value at a path such as `user.name.firstName`, `images[0].url` or `groups[*].name`, with or without `$.` before
 * it. A star makes a list of what is found in each item. Undefined where the path leads nowhere.
 */
export function valueAt(json: unknown, path: string): unknown {
  const names = path.replace(/^\$\.?/, '').match(/[^.[\]]+/g) ?? [];
  let value = json;
  for (const [index, name] of names.entries()) {
    value = step(value, name);
    if (value === undefined) return undefined;
    if (name !== '*') continue;
    const rest = names.slice(index + 1).join('.');
    return (value as unknown[]).map((item) => valueAt(item, rest)).filter((found) => found !== undefined);
  }
  return value;
}

const isTemplate = (source: string): boolean => source.includes('{');

/** A claim's value: what its path leads to, or its template with every `{path}` filled in; undefined where one is missing. */
export function mapped(json: Json, source: string): unknown {
  if (!isTemplate(source)) return valueAt(json, source);
  let isWhole = true;
  const filled = source.replaceAll(/\{([^{}]*)\}/g, (_, path: string) => {
    const value = valueAt(json, path);
    const isText = typeof value === 'string' || typeof value === 'number';
    if (!isText) isWhole = false;
    return isText ? String(value) : '';
  });
  return isWhole ? filled : undefined;
}

/** Whether a source can be read: a path, or a template whose braces match. */
export const isSource = (source: string): boolean =>
  isTemplate(source)
    ? /^[^{}]*(?:\{[^{}]+\}[^{}]*)+$/.test(source)
    : /^[^\s{}[\].]+(?:\.[^\s{}[\].]+|\[(?:\d+|\*)\])*$/.test(source);
