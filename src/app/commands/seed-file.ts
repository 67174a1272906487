import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Document as YamlDocument } from 'yaml';
import type { z } from 'zod';
import { type Seed, seedSchema } from './seed-schema.ts';

/** What is wrong with a seed file, and where: `users[0].email`, and its line when it is known. */
export interface SeedProblem {
  readonly line: number | undefined;
  readonly path: string;
  readonly message: string;
}

type Path = readonly (string | number)[];

/** A seed file that was read, and the way back from a value to its line. */
export interface SeedFile {
  readonly seed: Seed;
  readonly problem: (path: Path, message: string) => SeedProblem;
}

/** Reads YAML or JSON. All problems at once, in the order of their lines. */
export function readSeedFile(text: string): { file: SeedFile } | { problems: SeedProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  if (document.errors.length > 0) {
    return { problems: document.errors.map(({ message, pos }) => ({ line: lineAt(pos[0]), path: '', message })) };
  }
  const problem = (path: Path, message: string): SeedProblem => {
    const offset = offsetOf(document, path);
    return { line: offset === undefined ? undefined : lineAt(offset), path: nameOf(path), message };
  };
  const value = plainValue(document);
  if (value === tooManyAliases) return { problems: [problem([], 'The file repeats itself too often (aliases).')] };
  const result = seedSchema.safeParse(value ?? {});
  if (!result.success) return { problems: sorted(result.error.issues.flatMap((issue) => problemsOf(issue, problem))) };
  return { file: { seed: result.data, problem } };
}

/** Problems in the order of their lines. */
export const sorted = (problems: readonly SeedProblem[]): SeedProblem[] =>
  problems.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0));

const tooManyAliases = Symbol('too many aliases');

/** The document as plain values. Aliases are limited: nine lines of them can mean a billion values. */
function plainValue(document: YamlDocument): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    return tooManyAliases;
  }
}

function problemsOf(issue: z.core.$ZodIssue, problem: SeedFile['problem']): SeedProblem[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => problem([...path, key], 'is not known'));
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [problem(path, missing ? 'is missing' : issue.message)];
}

/** Where a value, or at least what should contain it, begins in the text. */
function offsetOf(document: YamlDocument, path: Path): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const step of path) {
    const found = childOf(node, step);
    if (found === undefined) break;
    offset = found.at ?? offset;
    node = found.node;
  }
  return offset;
}

function childOf(node: unknown, step: string | number): { at: number | undefined; node: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    return pair === undefined ? undefined : { at: (pair.key as Node).range?.[0], node: pair.value };
  }
  const item = isSeq(node) ? node.items[Number(step)] : undefined;
  return item === undefined ? undefined : { at: (item as Node).range?.[0], node: item };
}

const nameOf = (path: Path): string =>
  path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`)).join('');
