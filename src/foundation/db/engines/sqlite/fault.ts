import type { Error as AdapterError } from '@prisma/driver-adapter-utils';

/** An error of SQLite as plain data: the payload of Prisma's DriverAdapterError, because a class does not survive postMessage. */
export type Fault = AdapterError & { readonly errcode?: number };

const UNIQUE = [2067, 1555, 2579];
const NOT_NULL = 1299;
const FOREIGN_KEY = [787, 1811];
const BUSY = 5;

interface SqliteError {
  readonly errcode: number;
  readonly message: string;
}

const isSqliteError = (error: unknown): error is SqliteError =>
  typeof error === 'object' && error !== null && typeof (error as { errcode?: unknown }).errcode === 'number';

const isFault = (error: unknown): error is Fault =>
  typeof error === 'object' && error !== null && typeof (error as { kind?: unknown }).kind === 'string';

/** SQLite's error code, or undefined for anything that SQLite did not throw. */
export const sqliteCode = (error: unknown): number | undefined => (isSqliteError(error) ? error.errcode : undefined);

/** Whether another connection holds the file. */
export const isBusy = (error: unknown): boolean => ((sqliteCode(error) ?? 0) & 255) === BUSY;

/** Whether a unique index refused the row. */
export const isDuplicate = (error: unknown): boolean => UNIQUE.includes(sqliteCode(error) ?? 0);

/** `UNIQUE constraint failed: users.a, users.b` → ['a', 'b']. */
function columnsIn(message: string): { fields: string[] } | undefined {
  const list = message.split('constraint failed: ').at(1);
  return list === undefined ? undefined : { fields: list.split(', ').map((name) => name.split('.').at(-1) ?? name) };
}

/** An error that SQLite itself threw. */
function faultOfSqlite({ errcode, message }: SqliteError): Fault {
  const base = { originalCode: String(errcode), originalMessage: message, errcode };
  const constraint = columnsIn(message);
  const named = constraint === undefined ? {} : { constraint };
  if (UNIQUE.includes(errcode)) return { ...base, kind: 'UniqueConstraintViolation', ...named };
  if (errcode === NOT_NULL) return { ...base, kind: 'NullConstraintViolation', ...named };
  if (FOREIGN_KEY.includes(errcode))
    return { ...base, kind: 'ForeignKeyConstraintViolation', constraint: { foreignKey: {} } };
  if ((errcode & 255) === BUSY) return { ...base, kind: 'SocketTimeout' };
  const [what, name] = message.split(': ');
  if (what === 'no such table' && name !== undefined) return { ...base, kind: 'TableDoesNotExist', table: name };
  if (what === 'no such column' && name !== undefined) return { ...base, kind: 'ColumnNotFound', column: name };
  return { ...base, kind: 'sqlite', extendedCode: errcode, message };
}

/** Whatever was thrown around a statement, as a Fault that Prisma understands and `translate` reads. */
export function faultOf(error: unknown): Fault {
  if (isFault(error)) return error;
  if (isSqliteError(error)) return faultOfSqlite(error);
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'sqlite', extendedCode: 1, message, originalCode: 'N/A', originalMessage: message };
}

/** The lease on the writer is over: nothing more may be written through it. */
export const leaseOver = (cause: string): Fault => ({ kind: 'TransactionAlreadyClosed', cause });
