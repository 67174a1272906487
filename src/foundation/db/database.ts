import type { PrismaClient } from '../../generated/sqlite/client.ts';
import type { Activity } from './activity.ts';
import type { Engine, Operation, Row, Statement, Unit, UnitOutcome, Value } from './statement.ts';

/** Prisma's client, typed as the SQLite one; the other engines' clients are cast to it. For everything that is not hot. */
export type Prisma = PrismaClient;

/** Prisma within a transaction. */
export type Transaction = Omit<PrismaClient, '$connect' | '$disconnect' | '$on' | '$use' | '$extends' | '$transaction'>;

/** Whether an acknowledged write survives the loss of power, as the server's own settings say. */
export interface Durability {
  readonly kept: boolean;
  /** The setting that was read, for operators. */
  readonly note: string;
}

/**
 * The one door to the database. Hot stores use prepared statements (`get`, `all`, `commit`); everything else uses Prisma
 * (`prisma` for reads, `together` for writes). Both share one transaction where one change needs both.
 * Every failure leaves as AppError with a DatabaseErrorCode: `store_unavailable` and `store_busy` (503), `store_conflict` and
 * `store_unique` (409), `store_missing` (404), `store_failed` (500).
 */
export interface Database {
  readonly engine: Engine;
  readonly durability: Durability;
  /** For reads. Writes go through `together`. */
  readonly prisma: Prisma;
  /** The first row, as of the last commit. */
  get<R extends Row>(statement: Statement, params: readonly Value[]): Promise<R | undefined>;
  /** All rows, as of the last commit. */
  all<R extends Row>(statement: Statement, params: readonly Value[]): Promise<R[]>;
  /** Commits the unit, grouped with others that are in flight. Resolves once it is on disk. */
  commit(unit: Unit): Promise<UnitOutcome>;
  /**
   * The only way to start a Prisma transaction. What `work` writes through `tx` and the operations it hands to `also`
   * commit together. No network, hash or mail inside it: it may take 1 s at most. Throws `store_conflict` when an
   * operation that must hit a row did not. `work` may run more than once, when the database gave the transaction up for
   * another one; and an error caught inside it leaves the transaction unusable on PostgreSQL: catch outside.
   */
  together<T>(work: (tx: Transaction, also: (operation: Operation) => void) => Promise<T>): Promise<T>;
  /** What was asked of it so far, for the metrics. */
  activity(): Activity;
  /** Answers when the database does. */
  ping(): Promise<void>;
  /** Lets what is queued finish, then closes every connection. */
  close(): Promise<void>;
}
