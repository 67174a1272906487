import mariadb from 'mariadb';
import { unreachable } from '../../errors.ts';

const CONNECT_LIMIT_MS = 2000;
/** A connection on which nothing moves for so long is ended, idle or stuck. The server's own limits come before it. */
const SILENCE_LIMIT_MS = 8000;

/*
 * Limits of every connection that writes, kept by the server. READ COMMITTED, because REPEATABLE READ locks gaps and lets two strangers
 * who insert side by side deadlock. Strict mode, because otherwise a value that is too long is cut off in silence.
 */
const SESSION = [
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SET SESSION innodb_lock_wait_timeout = 1',
];

/** Connection settings from a URL. `?ssl=true` demands TLS with a certificate that is valid for the host. */
export function connectionFrom(url: string): mariadb.ConnectionConfig {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  return {
    host: hostname,
    port: Number(port || '3306'),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    charset: 'utf8mb4',
    // On by default: every error would carry the values of its statement, which are hashes, addresses and payloads.
    logParam: false,
    connectTimeout: CONNECT_LIMIT_MS,
    // MySQL's default authentication sends the password only over TLS, or under a key of the server that nobody vouches for.
    allowPublicKeyRetrieval: searchParams.get('allowPublicKeyRetrieval') === 'true',
    ...(searchParams.get('ssl') === 'true' ? { ssl: true } : {}),
  };
}

/** What the URL points at, without its password. */
export function whereOf(url: string): string {
  const { host, port, database } = connectionFrom(url);
  return `${database} at ${host}:${port}`;
}

export interface PoolOptions {
  readonly url: string;
  readonly connections: number;
  /** For prepared statements, rather than for Prisma, which brings its own way with values. */
  readonly prepared: boolean;
}

/** 64-bit integers and sums as numbers, as SQLite gives them; a number beyond 2^53 is an error rather than another number. */
const PLAIN_VALUES = { bigIntAsNumber: true, decimalAsNumber: true, insertIdAsNumber: true, checkNumberRange: true };

/** A connection with the limits above. One that does not take them is thrown away. */
async function withLimits(
  connection: mariadb.PoolConnection,
  limited: WeakSet<object>,
): Promise<mariadb.PoolConnection> {
  // The pool wraps a connection anew each time it lends it; this part of it stays.
  const identity = connection.info ?? connection;
  if (limited.has(identity)) return connection;
  try {
    for (const sql of SESSION) await connection.query(sql);
  } catch (error) {
    connection.destroy();
    throw error;
  }
  limited.add(identity);
  return connection;
}

/**
 * A pool of connections that reconnect by themselves when asked for. Those lent by `getConnection` keep the limits above.
 * The driver could set them while it connects (`initSql`, `timezone`), but when the network fails in that moment it leaves
 * a rejected promise to nobody, which ends the process.
 */
export function createPool({ url, connections, prepared }: PoolOptions): mariadb.Pool {
  const pool = mariadb.createPool({
    ...connectionFrom(url),
    connectionLimit: connections,
    minimumIdle: 1,
    acquireTimeout: CONNECT_LIMIT_MS,
    socketTimeout: SILENCE_LIMIT_MS,
    // `affectedRows` counts the rows that matched, as on the other engines, not those whose values changed.
    foundRows: true,
    ...(prepared ? PLAIN_VALUES : { prepareCacheLength: 0 }),
  });
  const lend = pool.getConnection.bind(pool);
  const limited = new WeakSet<object>();
  return Object.assign(pool, { getConnection: async () => withLimits(await lend(), limited) });
}

/** Reads how durable the server is; throws a line for operators when it cannot be reached. */
export async function readDurability(pool: mariadb.Pool, url: string): Promise<{ kept: boolean; note: string }> {
  try {
    const rows = await pool.query<Array<{ flush: number }>>('SELECT @@innodb_flush_log_at_trx_commit AS `flush`');
    const flush = Number(rows[0]?.flush);
    return { kept: flush === 1, note: `innodb_flush_log_at_trx_commit=${flush}` };
  } catch (error) {
    throw unreachable(whereOf(url), error);
  }
}
