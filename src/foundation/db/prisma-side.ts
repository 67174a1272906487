import type {
  IsolationLevel,
  SqlDriverAdapter,
  SqlDriverAdapterFactory,
  SqlQuery,
  SqlResultSet,
} from '@prisma/driver-adapter-utils';
import type { Database, Prisma, Transaction } from './database.ts';
import { translate, translateKnown } from './errors.ts';
import { currentTransaction, withJoinedOperations } from './joined-operations.ts';
import type { Operation } from './statement.ts';

const READ = /^\s*SELECT\b/i;
/** Prisma's own limits; the engines keep stricter ones where a transaction holds up others. */
const TRANSACTION_LIMITS = { timeout: 3000, maxWait: 3000 };

/** A generated client of any engine: the three have the same methods, since they come from the same models. */
export type PrismaConstructor = new (options: { adapter: SqlDriverAdapterFactory; errorFormat: 'minimal' }) => unknown;

export interface PrismaSideOptions {
  readonly loadClient: () => PrismaConstructor;
  readonly adapter: SqlDriverAdapterFactory;
  /** Runs what joined the transaction inside it, before its COMMIT. Left out where the adapter's own commit does it. */
  readonly beforeCommit?: (tx: Transaction, operations: readonly Operation[]) => Promise<void>;
  /** Repeats a transaction that the database gave up for the sake of another one. */
  readonly retrying?: <T>(attempt: () => Promise<T>) => Promise<T>;
}

export interface PrismaSide {
  readonly prisma: Prisma;
  readonly together: Database['together'];
  disconnect(): Promise<void>;
}

const refused = (what: string): Error =>
  new Error(`${what} outside together(): write through its tx, so that the change and its audit event commit together`);

/**
 * Refuses writes and transactions that did not come through `together`. They would have no audit event in their transaction,
 * and on SQLite they would wait for the very transaction that waits for them.
 */
export function refuseLooseWrites(factory: SqlDriverAdapterFactory): SqlDriverAdapterFactory {
  const guard = (adapter: SqlDriverAdapter): SqlDriverAdapter => ({
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    queryRaw: async (query: SqlQuery): Promise<SqlResultSet> => {
      if (!READ.test(query.sql)) throw refused('a write');
      return adapter.queryRaw(query);
    },
    executeRaw: () => Promise.reject(refused('a write')),
    executeScript: () => Promise.reject(refused('a script')),
    startTransaction: async (level?: IsolationLevel) => {
      if (currentTransaction()?.begin() !== true) throw refused('a transaction');
      return adapter.startTransaction(level);
    },
    getConnectionInfo: () => adapter.getConnectionInfo?.() ?? { supportsRelationJoins: false },
    dispose: () => adapter.dispose(),
  });
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => guard(await factory.connect()),
  };
}

/** The client, with errors of every query translated. */
function createClient({ loadClient, adapter }: PrismaSideOptions): Prisma {
  const PrismaClient = loadClient();
  // Minimal errors: the others print the arguments of the call, which end up in a log.
  const plain = new PrismaClient({ adapter: refuseLooseWrites(adapter), errorFormat: 'minimal' }) as Prisma;
  const translating = plain.$extends({
    query: {
      async $allOperations({ args, query }) {
        try {
          return await query(args);
        } catch (error) {
          throw translate(error);
        }
      },
    },
  });
  return translating as unknown as Prisma;
}

/**
 * Prisma's part of a Database: reads through the client, writes through `together`. The client is made when it is first
 * used: it takes 0.3 s and 80 MB, which a server that nobody administers right now does without.
 */
export function createPrismaSide(options: PrismaSideOptions): PrismaSide {
  let made: Prisma | undefined;
  const client = (): Prisma => {
    made ??= createClient(options);
    return made;
  };
  const { beforeCommit, retrying = (attempt) => attempt() } = options;

  const together: Database['together'] = (work) =>
    retrying(async () => {
      try {
        return await withJoinedOperations((joined) =>
          client().$transaction(async (tx) => {
            const result = await work(tx as Transaction, joined.add);
            if (beforeCommit !== undefined) await beforeCommit(tx as Transaction, joined.seal());
            return result;
          }, TRANSACTION_LIMITS),
        );
      } catch (error) {
        throw translateKnown(error);
      }
    });

  return {
    get prisma() {
      return client();
    },
    together,
    disconnect: async () => made?.$disconnect(),
  };
}
