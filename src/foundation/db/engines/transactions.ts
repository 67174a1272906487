import type { Transaction } from '../database.ts';
import { storeError, wasGivenUp } from '../errors.ts';
import type { Operation, Unit, UnitOutcome } from '../statement.ts';

/** One connection to a server, for one transaction. */
export interface Session {
  begin(): Promise<void>;
  /** Rows touched or found. A duplicate key of an operation that must hit a row counts as none. */
  run(operation: Operation): Promise<number>;
  /** Throws `store_unavailable` when nobody knows whether it was stored. */
  commit(): Promise<void>;
  /** Never throws: a connection that cannot roll back is thrown away. */
  rollback(): Promise<void>;
}

/** Lends a session and takes it back. */
export type Sessions = <T>(work: (session: Session) => Promise<T>) => Promise<T>;

const DEADLINE_MS = 2000;
const MAX_ATTEMPTS = 5;

/** Runs `attempt` again when the database gave it up for another transaction, a few times within two seconds. */
export type Retry = <T>(attempt: () => Promise<T>) => Promise<T>;

/** Repeats happen one at a time: those that got in each other's way once would only do so again. */
export function createRetry(): Retry {
  let lane: Promise<unknown> = Promise.resolve();
  function inLane<T>(attempt: () => Promise<T>): Promise<T> {
    const turn = lane.then(attempt);
    lane = turn.catch(() => undefined);
    return turn;
  }
  return async (attempt) => {
    const from = performance.now();
    for (let count = 1; ; count++) {
      try {
        return await (count === 1 ? attempt() : inLane(attempt));
      } catch (error) {
        if (!wasGivenUp(error) || count === MAX_ATTEMPTS || performance.now() - from > DEADLINE_MS) throw error;
      }
    }
  };
}

/** The index of the first operation that had to hit a row and did not; -1 when all are well. */
async function firstLost(session: Session, operations: readonly Operation[]): Promise<number> {
  for (const [index, operation] of operations.entries()) {
    if ((await session.run(operation)) === 0 && operation.mustHit) return index;
  }
  return -1;
}

async function transaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.begin();
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await session.rollback();
    throw error;
  }
  await session.commit();
  return result;
}

/** Not an error: leaves the transaction so that it is rolled back. */
class Lost extends Error {
  readonly index: number;

  constructor(index: number) {
    super('an operation found no row');
    this.index = index;
  }
}

async function runUnit(session: Session, { operations, fallback }: Unit): Promise<UnitOutcome> {
  try {
    await transaction(session, async () => {
      const lostAt = await firstLost(session, operations);
      if (lostAt >= 0) throw new Lost(lostAt);
    });
    return { committed: true };
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
    if (fallback.length > 0) await storeFallback(session, fallback);
    return { committed: false, lostAt: error.index };
  }
}

/** A refusal that cannot be recorded is a failure: nothing happens without its audit event. */
function storeFallback(session: Session, fallback: readonly Operation[]): Promise<void> {
  return transaction(session, async () => {
    if ((await firstLost(session, fallback)) >= 0)
      throw storeError('store_failed', 'an operation of the fallback found no row');
  });
}

/** Commits a unit in a transaction of its own, its operations in the order given. */
export const commitUnit = (sessions: Sessions, unit: Unit): Promise<UnitOutcome> =>
  sessions((session) => runUnit(session, unit));

/** How a server engine runs one statement inside Prisma's transaction: the number of rows it touched or found. */
export type RunInPrisma = (tx: Transaction, operation: Operation) => Promise<number>;

/** Runs what joined a Prisma transaction inside it. Throws `store_conflict` when an operation found no row. */
export const joiningWith =
  (run: RunInPrisma) =>
  async (tx: Transaction, operations: readonly Operation[]): Promise<void> => {
    for (const operation of operations) {
      const hits = await run(tx, operation);
      if (hits === 0 && operation.mustHit) throw storeError('store_conflict', 'an operation found no row');
    }
  };
