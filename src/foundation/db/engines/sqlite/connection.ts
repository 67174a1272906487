import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type ArgType,
  type ColumnType,
  ColumnTypeEnum,
  type SqlQuery,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils';
import type { Value } from '../../statement.ts';

/** Declared column types → Prisma's. Anything else is told by the first value. */
const DECLARED: Readonly<Record<string, ColumnType>> = {
  REAL: ColumnTypeEnum.Double,
  INTEGER: ColumnTypeEnum.Int32,
  BIGINT: ColumnTypeEnum.Int64,
  DATETIME: ColumnTypeEnum.DateTime,
  TEXT: ColumnTypeEnum.Text,
  BLOB: ColumnTypeEnum.Bytes,
  BOOLEAN: ColumnTypeEnum.Boolean,
  JSONB: ColumnTypeEnum.Json,
  DECIMAL: ColumnTypeEnum.Numeric,
};

type Cell = null | number | bigint | string | NodeJS.NonSharedUint8Array;

interface Prepared {
  readonly statement: StatementSync;
  readonly names: string[];
  readonly types: Array<ColumnType | undefined>;
}

const PREPARED_LIMIT = 500;

function typeOfValue(value: Cell | undefined): ColumnType {
  if (typeof value === 'string') return ColumnTypeEnum.Text;
  if (typeof value === 'number') return ColumnTypeEnum.UnknownNumber;
  return value instanceof Uint8Array ? ColumnTypeEnum.Bytes : ColumnTypeEnum.Int64;
}

/** Prisma's dates in SQLite: ISO 8601 with a numeric offset. */
const dateText = (date: Date): string => date.toISOString().replace('Z', '+00:00');

function textToSqlite(value: string, type: ArgType | undefined): Cell {
  switch (type?.scalarType) {
    case 'int':
      return Number.parseInt(value, 10);
    case 'float':
    case 'decimal':
      return Number.parseFloat(value);
    case 'bigint':
      return BigInt(value);
    case 'datetime':
      return dateText(new Date(value));
    case 'bytes':
      return Buffer.from(value, 'base64');
    default:
      return value;
  }
}

function toSqlite(value: unknown, type: ArgType | undefined): Cell {
  if (typeof value === 'string') return textToSqlite(value, type);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'number') return bindable(value) as Cell;
  if (value instanceof Date) return dateText(value);
  return value as Cell;
}

function fromSqlite(value: Cell, type: ColumnType): unknown {
  if (type === ColumnTypeEnum.DateTime && (typeof value === 'bigint' || typeof value === 'number')) {
    return new Date(Number(value)).toISOString();
  }
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** node:sqlite binds every JavaScript number as REAL, where `?1 / 2` would differ from the other engines; a BigInt is an INTEGER. */
export function bindable(value: Value): string | number | bigint | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

export interface ConnectionOptions {
  readonly readOnly: boolean;
  /** How long SQLite itself waits for a lock, in milliseconds. It blocks this thread meanwhile. */
  readonly busyMs: number;
}

/** One connection to the file, which also speaks Prisma's SqlQuery and SqlResultSet. Throws SQLite's own errors. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();

  constructor(file: string, { readOnly, busyMs }: ConnectionOptions) {
    this.#database = new DatabaseSync(file, { readOnly, timeout: busyMs });
    this.#database.exec('PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-20000;');
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql);
  }

  /** The value of a pragma that answers with one number. */
  pragma(name: 'synchronous' | 'foreign_keys' | 'data_version'): number {
    return Number(Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  }

  /** Runs one of Prisma's statements for its rows. */
  query(query: SqlQuery): SqlResultSet {
    const { statement, names, types } = this.#statement(query.sql);
    const rows = statement.all(
      ...query.args.map((value, i) => toSqlite(value, query.argTypes[i])),
    ) as unknown as Cell[][];
    const columnTypes = types.map((type, i) => type ?? typeOfValue(rows.find((row) => row[i] !== null)?.[i]));
    return {
      columnNames: names,
      columnTypes,
      rows: rows.map((row) => row.map((value, i) => fromSqlite(value, columnTypes[i] ?? ColumnTypeEnum.Text))),
    };
  }

  /** Runs one of Prisma's statements for the number of rows it changed. */
  execute(query: SqlQuery): number {
    const { statement } = this.#statement(query.sql);
    return Number(statement.run(...query.args.map((value, i) => toSqlite(value, query.argTypes[i]))).changes);
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  /** The statement, prepared once; the one that was not used for longest makes room. */
  #statement(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    const prepared = known ?? this.#prepareFor(sql);
    if (known !== undefined) this.#prepared.delete(sql);
    this.#prepared.set(sql, prepared);
    const oldest = this.#prepared.keys().next();
    if (this.#prepared.size > PREPARED_LIMIT && oldest.done !== true) this.#prepared.delete(oldest.value);
    return prepared;
  }

  #prepareFor(sql: string): Prepared {
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const columns = statement.columns();
    return {
      statement,
      names: columns.map((column) => column.name),
      types: columns.map((column) => DECLARED[column.type?.toUpperCase() ?? '']),
    };
  }
}
