/**
 * Whether the whole of `npm test` covers what coverage.json demands: what the suites ran in their own process (vitest's
 * report) and what the servers and commands they started ran (V8's own files, from NODE_V8_COVERAGE), added up.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inProject, root } from '../../bin/set-up/place.mjs';
import { offsetsBySource } from './source-map.mjs';

/** How often each offset of a script ran: inner ranges lie over outer ones. */
function countsByOffset(functions, length) {
  const counts = new Int32Array(length + 1);
  const ranges = functions.flatMap((one) => one.ranges);
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of ranges) counts.fill(count, startOffset, endOffset);
  return counts;
}

/** Adds what one process ran of a script to what is known of its source. Never adds a place, only counts. */
export function addScript(known, { functions }, { offsets, text }) {
  const counts = countsByOffset(functions, text.length);
  const offsetOf = ({ line, column }) => offsets.get(`${line}:${column}`);
  const countAt = (start) => counts[offsetOf(start)] ?? 0;
  for (const [id, { start }] of Object.entries(known.statementMap)) known.s[id] += countAt(start);
  for (const [id, branch] of Object.entries(known.branchMap)) {
    const whole = countAt(branch.loc.start);
    const taken = branch.locations.map(({ start }) => (start.line === undefined ? undefined : countAt(start)));
    if (branch.type === 'if') taken[0] = counts[thenOffset(branch, known, offsetOf, text)] ?? 0;
    const others = taken.reduce((sum, count) => sum + (count ?? 0), 0);
    // An `else` that is not written has no place of its own: it ran when the rest ran less often than the whole.
    for (const [index, count] of taken.entries()) known.b[id][index] += count ?? Math.max(0, whole - others);
  }
}

/**
 * Where the first statement of an `if` begins: the report gives the whole `if` as its place. It is the first statement
 * inside that follows a closed parenthesis, which the body of an arrow function within the condition does not.
 */
function thenOffset({ loc, locations: [, otherwise] }, { statementMap }, offsetOf, text) {
  const from = offsetOf(loc.start) ?? 0;
  const until = otherwise.start.line === undefined ? Number.POSITIVE_INFINITY : (offsetOf(otherwise.start) ?? from);
  const inside = Object.values(statementMap)
    .filter(({ start }) => start.line >= loc.start.line && start.line <= loc.end.line)
    .map(({ start }) => offsetOf(start) ?? from)
    .filter((offset) => offset > from && offset < until);
  const comments = /\/\*[\s\S]*?\*\/|\/\/.*$/gm;
  return inside
    .sort((a, b) => a - b)
    .find((offset) => /\)\s*\{?\s*$/.test(text.slice(from, offset).replace(comments, '')));
}

/** Adds every process's record in the folder to vitest's report. */
function addProcesses(report, folder) {
  const scripts = new Map();
  const load = (url) => {
    if (!scripts.has(url)) scripts.set(url, describeScript(fileURLToPath(url)));
    return scripts.get(url);
  };
  const dist = `file://${inProject('dist')}/`;
  // Most commands run most files as others did before: what adds no place need not be looked at again.
  const added = new Set();
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    for (const script of readProcess(join(folder, file))) {
      if (!script.url.startsWith(dist)) continue;
      const record = `${script.url} ${JSON.stringify(script.functions)}`;
      if (added.has(record)) continue;
      added.add(record);
      const known = load(script.url);
      if (known !== undefined && report[known.source] !== undefined) addScript(report[known.source], script, known);
    }
  }
}

function describeScript(path) {
  if (!existsSync(path) || !existsSync(`${path}.map`)) return undefined;
  const text = readFileSync(path, 'utf8');
  const map = JSON.parse(readFileSync(`${path}.map`, 'utf8'));
  return { source: join(dirname(path), map.sources[0]), offsets: offsetsBySource(map, text), text };
}

/** A process that was killed while it wrote leaves half a file. */
function readProcess(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).result;
  } catch {
    return [];
  }
}

/** Lines and branches of one file, each with where it is and whether it ran. */
function measure({ statementMap, s, branchMap, b }) {
  const lines = new Map();
  for (const [id, { start }] of Object.entries(statementMap)) {
    lines.set(start.line, Math.max(lines.get(start.line) ?? 0, s[id]));
  }
  const branches = Object.entries(branchMap).flatMap(([id, { loc }]) =>
    b[id].map((count) => ({ line: loc.start.line, covered: count > 0 })),
  );
  return { lines: [...lines].map(([line, count]) => ({ line, covered: count > 0 })), branches };
}

const percent = (places) =>
  places.length === 0 ? 100 : (100 * places.filter(({ covered }) => covered).length) / places.length;

/** `report` is vitest's, `folder` holds the processes' records. Prints what is missed and returns whether all is met. */
export function meetsThresholds(report, folder, thresholds) {
  addProcesses(report, folder);
  const files = Object.entries(report).map(([path, known]) => ({ file: relative(root, path), ...measure(known) }));
  const all = (kind, prefix = '') => files.filter(({ file }) => file.startsWith(prefix)).flatMap((file) => file[kind]);
  const demands = [
    { what: 'lines', where: '', least: thresholds.lines, is: percent(all('lines')) },
    ...Object.entries(thresholds.branches).map(([where, least]) => {
      return { what: 'branches', where, least, is: percent(all('branches', where)) };
    }),
  ];
  for (const { what, where, least, is } of demands) {
    process.stdout.write(`coverage: ${is.toFixed(1)} % of ${what} ${where && `of ${where} `}(at least ${least})\n`);
  }
  list(files);
  return files.length > 0 && demands.every(({ is, least }) => is >= least);
}

/** What did not run, for whoever has to test it. */
function list(files) {
  const missed = (places) => [...new Set(places.filter(({ covered }) => !covered).map(({ line }) => line))].join(' ');
  const lines = files.map(({ file, lines, branches }) => {
    const shares = `${percent(lines).toFixed(0)} % lines, ${percent(branches).toFixed(0)} % branches`;
    return `${file}: ${shares}; lines ${missed(lines) || '-'}; branches at ${missed(branches) || '-'}`;
  });
  mkdirSync(inProject('coverage'), { recursive: true });
  writeFileSync(inProject('coverage', 'missed.txt'), `${lines.join('\n')}\n`);
}
