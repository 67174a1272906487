import { AppError } from '../errors.ts';

/** What can go wrong at the database, as every store sees it. */
export type DatabaseErrorCode =
  /** Unreachable, broken, or an outcome nobody knows: nothing may be allowed on the strength of it. */
  | 'store_unavailable'
  /** Reachable but overloaded or locked: nothing was stored. */
  | 'store_busy'
  /** What the change was based on is no longer so: nothing was stored. */
  | 'store_conflict'
  /** A value that must be unique is there already: nothing was stored. */
  | 'store_unique'
  /** The row to change is not there, or a row points at one that is not there. */
  | 'store_missing'
  /** A statement that no database would take: a mistake in the program. */
  | 'store_failed'
  /** The database was migrated by a newer version of the program. */
  | 'database_newer'
  /** A migration failed, now or before, or was edited after it had been applied. */
  | 'database_migration_failed';

const MESSAGES: Record<Exclude<DatabaseErrorCode, `database_${string}`>, { status: number; text: string }> = {
  store_unavailable: { status: 503, text: 'The database does not answer. Try again in a moment.' },
  store_busy: { status: 503, text: 'The server is busy. Try again in a moment.' },
  store_conflict: { status: 409, text: 'Somebody else changed this at the same time. Look again and repeat.' },
  store_unique: { status: 409, text: 'This value is in use already. Choose another one.' },
  store_missing: { status: 404, text: 'What this refers to does not exist (any more).' },
  store_failed: { status: 500, text: 'The database refused a statement of the server.' },
};

/** The AppError for a code, with the house's own words; `cause` is for operators. */
export function storeError(code: keyof typeof MESSAGES, cause?: unknown): AppError<DatabaseErrorCode> {
  const { status, text } = MESSAGES[code];
  return new AppError(code, status, text, { cause, ...(status === 503 ? { retryAfter: 1 } : {}) });
}

/** The parts of driver and Prisma errors that say what happened. */
interface DriverFault {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly kind?: unknown;
  readonly errcode?: unknown;
  readonly extendedCode?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: unknown } };
}

const asFault = (error: unknown): DriverFault | undefined =>
  typeof error === 'object' && error !== null ? (error as DriverFault) : undefined;

/** Prisma's codes look like SQLSTATEs; its P2010 and the like say nothing and leave the answer to what lies beneath. */
const PRISMA_CODE = /^P[12]\d{3}$/;
const PRISMA_CODES: Readonly<Record<string, keyof typeof MESSAGES>> = {
  P1001: 'store_unavailable',
  P1002: 'store_unavailable',
  P1008: 'store_busy',
  P1017: 'store_unavailable',
  P2002: 'store_unique',
  P2003: 'store_missing',
  P2024: 'store_busy',
  P2025: 'store_missing',
  P2028: 'store_busy',
  P2034: 'store_conflict',
};

/** Kinds of Prisma's DriverAdapterError, which a raw statement (P2010) and a failed COMMIT show instead of a code. */
const ADAPTER_KINDS: Readonly<Record<string, keyof typeof MESSAGES>> = {
  UniqueConstraintViolation: 'store_unique',
  ForeignKeyConstraintViolation: 'store_missing',
  SocketTimeout: 'store_busy',
  TransactionWriteConflict: 'store_conflict',
  TransactionAlreadyClosed: 'store_busy',
  TooManyConnections: 'store_unavailable',
  ConnectionClosed: 'store_unavailable',
  DatabaseNotReachable: 'store_unavailable',
};

/** SQLite: busy, locked → busy; read-only, I/O, corrupt, full, cannot open, not a database → unavailable. */
const SQLITE_CODES: Readonly<Record<number, keyof typeof MESSAGES>> = {
  5: 'store_busy',
  6: 'store_busy',
  8: 'store_unavailable',
  10: 'store_unavailable',
  11: 'store_unavailable',
  13: 'store_unavailable',
  14: 'store_unavailable',
  26: 'store_unavailable',
};
const SQLITE_UNIQUE = [1555, 2067, 2579];
const SQLITE_FOREIGN_KEY = [787, 1811];

function fromSqlite(errcode: number): keyof typeof MESSAGES {
  if (SQLITE_UNIQUE.includes(errcode)) return 'store_unique';
  if (SQLITE_FOREIGN_KEY.includes(errcode)) return 'store_missing';
  return SQLITE_CODES[errcode & 255] ?? 'store_failed';
}

/** PostgreSQL SQLSTATE classes and codes (PostgreSQL 15, appendix A). */
const SQLSTATES: ReadonlyArray<readonly [RegExp, keyof typeof MESSAGES]> = [
  [/^23505$/, 'store_unique'],
  [/^23503$/, 'store_missing'],
  [/^(40001|40P01)$/, 'store_conflict'],
  [/^(55P03|57014|53\w{3})$/, 'store_busy'],
  [/^(08\w{3}|28\w{3}|3D000|57P\w{2}|58\w{3}|XX\w{3}|25006)$/, 'store_unavailable'],
  [/^[0-9A-Z]{5}$/, 'store_failed'],
];

/** MySQL and MariaDB error numbers; 45xxx are the connector's own (socket, pool, time-outs). */
function fromMysql(errno: number): keyof typeof MESSAGES {
  if (errno === 1062) return 'store_unique';
  if (errno === 1451 || errno === 1452) return 'store_missing';
  if (errno === 1213) return 'store_conflict';
  if ([1205, 1040, 1203, 1226, 1969, 3024].includes(errno)) return 'store_busy';
  if (errno >= 45000 || [1053, 1129, 1290, 1836, 1927, 2002, 2006, 2013, 1044, 1045, 1049].includes(errno))
    return 'store_unavailable';
  return 'store_failed';
}

/** Error codes of Node's sockets and of the drivers' own time limits. */
const CONNECTION = /^(E[A-Z]+|ERR_SOCKET\w*|CONNECTION\w*|ER_SOCKET\w*)$/;
/** pg's pool, when every connection is taken; a connection that cannot be made has another text. */
const POOL_IS_BUSY = 'timeout exceeded when trying to connect';
/** MariaDB's pool gives both the same number, and counts its connections in the message. */
const MARIADB_POOL_IS_BUSY = /\(pool connections: active=(\d+) idle=0 limit=\1\)/;
const MARIADB_POOL_TIMEOUT = 45028;
const CONNECTION_TEXT =
  /timeout expired|Query read timeout|Connection terminated|not queryable|Cannot use a pool after/i;

/** By the code that a driver of a server, a socket or Prisma gives as text. */
function fromTextCode(code: string): keyof typeof MESSAGES | undefined {
  if (PRISMA_CODE.test(code)) return PRISMA_CODES[code];
  if (CONNECTION.test(code)) return 'store_unavailable';
  return SQLSTATES.find(([pattern]) => pattern.test(code))?.[1];
}

/** By the kind of a DriverAdapterError. */
function fromKind({ kind, extendedCode }: DriverFault): keyof typeof MESSAGES | undefined {
  if (kind === 'sqlite') return fromSqlite(Number(extendedCode));
  return typeof kind === 'string' ? ADAPTER_KINDS[kind] : undefined;
}

/** By the words of a driver that gives no code. */
function fromMessage(message: unknown): keyof typeof MESSAGES | undefined {
  if (message === POOL_IS_BUSY) return 'store_busy';
  return typeof message === 'string' && CONNECTION_TEXT.test(message) ? 'store_unavailable' : undefined;
}

/** By the number that MySQL, MariaDB or their connector gives; sockets have negative ones. */
function fromNumbers({ errno, code, message }: DriverFault): keyof typeof MESSAGES | undefined {
  const number = typeof errno === 'number' ? errno : code;
  if (number === MARIADB_POOL_TIMEOUT && MARIADB_POOL_IS_BUSY.test(String(message))) return 'store_busy';
  return typeof number === 'number' && number > 0 ? fromMysql(number) : undefined;
}

/** Reads one error object, without following its causes. */
function codeOf(fault: DriverFault): keyof typeof MESSAGES | undefined {
  if (typeof fault.errcode === 'number') return fromSqlite(fault.errcode);
  return (
    fromKind(fault) ??
    fromNumbers(fault) ??
    (typeof fault.code === 'string' ? fromTextCode(fault.code) : undefined) ??
    fromMessage(fault.message)
  );
}

/** The error and what it was caused by, nearest first; Prisma hides the driver's error in `meta`. */
function* chainOf(error: unknown): Generator<DriverFault> {
  let fault = asFault(error);
  for (let depth = 0; fault !== undefined && depth < 8; depth++) {
    yield fault;
    fault = asFault(fault.meta?.driverAdapterError) ?? asFault(fault.cause);
  }
}

const DUPLICATE_VALUE = /Duplicate entry '.*?' for key/gs;
const TEXTS = ['message', 'sqlMessage', 'originalMessage', 'stack'];

/** What a text of an error says without the values that it quotes. */
function withoutQuotes(text: string, isValidation: boolean): string {
  // Prisma prints all arguments of a call that it does not understand, and says what is wrong in the last line.
  if (isValidation) return text.split('\n    at ', 1)[0]?.trimEnd().split('\n').at(-1) ?? '';
  return text.replaceAll(DUPLICATE_VALUE, 'Duplicate entry for key');
}

/** Takes out what drivers and Prisma quote of rows and arguments: causes are logged, and no person or secret is named there. */
function withoutValues(error: unknown): void {
  for (const fault of chainOf(error)) {
    const told = fault as Record<string, unknown>;
    const isValidation = told['name'] === 'PrismaClientValidationError';
    if ('detail' in told) told['detail'] = undefined;
    for (const name of TEXTS) {
      const text = told[name];
      if (typeof text === 'string') told[name] = withoutQuotes(text, isValidation);
    }
  }
}

/** The AppError for an error of a driver or of Prisma; any other error, such as one that a use case threw, as it came. */
export function translateKnown(error: unknown): unknown {
  for (const fault of chainOf(error)) {
    if (fault instanceof AppError) return fault;
    const code = codeOf(fault);
    if (code === undefined) continue;
    withoutValues(error);
    return storeError(code, error);
  }
  return error;
}

/** Whatever a statement failed with, as the AppError that stores and doors know. */
export function translate(error: unknown): AppError {
  const known = translateKnown(error);
  if (known instanceof AppError) return known;
  withoutValues(error);
  return storeError('store_failed', error);
}

/** The names that a violated constraint goes by: columns on SQLite, the index elsewhere. */
function constraintNames(fault: DriverFault & { constraint?: unknown }): string[] {
  if (typeof fault.constraint === 'string') return [fault.constraint];
  const { fields, index } = (asFault(fault.constraint) ?? {}) as { fields?: unknown; index?: unknown };
  if (Array.isArray(fields)) return fields.map(String);
  return typeof index === 'string' ? [index] : [];
}

/** Whether this `store_unique` is about that column, by its name in the database (`email_key`). */
export function violates(error: unknown, column: string): boolean {
  if (!(error instanceof AppError) || error.code !== 'store_unique') return false;
  const names = [...chainOf(error.cause)].flatMap(constraintNames);
  return names.some((name) => name.replaceAll('"', '') === column || name.endsWith(`_${column}_key`));
}

/** Deadlocks and conflicts, and waits for a lock that ran out: PostgreSQL looks for deadlocks only after twice our `lock_timeout`. */
const GIVEN_UP: readonly unknown[] = ['P2034', '40001', '40P01', '55P03', 1213, 1205];

/** Whether the database gave the transaction up for the sake of another one, so that running it again may succeed. */
export function wasGivenUp(error: unknown): boolean {
  return [...chainOf(error)].some(
    ({ code, errno, kind }) =>
      GIVEN_UP.includes(code) || GIVEN_UP.includes(errno) || kind === 'TransactionWriteConflict',
  );
}

/** A database that cannot be opened, in one line with the remedy. `where` names it without its password. */
export function unreachable(where: string, error: unknown): AppError<DatabaseErrorCode> {
  const { message, code } = asFault(error) ?? {};
  const reason = String(message || code || error);
  const text = `The database ${where} cannot be reached (${reason}). Check databaseUrl, and that its server runs.`;
  return new AppError('store_unavailable', 503, text, { cause: error });
}

/** Whether a transaction ran out of its time before its COMMIT: it is rolled back, and nothing of it is stored. */
export function isTransactionOver(error: unknown): boolean {
  for (let fault = asFault(error); fault !== undefined; fault = asFault(fault.cause)) {
    const adapter = asFault(fault.meta?.driverAdapterError?.cause);
    if (fault.kind === 'TransactionAlreadyClosed' || adapter?.kind === 'TransactionAlreadyClosed') return true;
  }
  return false;
}
