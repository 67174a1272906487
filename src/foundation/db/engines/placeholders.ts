import type { Value } from '../statement.ts';

/*
 * Statements name their parameters `?1`, `?2`. SQLite takes that as it is, PostgreSQL calls them `$1`, and MySQL knows only
 * the bare `?`, whose values stand in the order of their use.
 */

const NUMBERED = /\?(\d+)/g;

/** `?1` → `$1`. */
export const toDollars = (sql: string): string => sql.replaceAll(NUMBERED, '$$$1');

/** `?2 … ?1 … ?2` → `? … ? … ?`, and a function that puts the values into that order. */
export function toPositions(sql: string): { sql: string; arrange: (params: readonly Value[]) => Value[] } {
  const order = [...sql.matchAll(NUMBERED)].map(([, number]) => Number(number) - 1);
  return {
    sql: sql.replaceAll(NUMBERED, '?'),
    arrange: (params) => order.map((index) => params[index] ?? null),
  };
}

/** Whether a statement answers with rows, so that finding one is its hit. */
export const answersRows = (sql: string): boolean => /^\s*(?:SELECT|WITH)\b|\bRETURNING\b/i.test(sql);
