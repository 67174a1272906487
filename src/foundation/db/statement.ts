/** The engines that one data model serves. `mysql` is MySQL and MariaDB. */
export type Engine = 'sqlite' | 'postgresql' | 'mysql';

/** What a prepared statement takes and gives back. 64-bit integers are JavaScript numbers (all of ours are below 2^53). */
export type Value = string | number | null;
export type Row = Record<string, Value>;

/**
 * A prepared statement of a hot store. Its SQL names parameters by number, `?1`, `?2`, on every engine, and may use one
 * twice; columns and tables are written without quotes. Identity is the object: make it once, at module level.
 */
export interface Statement {
  readonly name: string;
  readonly sql: Readonly<Record<Engine, string>>;
}

/** One text for all engines, or one per engine where the dialects part. */
export function statement(name: string, sql: string | Readonly<Record<Engine, string>>): Statement {
  return { name, sql: typeof sql === 'string' ? { sqlite: sql, postgresql: sql, mysql: sql } : sql };
}

/** One write (or guard) of a unit of work. */
export interface Operation {
  readonly statement: Statement;
  readonly params: readonly Value[];
  /**
   * Whether the unit is lost when this touches (or, for a SELECT, finds) no row. A key that is there already counts as no
   * row. Where it may miss, write ON CONFLICT DO NOTHING; on MySQL, which lacks it, the plain INSERT does the same.
   */
  readonly mustHit: boolean;
}

/** Operations that commit together or not at all. */
export interface Unit {
  readonly operations: readonly Operation[];
  /** Written instead, when an operation of the unit was lost: the audit of the refusal. */
  readonly fallback: readonly Operation[];
}

/** What became of a unit: committed, or lost at the operation with this index (then only the fallback is stored). */
export type UnitOutcome = { readonly committed: true } | { readonly committed: false; readonly lostAt: number };
