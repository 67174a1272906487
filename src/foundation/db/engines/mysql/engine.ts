import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import type mariadb from 'mariadb';
import { countActivity } from '../../activity.ts';
import type { Database } from '../../database.ts';
import { storeError } from '../../errors.ts';
import { createPrismaSide, type PrismaConstructor } from '../../prisma-side.ts';
import type { Row, Statement, Value } from '../../statement.ts';
import { createGate } from '../gate.ts';
import { answersRows, toPositions } from '../placeholders.ts';
import {
  commitUnit,
  createRetry,
  joiningWith,
  type RunInPrisma,
  type Session,
  type Sessions,
} from '../transactions.ts';
import { connectionFrom, createPool, readDurability } from './pools.ts';

const WRITERS = 4;
const READERS = 4;
const PRISMA_CONNECTIONS = 4;
const GATE = { limit: 2000, restMs: 250 };
const DUPLICATE_KEY = 1062;
const NULL_REFUSED = 1048;
const DEADLOCK = 1213;

interface Positional {
  readonly sql: string;
  readonly answers: boolean;
  readonly upserts: boolean;
  readonly arrange: (params: readonly Value[]) => Value[];
}

const known = new WeakMap<Statement, Positional>();

function positional(statement: Statement): Positional {
  let found = known.get(statement);
  if (found === undefined) {
    const text = statement.sql.mysql;
    found = { ...toPositions(text), answers: answersRows(text), upserts: text.includes('ON DUPLICATE KEY UPDATE') };
    known.set(statement, found);
  }
  return found;
}

const errno = (error: unknown): unknown => (error as { errno?: unknown } | null)?.errno;

/**
 * Whether the row was there and the statement left it alone. MySQL has no ON CONFLICT DO NOTHING: the plain INSERT stands for
 * it. Nor has its upsert a condition: it writes NULL into a column that takes none. InnoDB undoes that statement alone.
 */
const leftAlone = (error: unknown, { upserts }: Positional): boolean =>
  errno(error) === DUPLICATE_KEY || (upserts && errno(error) === NULL_REFUSED);

/** One transaction on one connection. `broken` is told when the connection must not be used again. */
function sessionOn(connection: mariadb.PoolConnection, broken: () => void): Session {
  return {
    begin: () => connection.beginTransaction(),
    async run({ statement, params }) {
      const form = positional(statement);
      try {
        const result: unknown = await connection.execute(form.sql, form.arrange(params));
        return form.answers ? (result as unknown[]).length : (result as mariadb.UpsertResult).affectedRows;
      } catch (error) {
        if (leftAlone(error, form)) return 0;
        throw error;
      }
    },
    async commit() {
      try {
        await connection.commit();
      } catch (error) {
        if (errno(error) === DEADLOCK) throw error;
        broken();
        throw storeError('store_unavailable', error);
      }
    },
    async rollback() {
      try {
        await connection.rollback();
      } catch {
        broken();
      }
    },
  };
}

const sessionsFrom =
  (pool: mariadb.Pool): Sessions =>
  async (work) => {
    const connection = await pool.getConnection();
    let isBroken = false;
    try {
      return await work(
        sessionOn(connection, () => {
          isBroken = true;
        }),
      );
    } finally {
      if (isBroken) connection.destroy();
      else await connection.release();
    }
  };

const runInPrisma: RunInPrisma = async (tx, { statement, params }) => {
  const { sql, answers, arrange } = positional(statement);
  const values = arrange(params);
  if (answers) return (await tx.$queryRawUnsafe<unknown[]>(sql, ...values)).length;
  try {
    return await tx.$executeRawUnsafe(sql, ...values);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'store_unique') return 0;
    throw error;
  }
};

/**
 * Opens a migrated MySQL or MariaDB database. Throws `store_unavailable` when it cannot be reached.
 * An INSERT … ON DUPLICATE KEY UPDATE counts as a hit even when it leaves the row as it was. One that depends on the row's
 * state sets a column that takes no NULL to NULL where it must not touch the row: that counts as no row, in units only.
 */
export async function openMysql(loadClient: () => PrismaConstructor, url: string): Promise<Database> {
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
  const sessions = sessionsFrom(writers);
  const { database } = connectionFrom(url);
  const side = createPrismaSide({
    loadClient,
    adapter: new PrismaMariaDb(prismaPool, database === undefined ? {} : { database }),
    retrying: (attempt) => gate(() => retry(attempt)),
    beforeCommit: joiningWith(runInPrisma),
  });
  const read = <R extends Row>(statement: Statement, params: readonly Value[]): Promise<R[]> => {
    const { sql, arrange } = positional(statement);
    return gate(async () => [...(await readers.execute<R[]>(sql, arrange(params)))]);
  };

  return countActivity({
    engine: 'mysql',
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
