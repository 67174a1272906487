import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addScript } from './coverage.mjs';
import { offsetsBySource } from './source-map.mjs';

const source = `export function pick(flag) {
  if ([flag].some((one) => one === true)) {
    return 'yes';
  }
  return flag === 0 ? 'zero' : 'no';
}
`;

describe('coverage of a started process', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-coverage-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What V8 says of `pick` after these calls in a process of their own. */
  function run(calls: string): { functions: [] } {
    const script = join(folder, 'pick.mjs');
    writeFileSync(script, `${source}${calls}`);
    const records = join(folder, 'records');
    rmSync(records, { recursive: true, force: true });
    execFileSync(process.execPath, [script], { env: { ...process.env, NODE_V8_COVERAGE: records } });
    const record = JSON.parse(readFileSync(join(records, readdirSync(records)[0] ?? ''), 'utf8'));
    return record.result.find(({ url }: { url: string }) => url.endsWith('pick.mjs'));
  }

  /** What the suites know of the source before: every place of it, and that nothing ran. */
  const untouched = () => {
    const at = (line: number, column: number) => ({
      start: { line, column },
      end: { line: line === 2 ? 4 : line, column: null },
    });
    return {
      statementMap: { 0: at(2, 2), 1: at(2, 27), 2: at(3, 4), 3: at(5, 2) },
      s: { 0: 0, 1: 0, 2: 0, 3: 0 },
      branchMap: {
        0: { type: 'if', loc: at(2, 2), locations: [at(2, 2), { start: {}, end: {} }] },
        1: { type: 'cond-expr', loc: at(5, 9), locations: [at(5, 22), at(5, 31)] },
      },
      b: { 0: [0, 0], 1: [0, 0] },
    };
  };
  const lines = source.split('\n');
  const starts = lines.map((_, index) => lines.slice(0, index).join('\n').length + (index === 0 ? 0 : 1));
  const offsets = new Map(
    lines.flatMap((line, index) =>
      Array.from(line, (_, column) => [`${index + 1}:${column}`, (starts[index] ?? 0) + column]),
    ),
  );

  it('counts statements and both sides of every branch', () => {
    const known = untouched();
    addScript(known, run('pick(true); pick(0); pick(1);'), { offsets, text: source });
    expect(known.s).toEqual({ 0: 3, 1: 3, 2: 1, 3: 2 });
    expect(known.b).toEqual({ 0: [1, 2], 1: [1, 1] });
  });

  it('tells the side that never ran, and does not take the condition for it', () => {
    const known = untouched();
    addScript(known, run('pick(1);'), { offsets, text: source });
    expect(known.b).toEqual({ 0: [0, 1], 1: [0, 1] });
  });

  it('finds the places of the source in what was generated from it', () => {
    const found = offsetsBySource({ mappings: 'AAAA,MAAM;IACJ' }, 'const a = 1;\n    f();\n');
    expect([...found]).toEqual([
      ['1:0', 0],
      ['1:6', 6],
      ['2:2', 17],
    ]);
  });
});
