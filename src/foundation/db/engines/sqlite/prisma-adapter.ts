import {
  DriverAdapterError,
  type IsolationLevel,
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
  type SqlQuery,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import { storeError } from '../../errors.ts';
import { currentTransaction } from '../../joined-operations.ts';
import { SqliteConnection } from './connection.ts';
import { faultOf } from './fault.ts';
import type { Lease, Writer } from './writer.ts';

const INFO = { provider: 'sqlite', adapterName: 'postern-sqlite' } as const;
/** How long a read may wait for a lock, which it meets only while another process recovers the log. Blocks the event loop. */
const READ_BUSY_MS = 1000;

/** A Prisma transaction over a lease of the writer. What `together` collected commits with it. */
function transactionOver(lease: Lease): Transaction {
  const joined = currentTransaction();
  return {
    ...INFO,
    // Prisma sends no COMMIT of its own: ours is the only one.
    options: { usePhantomQuery: true },
    queryRaw: (query) => lease.query(query),
    executeRaw: (query) => lease.execute(query),
    async commit() {
      const operations = joined?.seal() ?? [];
      if ((await lease.commit(operations)) !== 0) throw storeError('store_conflict', 'an operation found no row');
    },
    rollback: () => lease.rollback(),
    createSavepoint: (name) => lease.savepoint(`SAVEPOINT ${name}`),
    rollbackToSavepoint: (name) => lease.savepoint(`ROLLBACK TO ${name}`),
    releaseSavepoint: (name) => lease.savepoint(`RELEASE SAVEPOINT ${name}`),
  };
}

/**
 * Prisma's driver adapter over node:sqlite. Reads use a read-only connection in this thread, on the snapshot of the write-ahead
 * log; a transaction leases the writer. Single writes do not reach it: open.ts refuses them (`refuseLooseWrites`).
 */
export function sqliteAdapter(file: string, writer: Writer): SqlDriverAdapterFactory {
  return {
    ...INFO,
    async connect(): Promise<SqlDriverAdapter> {
      const reader = new SqliteConnection(file, { readOnly: true, busyMs: READ_BUSY_MS });
      const read = <T>(work: () => T): Promise<T> => {
        try {
          return Promise.resolve(work());
        } catch (error) {
          return Promise.reject(new DriverAdapterError(faultOf(error)));
        }
      };
      return {
        ...INFO,
        getConnectionInfo: () => ({ supportsRelationJoins: false }),
        queryRaw: (query: SqlQuery) => read(() => reader.query(query)),
        executeRaw: (query: SqlQuery) => read(() => reader.execute(query)),
        executeScript: () => Promise.reject(new Error('scripts belong to the migrator')),
        async startTransaction(level?: IsolationLevel) {
          if (level !== undefined && level !== 'SERIALIZABLE') {
            throw new DriverAdapterError({ kind: 'InvalidIsolationLevel', level });
          }
          return transactionOver(await writer.lease());
        },
        async dispose() {
          reader.close();
        },
      };
    },
  };
}
