import { describe, expect, it } from 'vitest';
import { committed } from '../checks/committed.mjs';
import { files, offenders, readCommitted } from './source.ts';

const text =
  /\.(ts|mjs|cjs|js|json|md|pug|css|prisma|sql|ya?ml|sh|svg|html|conf|txt)$|(^|\/)(Dockerfile|Caddyfile|run)$/;
const texts = committed().filter((file) => text.test(file) && file !== 'package-lock.json');

/** `file:line` of every match in the given files. */
const places = (among: readonly string[], pattern: RegExp): string[] =>
  among.flatMap((file) =>
    readCommitted(file)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : [])),
  );

describe('the habits of the house', () => {
  it('keeps the wall clock and the dice in one place', () => {
    const global = /new Date\(\)|Date\.now\(|Math\.random\(|\brandom(?:Bytes|UUID|Int|FillSync)\(|getRandomValues\(/;
    expect(
      offenders(
        (code) => global.test(code),
        (file) => /^foundation\/(clock|random|ids)\.ts$/.test(file),
      ),
    ).toEqual([]);
  });

  it('reads the environment in one place', () => {
    expect(
      offenders(
        (code) => /process\.env\b/.test(code),
        (file) => file === 'foundation/config/load.ts',
      ),
    ).toEqual([]);
  });

  it('has no default export and no barrel', () => {
    expect(offenders((code) => /^export default\b/m.test(code))).toEqual([]);
    expect(offenders((code) => /^export\s+(?:type\s+)?\*/m.test(code))).toEqual([]);
    // A room's module may hand on by name what stands in its own room: it is the room's only door.
    const handsOn = /^export\s+(?:type\s+)?\{[^}]*\}\s*from\s*'(?:\.\.\/|[^.])/m;
    expect(offenders((code) => handsOn.test(code))).toEqual([]);
    const isModule = (file: string): boolean => file.endsWith('/module.ts');
    expect(offenders((code) => /^export\s+(?:type\s+)?\{[^}]*\}\s*from\b/m.test(code), isModule)).toEqual([]);
    expect(files.filter((file) => /(^|\/)index\.ts$/.test(file))).toEqual([]);
  });

  it('has no drawer for what nobody placed', () => {
    const drawer = /(^|\/)(utils?|helpers?|common|shared|misc|lib)(\/|\.ts$)/;
    expect(files.filter((file) => drawer.test(file))).toEqual([]);
  });

  it('skips no test and runs none alone', () => {
    const tests = texts.filter((file) => file.endsWith('.test.ts'));
    expect(places(tests, /\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:skip|only|todo|skipIf|runIf|fails)\b/)).toEqual(
      [],
    );
    expect(tests.length).toBeGreaterThan(0);
  });

  it('gives a reason with every suppression', () => {
    const bare =
      /(oxlint|eslint)-disable(?!.* -- \S)|biome-ignore(?! [^:]+: \S)|@ts-expect-error(?! \S)|@ts-(ignore|nocheck)/;
    const own = 'test/architecture/habits.test.ts';
    expect(
      places(
        texts.filter((file) => /\.(ts|mjs|cjs|js|css)$/.test(file) && file !== own),
        bare,
      ),
    ).toEqual([]);
  });

  it('names no path of the machine it was written on', () => {
    // Put together, so that this file does not name them.
    const personal = new RegExp(`(^|[^\\w.])/(?:${['root', 'work', 'home/\\w+'].join('|')})/\\w`);
    expect(places(texts, personal)).toEqual([]);
    expect(
      places(
        texts.filter((file) => file.startsWith('src/')),
        /['"`]\/tmp\//,
      ),
    ).toEqual([]);
  });

  it('leaves no note of unfinished work', () => {
    const note = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);
    expect(
      places(
        texts.filter((file) => /\.(ts|mjs|cjs|js|pug|css|prisma)$/.test(file)),
        note,
      ),
    ).toEqual([]);
  });
});
