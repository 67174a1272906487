import type { Database } from './database.ts';

/** What this process asked its database to do since it started. Statements that Prisma makes are not in it. */
export interface Activity {
  /** Prepared statements: reads, and the operations of units. */
  readonly statements: number;
  /** Units of work that were handed over. */
  readonly units: number;
  /** Transactions that were committed. Many units may share one. */
  readonly commits: number;
}

/**
 * The database with its activity counted. `commits` is for an engine that commits several units at once and counts for
 * itself; without it each unit and each Prisma transaction is one.
 */
export function countActivity(database: Omit<Database, 'activity'>, commits?: () => number): Database {
  let statements = 0;
  let units = 0;
  let transactions = 0;
  return {
    engine: database.engine,
    durability: database.durability,
    // Asked for when it is used: Prisma is loaded then.
    get prisma() {
      return database.prisma;
    },
    activity: () => ({ statements, units, commits: commits?.() ?? units + transactions }),
    get(statement, params) {
      statements += 1;
      return database.get(statement, params);
    },
    all(statement, params) {
      statements += 1;
      return database.all(statement, params);
    },
    commit(unit) {
      units += 1;
      statements += unit.operations.length;
      return database.commit(unit);
    },
    together(work) {
      transactions += 1;
      return database.together(work);
    },
    ping: () => database.ping(),
    close: () => database.close(),
  };
}
