import type { StatementSync } from 'node:sqlite';
import { bindable, type SqliteConnection } from './connection.ts';
import { type Fault, faultOf, isDuplicate } from './fault.ts';
import { Turns } from './turns.ts';
import type { WireGroup, WireOperation, WireOutcome, WireUnit } from './wire.ts';

/** A statement that SQLite would not prepare fails the units that use it, not their whole group. */
type Defined = { readonly statement: StatementSync; readonly answers: boolean } | { readonly refused: unknown };

/** A group of which nothing is stored. */
class GroupAborted extends Error {
  readonly fault: Fault;
  /** Whether its units may be run again: not when the file was held, for each of them would wait for it again. */
  readonly again: boolean;

  constructor(error: unknown, again: boolean) {
    super('the group was not stored', { cause: error });
    this.fault = faultOf(error);
    this.again = again;
  }
}

/** A COMMIT that failed is not repeated: whether it reached the disk is unknown. */
const unknownOutcome = (error: unknown): Fault => ({
  kind: 'ConnectionClosed',
  originalMessage: faultOf(error).originalMessage ?? '',
});

/** Prepared statements by the numbers that the main thread gave them, and the transactions that run them. */
export class Groups {
  readonly #connection: SqliteConnection;
  readonly #turns: Turns;
  readonly #defined = new Map<number, Defined>();
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #save: StatementSync;
  readonly #back: StatementSync;
  readonly #release: StatementSync;

  /** `busyMs`: how long another process may hold the file. */
  constructor(connection: SqliteConnection, busyMs: number) {
    this.#connection = connection;
    this.#turns = new Turns(connection, busyMs);
    this.#commit = connection.prepare('COMMIT');
    this.#rollback = connection.prepare('ROLLBACK');
    this.#save = connection.prepare('SAVEPOINT u');
    this.#back = connection.prepare('ROLLBACK TO u');
    this.#release = connection.prepare('RELEASE u');
  }

  /** Commits a group; one outcome for each of its units, in order. Never throws. */
  run(group: WireGroup): WireOutcome[] {
    this.define(group);
    const alone = (unit: WireUnit): WireOutcome => this.#attempt([unit], alone)[0] ?? 0;
    return this.#attempt(group[1], alone);
  }

  /** Runs the operations of a defined group's only unit inside a transaction that is open already. Throws what SQLite throws. */
  join(group: WireGroup): number {
    const [unit] = group[1];
    return unit === undefined ? 0 : this.#lostAt(unit[0]);
  }

  /** BEGIN IMMEDIATE, in turn with the writers of other processes. */
  begin(): void {
    this.#turns.begin();
  }

  commit(): void {
    this.#commit.run();
    this.#turns.ended();
  }

  /** ROLLBACK, if SQLite has not done it by itself. */
  undo(): void {
    if (this.#connection.inTransaction) this.#rollback.run();
    this.#turns.ended();
  }

  /** Learns the statements that come with a group, whatever becomes of it: the main thread tells each of them once. */
  define([definitions]: WireGroup): void {
    for (const [number, sql] of definitions) {
      try {
        const statement = this.#connection.prepare(sql);
        this.#defined.set(number, { statement, answers: statement.columns().length > 0 });
      } catch (refused) {
        this.#defined.set(number, { refused });
      }
    }
  }

  /** Whether the operation touched or found a row. A row that was there already counts as none, as on MySQL. */
  #hits([number, mustHit, ...params]: WireOperation): boolean {
    const known = this.#defined.get(number);
    if (known === undefined) throw new Error(`statement ${number} was not defined`);
    if ('refused' in known) throw known.refused;
    const values = params.map(bindable);
    try {
      return known.answers
        ? known.statement.get(...values) !== undefined
        : known.statement.run(...values).changes !== 0;
    } catch (error) {
      if (mustHit === 1 && isDuplicate(error)) return false;
      throw error;
    }
  }

  #lostAt(operations: readonly WireOperation[]): number {
    for (const [index, operation] of operations.entries()) {
      if (!this.#hits(operation) && operation[1] === 1) return index + 1;
    }
    return 0;
  }

  /** Runs operations; an error that took the whole transaction along is thrown, any other one is the unit's own. */
  #tryOperations(operations: readonly WireOperation[]): WireOutcome {
    try {
      return this.#lostAt(operations);
    } catch (error) {
      if (!this.#connection.inTransaction) throw error;
      return faultOf(error);
    }
  }

  #runUnit([operations, fallback]: WireUnit): WireOutcome {
    this.#save.run();
    const outcome = this.#tryOperations(operations);
    if (outcome === 0) {
      this.#release.run();
      return outcome;
    }
    this.#back.run();
    const stored = typeof outcome === 'number' ? this.#tryOperations(fallback) : 0;
    if (stored !== 0) this.#back.run();
    this.#release.run();
    // A refusal that cannot be recorded is a failure: nothing happens without its audit event.
    if (typeof stored !== 'number') return stored;
    return stored === 0 ? outcome : faultOf(new Error('an operation of the fallback found no row'));
  }

  /** The usual case without a savepoint for each unit. False when one of them lost or failed: nothing is stored then. */
  #allSucceed(units: readonly WireUnit[]): boolean {
    try {
      if (units.every(([operations]) => this.#lostAt(operations) === 0)) return true;
    } catch {
      // Which unit it was, and what becomes of it, is told when they run apart.
    }
    this.undo();
    return false;
  }

  #runApart(units: readonly WireUnit[]): WireOutcome[] {
    this.begin();
    return units.map((unit) => this.#runUnit(unit));
  }

  #runOnce(units: readonly WireUnit[]): WireOutcome[] {
    try {
      this.begin();
    } catch (error) {
      throw new GroupAborted(error, false);
    }
    let outcomes: WireOutcome[];
    try {
      outcomes = this.#allSucceed(units) ? units.map(() => 0) : this.#runApart(units);
    } catch (error) {
      this.undo();
      throw new GroupAborted(error, true);
    }
    try {
      this.#commit.run();
    } finally {
      this.undo();
    }
    return outcomes;
  }

  #attempt(units: readonly WireUnit[], again: (unit: WireUnit) => WireOutcome): WireOutcome[] {
    try {
      return this.#runOnce(units);
    } catch (error) {
      if (!(error instanceof GroupAborted)) return units.map(() => unknownOutcome(error));
      return error.again && units.length > 1 ? units.map(again) : units.map(() => error.fault);
    }
  }
}
