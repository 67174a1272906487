import { describe, expect, it } from 'vitest';
import { readCommitted } from '../architecture/source.ts';
import { conformancePage, otherwise, specifications, testsOf } from './conformance.ts';

const levels = ['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT'];

describe.each(specifications())('$title', ({ clauses }) => {
  it('has rows, each with its clause, its level and what it asks', () => {
    expect(clauses).not.toEqual([]);
    for (const { clause, level, asked } of clauses) {
      expect(clause).toMatch(/^(?:§|Appendix )/);
      expect(levels, clause).toContain(level);
      expect(asked, clause).not.toBe('');
    }
  });

  it('names tests that there are, or says why there is none', () => {
    for (const clause of clauses) {
      const tests = testsOf(clause);
      expect(tests.length > 0 || otherwise(clause) !== undefined, `${clause.clause}: ${clause.held}`).toBe(true);
      for (const { title, file } of tests) {
        const source = readCommitted(file);
        const isThere = ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
        expect(isThere, `${clause.clause}: “${title}” in ${file}`).toBe(true);
      }
    }
  });
});

it('the overview is what the pages say', () => {
  expect(readCommitted('docs/conformance/README.md'), 'run npm run docs').toBe(conformancePage());
});
