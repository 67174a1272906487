import type { StatementSync } from 'node:sqlite';
import { countActivity } from '../../activity.ts';
import type { Database } from '../../database.ts';
import { isTransactionOver, storeError, translate } from '../../errors.ts';
import { createPrismaSide, type PrismaConstructor } from '../../prisma-side.ts';
import type { Row, Statement, Value } from '../../statement.ts';
import { bindable, SqliteConnection } from './connection.ts';
import { sqliteAdapter } from './prisma-adapter.ts';
import { Writer, type WriterOptions } from './writer.ts';

const FULL = 2;
/** How long a read may wait for a lock, which it meets only while another process recovers the log. Blocks the event loop. */
const READ_BUSY_MS = 1000;

/** Prepared reads on the snapshot of the write-ahead log, in this thread: a few microseconds each. */
function createReader(file: string) {
  const connection = new SqliteConnection(file, { readOnly: true, busyMs: READ_BUSY_MS });
  const prepared = new Map<Statement, StatementSync>();
  const statementFor = (statement: Statement): StatementSync => {
    let known = prepared.get(statement);
    if (known === undefined) {
      known = connection.prepare(statement.sql.sqlite);
      prepared.set(statement, known);
    }
    return known;
  };
  /** As a promise in any case: a caller that forgets `await` must fail on every engine. */
  const reading = async <T>(work: () => unknown): Promise<T> => {
    try {
      return work() as T;
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    get: <R extends Row>(statement: Statement, params: readonly Value[]) =>
      reading<R | undefined>(() => statementFor(statement).get(...params.map(bindable))),
    all: <R extends Row>(statement: Statement, params: readonly Value[]) =>
      reading<R[]>(() => statementFor(statement).all(...params.map(bindable))),
    ping: () => reading<void>(() => void connection.prepare('SELECT count(*) FROM sqlite_schema').get()),
    close: () => {
      prepared.clear();
      connection.close();
    },
  };
}

/** Opens a reader, or ends the writer that was opened for nothing. */
async function openBeside<T>(writer: Writer, open: () => T): Promise<T> {
  try {
    // Read back from the live connection: an acknowledged write must survive the loss of power.
    if ((await writer.synchronous()) !== FULL) throw storeError('store_unavailable', 'synchronous is not FULL');
    return open();
  } catch (error) {
    await writer.close();
    throw translate(error);
  }
}

/**
 * A lease ends after a second however busy the machine is, and what it held is rolled back: the work is begun once more,
 * so that a machine that stood still for a moment refuses nobody.
 */
async function onceMore<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!isTransactionOver(error)) throw error;
    return attempt();
  }
}

/** Opens a migrated SQLite file. Throws `store_unavailable` when it cannot be opened or would not keep what it acknowledges. */
export async function openSqlite(loadClient: () => PrismaConstructor, options: WriterOptions): Promise<Database> {
  const writer = new Writer(options);
  const reader = await openBeside(writer, () => createReader(options.file));
  const side = createPrismaSide({ loadClient, adapter: sqliteAdapter(options.file, writer), retrying: onceMore });
  const database: Omit<Database, 'activity'> = {
    engine: 'sqlite',
    durability: { kept: true, note: 'synchronous=FULL' },
    get prisma() {
      return side.prisma;
    },
    together: side.together,
    get: reader.get,
    all: reader.all,
    commit: (unit) => writer.submit(unit),
    ping: reader.ping,
    async close() {
      await writer.drain();
      await side.disconnect();
      reader.close();
      await writer.close();
    },
  };
  return countActivity(database, () => writer.commits);
}
