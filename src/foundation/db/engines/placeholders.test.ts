import { describe, expect, it } from 'vitest';
import { answersRows, toDollars, toPositions } from './placeholders.ts';

describe('numbered parameters in other dialects', () => {
  it('become dollars for PostgreSQL', () => {
    expect(toDollars('UPDATE t SET a = ?2, b = ?10 WHERE c = ?1 AND d = ?2')).toBe(
      'UPDATE t SET a = $2, b = $10 WHERE c = $1 AND d = $2',
    );
  });

  it('become positions for MySQL, with the values put into the order of their use', () => {
    const { sql, arrange } = toPositions('UPDATE t SET a = ?2 WHERE b = ?1 AND c = ?2');
    expect(sql).toBe('UPDATE t SET a = ? WHERE b = ? AND c = ?');
    expect(arrange(['one', 'two'])).toEqual(['two', 'one', 'two']);
  });

  it.each([
    ['SELECT 1', true],
    ['  WITH a AS (SELECT 1) SELECT * FROM a', true],
    ['INSERT INTO t VALUES (1) RETURNING id', true],
    ['UPDATE t SET a = 1', false],
    ['INSERT INTO t SELECT 1', false],
  ])('%j answers with rows: %s', (sql, answers) => {
    expect(answersRows(sql)).toBe(answers);
  });
});
