import type { Database, Transaction } from '../../../src/foundation/db/database.ts';
import { storeError } from '../../../src/foundation/db/errors.ts';
import { type Operation, statement } from '../../../src/foundation/db/statement.ts';

/** What is wrong with the database, until it is set to `none`. */
export type Fault =
  | 'none'
  /** Events cannot be written; everything else can. */
  | 'audit'
  /** Nothing can be written. */
  | 'writes'
  /** It does not answer at all. */
  | 'everything';

export interface FaultyDatabase {
  fault: Fault;
  readonly wrap: (database: Database) => Database;
}

const nowhere = statement('test.nowhere', 'INSERT INTO nowhere (id) VALUES (1)');

/** A database that fails as it is told to. */
export function faultyDatabase(): FaultyDatabase {
  const state: { fault: Fault } = { fault: 'none' };
  const reading = () => {
    if (state.fault === 'everything') throw storeError('store_unavailable');
  };
  const writing = () => {
    if (state.fault === 'everything' || state.fault === 'writes') throw storeError('store_unavailable');
  };
  const isEvent = (operation: Operation): boolean =>
    state.fault === 'audit' && operation.statement.name.startsWith('audit_');
  const marred = (operation: Operation): Operation =>
    isEvent(operation) ? { statement: nowhere, params: [], mustHit: true } : operation;
  const refuse = (operation: Operation): Operation => {
    if (isEvent(operation)) throw storeError('store_unavailable');
    return operation;
  };
  const wrap = (database: Database): Database => ({
    ...database,
    get prisma() {
      return state.fault === 'everything' ? unreachable(database.prisma) : database.prisma;
    },
    async get(asked, params) {
      reading();
      return database.get(asked, params);
    },
    async all(asked, params) {
      reading();
      return database.all(asked, params);
    },
    async commit({ operations, fallback }) {
      writing();
      return database.commit({ operations: operations.map(marred), fallback: fallback.map(marred) });
    },
    async together<T>(work: (tx: Transaction, also: (operation: Operation) => void) => Promise<T>) {
      writing();
      return database.together((tx, also) => work(tx, (operation) => also(refuse(operation))));
    },
  });
  return Object.assign(state, { wrap });
}

/** Every question to any model is refused. */
const unreachable = <T extends object>(prisma: T): T =>
  new Proxy(prisma, {
    get: () => new Proxy({}, { get: () => () => Promise.reject(storeError('store_unavailable')) }),
  });
