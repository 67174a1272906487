import type { SqlQuery } from '@prisma/driver-adapter-utils';
import type { SqliteConnection } from './connection.ts';
import { leaseOver } from './fault.ts';
import type { Groups } from './groups.ts';
import type { WireGroup } from './wire.ts';

/** Statements that would end the transaction behind our back, whatever comment stands before them. */
const CONTROL =
  /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/|;)*(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|ATTACH|DETACH|VACUUM|PRAGMA)\b/i;
const SAVEPOINT = /^(?:SAVEPOINT|ROLLBACK TO|RELEASE SAVEPOINT) \w+$/;

interface Held {
  readonly id: number;
  readonly until: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Prisma transactions on the one writing connection, one after the other and statement by statement. Their limit runs here
 * and not in the main thread, so that a main thread that is blocked cannot hold the file. Methods throw once the lease they
 * name is over.
 */
export class Leases {
  readonly #connection: SqliteConnection;
  readonly #groups: Groups;
  readonly #onExpired: (lease: number) => void;
  #held: Held | undefined;

  /** `onExpired` is told the lease whose transaction was rolled back before its holder ended it. */
  constructor(connection: SqliteConnection, groups: Groups, onExpired: (lease: number) => void) {
    this.#connection = connection;
    this.#groups = groups;
    this.#onExpired = onExpired;
  }

  begin(lease: number, limitMs: number): void {
    this.#groups.begin();
    const timer = setTimeout(() => this.#expire(lease), limitMs);
    this.#held = { id: lease, until: performance.now() + limitMs, timer };
  }

  statement(lease: number, query: SqlQuery, read: boolean): unknown {
    this.#require(lease);
    if (CONTROL.test(query.sql)) throw new Error('transaction control is not allowed inside a transaction');
    return read ? this.#connection.query(query) : this.#connection.execute(query);
  }

  savepoint(lease: number, sql: string): void {
    this.#require(lease);
    if (!SAVEPOINT.test(sql)) throw new Error('not a savepoint');
    this.#connection.exec(sql);
  }

  /** Runs the unit's operations in the same transaction, then commits. 0, or the number of the operation that lost, plus one. */
  commit(lease: number, group: WireGroup): number {
    this.#groups.define(group);
    this.#require(lease);
    try {
      const lost = this.#groups.join(group);
      if (lost === 0) this.#groups.commit();
      return lost;
    } finally {
      this.end();
    }
  }

  rollback(lease: number): void {
    if (this.#held?.id === lease) this.end();
  }

  /** Ends whichever lease is held, and rolls back what it did not commit. */
  end(): void {
    clearTimeout(this.#held?.timer);
    this.#held = undefined;
    this.#groups.undo();
  }

  #expire(lease: number): void {
    if (this.#held?.id !== lease) return;
    this.end();
    this.#onExpired(lease);
  }

  #require(lease: number): void {
    if (this.#held?.id !== lease) throw leaseOver('the lease on the writer has ended');
    if (performance.now() >= this.#held.until) {
      this.#expire(lease);
      throw leaseOver('the lease on the writer ran past its limit');
    }
    // A full disk or RAISE(ROLLBACK) ends the transaction by itself; the next statement would go on in autocommit.
    if (!this.#connection.inTransaction) {
      this.#expire(lease);
      throw leaseOver('SQLite rolled the transaction back');
    }
  }
}
