import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { countActivity } from '../../activity.ts';
import type { Database } from '../../database.ts';
import { storeError } from '../../errors.ts';
import { createPrismaSide, type PrismaConstructor } from '../../prisma-side.ts';
import type { Operation, Row, Statement, Value } from '../../statement.ts';
import { createGate } from '../gate.ts';
import { answersRows, toDollars } from '../placeholders.ts';
import {
  commitUnit,
  createRetry,
  joiningWith,
  type RunInPrisma,
  type Session,
  type Sessions,
} from '../transactions.ts';
import { createPool, readDurability } from './pools.ts';

const WRITERS = 4;
const READERS = 4;
const PRISMA_CONNECTIONS = 4;
const GATE = { limit: 2000, restMs: 250 };
const NAMED_LIMIT = 500;
const DUPLICATE_KEY = '23505';

interface Named {
  readonly name: string;
  readonly text: string;
  readonly answers: boolean;
}

/** Statements under a stable name each, so that every connection parses them once. */
function createNames() {
  const known = new Map<Statement, Named>();
  return (statement: Statement): Named => {
    let named = known.get(statement);
    if (named === undefined) {
      const text = toDollars(statement.sql.postgresql);
      named = { name: `postern_${known.size}`, text, answers: answersRows(text) };
      known.set(statement, named);
    }
    return named;
  };
}

/** The same for the SQL that Prisma makes, up to a limit, after which it goes unnamed: a name stays on its connection for life. */
function createPrismaNames() {
  const names = new Map<string, string>();
  return ({ sql }: { sql: string }): string => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= NAMED_LIMIT) return '';
    const name = `prisma_${names.size}`;
    names.set(sql, name);
    return name;
  };
}

const isDuplicate = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === DUPLICATE_KEY;

/** Errors with which the server itself refuses a COMMIT: the transaction is rolled back, and it is known to be. */
const wasRefused = (error: unknown): boolean => /^(40|23)/.test(String((error as { code?: unknown } | null)?.code));

/** One transaction on one connection. `broken` is told when the connection must not be used again. */
function sessionOn(client: pg.PoolClient, nameOf: (statement: Statement) => Named, broken: () => void): Session {
  return {
    async begin() {
      await client.query('BEGIN');
    },
    async run({ statement, params, mustHit }) {
      const { name, text } = nameOf(statement);
      try {
        return (await client.query({ name, text, values: [...params] })).rowCount ?? 0;
      } catch (error) {
        if (mustHit && isDuplicate(error)) return 0;
        throw error;
      }
    },
    async commit() {
      let answer: pg.QueryResult;
      try {
        answer = await client.query('COMMIT');
      } catch (error) {
        if (wasRefused(error)) throw error;
        broken();
        throw storeError('store_unavailable', error);
      }
      // A transaction in which something failed is answered like this, and it is a failure.
      if (answer.command !== 'COMMIT') throw storeError('store_unavailable', `COMMIT was answered ${answer.command}`);
    },
    async rollback() {
      try {
        await client.query('ROLLBACK');
      } catch {
        broken();
      }
    },
  };
}

function sessionsFrom(pool: pg.Pool, nameOf: (statement: Statement) => Named): Sessions {
  return async (work) => {
    const client = await pool.connect();
    let isBroken = false;
    try {
      return await work(
        sessionOn(client, nameOf, () => {
          isBroken = true;
        }),
      );
    } finally {
      client.release(isBroken);
    }
  };
}

const runInPrisma: RunInPrisma = async (tx, { statement, params, mustHit }) => {
  const sql = toDollars(statement.sql.postgresql);
  if (answersRows(sql)) return (await tx.$queryRawUnsafe<unknown[]>(sql, ...params)).length;
  try {
    return await tx.$executeRawUnsafe(sql, ...params);
  } catch (error) {
    // The transaction is lost either way; a key that is there already is told as such.
    throw mustHit && isUniqueViolation(error) ? storeError('store_conflict', error) : error;
  }
};

const isUniqueViolation = (error: unknown): boolean => (error as { code?: unknown }).code === 'store_unique';

/** Opens a migrated PostgreSQL database. Throws `store_unavailable` when it cannot be reached. */
export async function openPostgresql(loadClient: () => PrismaConstructor, url: string): Promise<Database> {
  const writers = createPool({ url, connections: WRITERS, prepared: true });
  const readers = createPool({ url, connections: READERS, prepared: true });
  const prismaPool = createPool({ url, connections: PRISMA_CONNECTIONS, prepared: false });
  const endAll = (): Promise<unknown> => Promise.all([writers.end(), readers.end(), prismaPool.end()]);
  const durability = await readDurability(writers, url).catch(async (error: unknown) => {
    await endAll();
    throw error;
  });

  const gate = createGate(GATE);
  const retry = createRetry();
  const nameOf = createNames();
  const sessions = sessionsFrom(writers, nameOf);
  const join = joiningWith(runInPrisma);
  const side = createPrismaSide({
    loadClient,
    adapter: new PrismaPg(prismaPool, { statementNameGenerator: createPrismaNames() }),
    retrying: (attempt) => gate(() => retry(attempt)),
    async beforeCommit(tx, operations: readonly Operation[]) {
      await join(tx, operations);
      // When `work` caught an error, the transaction is dead, COMMIT rolls it back without an error, and Prisma does not look.
      if (operations.length === 0) await tx.$queryRawUnsafe('SELECT 1');
    },
  });
  const read = <R extends Row>(statement: Statement, params: readonly Value[]): Promise<R[]> => {
    const { name, text } = nameOf(statement);
    return gate(async () => (await readers.query<R>({ name, text, values: [...params] })).rows);
  };

  return countActivity({
    engine: 'postgresql',
    durability,
    get prisma() {
      return side.prisma;
    },
    together: side.together,
    get: async <R extends Row>(statement: Statement, params: readonly Value[]) => (await read<R>(statement, params))[0],
    all: read,
    commit: (unit) => gate(() => retry(() => commitUnit(sessions, unit))),
    async ping() {
      await gate(() => readers.query('SELECT 1'));
    },
    async close() {
      await side.disconnect();
      await endAll();
    },
  });
}
