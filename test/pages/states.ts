import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Every state that the sources name, so that one which nobody has looked at fails the tests. */

const root = join(import.meta.dirname, '../..');
const viewsDir = join(root, 'views');
const localsDir = join(root, 'src/foundation/views');

const mark = (name: string): string => `\u27E6${name}\u27E7`;

/** The marks in something rendered from marked views. */
export const marksIn = (text: string): string[] =>
  [...text.matchAll(/\u27E6([^\u27E7]+)\u27E7/g)].map(([, name = '']) => name);

/** Views that show what they are made of: the key of each sentence in its place, and a mark in every branch. */
export interface MarkedViews {
  /** As `views`; for the caller to remove. */
  readonly folder: string;
  readonly sentences: readonly string[];
  readonly branches: readonly string[];
}

export function markViews(): MarkedViews {
  const folder = mkdtempSync(join(tmpdir(), 'marked-views-'));
  cpSync(viewsDir, folder, { recursive: true });
  const sentences: string[] = [];
  const branches: string[] = [];
  const english = join(folder, 'locales/en.json');
  writeFileSync(english, JSON.stringify(markWords(JSON.parse(readFileSync(english, 'utf8')), '', sentences)));
  for (const file of templates()) writeFileSync(join(folder, file), markBranches(templateOf(file), file, branches));
  return { folder, sentences, branches };
}

const templates = (): string[] =>
  readdirSync(viewsDir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.pug'));

function markWords(node: unknown, key: string, found: string[]): unknown {
  if (typeof node !== 'string')
    return Object.fromEntries(
      Object.entries(node as object).map(([name, inner]) => [
        name,
        markWords(inner, key === '' ? name : `${key}.${name}`, found),
      ]),
    );
  found.push(key);
  // What stands in it is kept: it may be a sentence of its own, and what is emphasised is a branch.
  return mark(key) + node;
}

/** A template with a mark in every branch, also in the one that an `if` without `else` leaves unsaid. */
function markBranches(template: string, file: string, found: string[]): string {
  const note = (space: string, name: string): string => {
    found.push(`${file}: ${name}`);
    return `${space}  | ${mark(`${file}: ${name}`)}`;
  };
  const marked: string[] = [];
  /** The `if`s that may still find their `else`, by how far they are indented. */
  const open = new Map<string, string>();
  const close = (indent: number, goesOn: boolean): void => {
    for (const [space, name] of [...open].reverse()) {
      if (space.length < indent || (space.length === indent && goesOn)) break;
      marked.push(`${space}else`, note(space, `not ${name}`));
      open.delete(space);
    }
  };
  for (const [index, line] of template.split('\n').entries()) {
    const [, space = '', word] = /^(\s*)(if|else if|else|each|when|unless|while)\b/.exec(line) ?? [];
    if (line.trim() !== '') close(line.length - line.trimStart().length, word?.startsWith('else') ?? false);
    marked.push(line);
    if (word === undefined) continue;
    const name = `${index + 1}: ${line.trim()}`;
    marked.push(note(space, name));
    if (word === 'if') open.set(space, name);
    if (word === 'else') open.delete(space);
  }
  close(0, false);
  return marked.join('\n');
}

/** The keys that a page's own templates name in full; what it shares with others stands in `layout`. */
export function keysNamedBy(page: string): string[] {
  const own = templateOf(`${page}.pug`);
  const pieces = [...own.matchAll(/^\s*include (_[\w-]+)$/gm)].map(([, name]) =>
    templateOf(`${dirname(page)}/${name}.pug`),
  );
  return [own, ...pieces].flatMap((text) =>
    [...text.matchAll(/'([a-z]\w*(?:\.[\w-]+)+)'/gi)].map(([, key = '']) => key),
  );
}

const templateOf = (file: string): string => readFileSync(join(viewsDir, file), 'utf8');

/** A state as the type of a page names it: the field, and the value it may have. */
export type NamedState = `${string}=${string}`;

/** Every state that the type of each page names. */
export function namedStates(): Map<string, ReadonlySet<NamedState>> {
  const types = declaredTypes();
  const pages = types.get('PageLocals') ?? '';
  return new Map(
    [...pages.matchAll(/'([\w/-]+)': (\w+);/g)].map(([, page = '', type = '']) => {
      const found = new Set<NamedState>();
      collectStates(types, type, '', found);
      return [page, found];
    }),
  );
}

/** Bodies of the types that pages are described with, by name. */
function declaredTypes(): Map<string, string> {
  const text = readdirSync(localsDir)
    .filter((file) => file.endsWith('pages.ts'))
    .map((file) => readFileSync(join(localsDir, file), 'utf8'))
    .join('\n')
    .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|^import[\s\S]*?;$/gm, '')
    // What a type takes from another, and the keys of a record, are names of fields.
    .replaceAll(/\b(?:Pick|Omit)<(\w+),[^>]*>/g, '$1')
    .replaceAll(/\bRecord<\w+,/g, '');
  const declarations = text.matchAll(
    /^(?:export )?(?:interface|type|const) (\w+)([\s\S]*?)(?=^(?:export |interface |type |const )|$(?![\s\S]))/gm,
  );
  return new Map([...declarations].map(([, name = '', body = '']) => [name, body]));
}

function collectStates(types: ReadonlyMap<string, string>, name: string, field: string, found: Set<NamedState>): void {
  let current = field;
  for (const [, named, literal, type] of (types.get(name) ?? '').matchAll(
    /(\w+)\??:\s|'([^']*)'|\b([A-Z]\w+|\w+Dones)\b/g,
  )) {
    if (named !== undefined) current = named;
    if (literal !== undefined) found.add(`${current}=${literal}`);
    if (type !== undefined && types.has(type)) collectStates(types, type, current, found);
  }
}

/** The states that something given to a page is in, named as its type names them. */
export function statesOf(locals: unknown): Set<NamedState> {
  const found = new Set<NamedState>();
  const walk = (node: unknown, fields: readonly string[]): void => {
    if (typeof node === 'string') for (const field of fields) found.add(`${field}=${node}`);
    else if (Array.isArray(node)) for (const item of node) walk(item, fields);
    // The field above counts too: in a record the keys are no fields of the type.
    else if (typeof node === 'object' && node !== null)
      for (const [field, inner] of Object.entries(node)) walk(inner, [...fields.slice(-1), field]);
  };
  walk(locals, []);
  return found;
}
