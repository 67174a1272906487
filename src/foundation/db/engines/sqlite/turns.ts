import type { StatementSync } from 'node:sqlite';
import type { SqliteConnection } from './connection.ts';
import { isBusy } from './fault.ts';

const WINDOW_MS = 50;
const ENOUGH_IDLE_MS = 5;
const GAP_MS = 2;

const cell = new Int32Array(new SharedArrayBuffer(4));
const pause = (ms: number): void => void Atomics.wait(cell, 0, 0, ms);

/**
 * Takes turns on the file with the writers of other processes. SQLite's own busy handler backs off to 100 ms and then misses
 * every gap of a busy writer, so this one asks each millisecond; and a writer that was hardly idle in the last 50 ms leaves
 * a gap, so that a command beside a busy server is served too.
 */
export class Turns {
  readonly #begin: StatementSync;
  readonly #busyMs: number;
  #windowFrom = 0;
  #idle = 0;
  #endedAt = 0;

  /** `busyMs`: how long another process may hold the file. The connection's own busy timeout must be 0. */
  constructor(connection: SqliteConnection, busyMs: number) {
    this.#begin = connection.prepare('BEGIN IMMEDIATE');
    this.#busyMs = busyMs;
  }

  /** BEGIN IMMEDIATE. Throws SQLITE_BUSY when another process holds the file for too long. */
  begin(): void {
    const from = performance.now();
    this.#idle += from - this.#endedAt;
    if (from - this.#windowFrom >= WINDOW_MS) {
      if (this.#idle < ENOUGH_IDLE_MS) pause(GAP_MS);
      this.#windowFrom = performance.now();
      this.#idle = 0;
    }
    while (!this.#tryBegin(from)) {
      pause(1);
      this.#idle += 1;
    }
  }

  /** The transaction is over, whichever way. */
  ended(): void {
    this.#endedAt = performance.now();
  }

  #tryBegin(from: number): boolean {
    try {
      this.#begin.run();
      return true;
    } catch (error) {
      if (!isBusy(error) || performance.now() - from >= this.#busyMs) throw error;
      return false;
    }
  }
}
