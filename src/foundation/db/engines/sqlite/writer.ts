import type { SqlQuery, SqlResultSet } from '@prisma/driver-adapter-utils';
import { storeError, translate } from '../../errors.ts';
import type { Operation, Statement, Unit, UnitOutcome } from '../../statement.ts';
import { ThreadLine } from './thread-line.ts';
import type { Request, WireOperation, WireOutcome, WireUnit } from './wire.ts';

export interface WriterOptions {
  readonly file: string;
  /** How long another process may hold the file, in milliseconds. */
  readonly busyMs?: number;
  /** How long one Prisma transaction may hold the writer, in milliseconds. */
  readonly leaseMs?: number;
  /** How long a Prisma transaction waits for its turn, in milliseconds. */
  readonly waitMs?: number;
  /** Units and leases that may wait; what comes on top is refused with `store_busy`. */
  readonly maxUnits?: number;
  readonly maxLeases?: number;
}

/** The writer, held by one Prisma transaction. Every method rejects with a DriverAdapterError once the lease is over. */
export interface Lease {
  query(query: SqlQuery): Promise<SqlResultSet>;
  execute(query: SqlQuery): Promise<number>;
  savepoint(sql: string): Promise<void>;
  /** Commits, together with the operations. 0, or the number of the operation that lost, plus one: then nothing is stored. */
  commit(operations: readonly Operation[]): Promise<number>;
  rollback(): Promise<void>;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}
type QueuedUnit = Waiting<UnitOutcome> & { readonly unit: Unit };
type QueuedLease = Waiting<Lease> & { readonly timer: NodeJS.Timeout };

const DEFAULTS = { busyMs: 5000, leaseMs: 1000, waitMs: 2000, maxUnits: 5000, maxLeases: 200 };

/** Turns units into the text of one group, naming each statement by a number and defining it the first time. */
function createEncoder() {
  const numbers = new Map<Statement, number>();
  return (units: readonly Unit[]): string => {
    const definitions: Array<[number, string]> = [];
    const encode = ({ statement, params, mustHit }: Operation): WireOperation => {
      let number = numbers.get(statement);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(statement, number);
        definitions.push([number, statement.sql.sqlite]);
      }
      return [number, mustHit ? 1 : 0, ...params];
    };
    const wire: WireUnit[] = units.map((unit) => [unit.operations.map(encode), unit.fallback.map(encode)]);
    return JSON.stringify([definitions, wire]);
  };
}

const outcomeOf = (outcome: number): UnitOutcome =>
  outcome === 0 ? { committed: true } : { committed: false, lostAt: outcome - 1 };

function settle(units: readonly QueuedUnit[], outcomes: readonly WireOutcome[]): void {
  for (const [index, unit] of units.entries()) {
    const outcome = outcomes[index] ?? 0;
    if (typeof outcome === 'number') unit.resolve(outcomeOf(outcome));
    else unit.reject(translate(outcome));
  }
}

/** Main-thread side of the one writer of this process: forms groups of units, grants leases, keeps both in turn. */
export class Writer {
  readonly #line: ThreadLine;
  readonly #limits: Required<WriterOptions>;
  readonly #encode = createEncoder();
  readonly #leases: QueuedLease[] = [];
  #units: QueuedUnit[] = [];
  #commits = 0;
  /** What the thread is at: a group, or the lease with this number. */
  #busy: 'group' | number | undefined;
  #turn: 'group' | 'lease' = 'lease';
  #scheduled = false;
  #lastLease = 0;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  /** Opens the file, which must exist and be migrated; that it cannot be opened shows at the first call. */
  constructor(options: WriterOptions) {
    this.#limits = { ...DEFAULTS, ...options };
    this.#line = new ThreadLine({ ...this.#limits, onExpired: (lease) => this.#leaseEnded(lease) });
    void this.#line.exited.then(() => this.#refuseAll());
  }

  /** Commits the unit with the others that are waiting. Rejects with AppError `store_unavailable`, `store_busy`, … */
  submit(unit: Unit): Promise<UnitOutcome> {
    const refusal = this.#refusal(this.#units.length >= this.#limits.maxUnits);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#units.push({ unit, resolve, reject });
      this.#schedule();
    });
  }

  /** The writer for one transaction, for at most `leaseMs` from its BEGIN. Rejects with AppError. */
  lease(): Promise<Lease> {
    const refusal = this.#refusal(this.#leases.length >= this.#limits.maxLeases);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#leases.splice(this.#leases.indexOf(waiting), 1);
        reject(storeError('store_busy', 'no turn on the writer in time'));
      }, this.#limits.waitMs);
      const waiting: QueuedLease = { resolve, reject, timer };
      this.#leases.push(waiting);
      this.#schedule();
    });
  }

  /** How many transactions it has committed: groups and leases. */
  get commits(): number {
    return this.#commits;
  }

  /** `PRAGMA synchronous` of the writing connection: 2 is FULL. */
  synchronous(): Promise<number> {
    return this.#line.call({ do: 'synchronous' });
  }

  /** Takes nothing new and lets what is queued finish. */
  drain(): Promise<void> {
    this.#draining ??= new Promise((resolve) => {
      this.#idle = resolve;
      if (this.#isIdle) resolve();
    });
    return this.#draining;
  }

  /** Drains, checkpoints, ends the thread. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await this.drain();
    if (!this.#line.isGone) await this.#line.call({ do: 'close' });
    await this.#line.exited;
  }

  get #isIdle(): boolean {
    return this.#line.isGone || (this.#busy === undefined && this.#units.length === 0 && this.#leases.length === 0);
  }

  #refusal(isFull: boolean): unknown {
    if (this.#draining !== undefined || this.#line.isGone)
      return storeError('store_unavailable', 'the writer is closing');
    return isFull ? storeError('store_busy', 'the write queue is full') : undefined;
  }

  #refuseAll(): void {
    for (const lease of this.#leases) clearTimeout(lease.timer);
    for (const waiting of [...this.#units.splice(0), ...this.#leases.splice(0)]) {
      waiting.reject(storeError('store_unavailable', 'the writer has closed'));
    }
    this.#idle?.();
  }

  /** Whatever arrives in this turn of the event loop joins the same group. */
  #schedule(): void {
    if (this.#busy !== undefined || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#next());
  }

  /** In turn: a unit waits for one lease at most, a lease for one group. */
  #next(): void {
    this.#scheduled = false;
    if (this.#busy !== undefined) return;
    if (this.#isIdle) {
      this.#idle?.();
      return;
    }
    const lease = this.#turn === 'lease' || this.#units.length === 0 ? this.#leases.shift() : undefined;
    this.#turn = lease === undefined ? 'lease' : 'group';
    void (lease === undefined ? this.#sendGroup() : this.#grant(lease));
  }

  async #sendGroup(): Promise<void> {
    const mine = this.#units;
    this.#units = [];
    this.#busy = 'group';
    try {
      const group = this.#encode(mine.map(({ unit }) => unit));
      const outcomes = await this.#line.call<WireOutcome[]>({ do: 'group', group });
      this.#commits += 1;
      settle(mine, outcomes);
    } catch (error) {
      const reason = translate(error);
      for (const unit of mine) unit.reject(reason);
    } finally {
      this.#busy = undefined;
      this.#next();
    }
  }

  async #grant(waiting: QueuedLease): Promise<void> {
    clearTimeout(waiting.timer);
    const id = ++this.#lastLease;
    this.#busy = id;
    try {
      await this.#line.call({ do: 'begin', lease: id, limitMs: this.#limits.leaseMs });
      waiting.resolve(this.#leaseOf(id));
    } catch (error) {
      waiting.reject(translate(error));
      this.#leaseEnded(id);
    }
  }

  #leaseEnded(lease: number): void {
    if (this.#busy !== lease) return;
    this.#busy = undefined;
    this.#next();
  }

  #leaseOf(lease: number): Lease {
    const line = this.#line;
    const last = async <T>(request: Request): Promise<T> => {
      try {
        return await line.call<T>(request);
      } finally {
        this.#leaseEnded(lease);
      }
    };
    return {
      query: (query) => line.call({ do: 'statement', lease, read: true, query }),
      execute: (query) => line.call({ do: 'statement', lease, read: false, query }),
      savepoint: (sql) => line.call({ do: 'savepoint', lease, sql }),
      commit: (operations) => {
        this.#commits += 1;
        return last({ do: 'commit', lease, group: this.#encode([{ operations, fallback: [] }]) });
      },
      rollback: () => last({ do: 'rollback', lease }),
    };
  }
}
