import pg from 'pg';
import { unreachable } from '../../errors.ts';

/*
 * Limits of every connection, kept by the server: a statement that waits for a lock or runs away is ended there. The client's
 * own limit only matters when the server does not answer at all.
 */
const SETTINGS = {
  synchronous_commit: 'on',
  lock_timeout: '500',
  statement_timeout: '3000',
  idle_in_transaction_session_timeout: '5000',
};
/** Prepared statements are look-ups by key, whose plan never depends on the value. */
const PREPARED_SETTINGS = { ...SETTINGS, plan_cache_mode: 'force_generic_plan' };
const QUERY_LIMIT_MS = 4000;
const CONNECT_LIMIT_MS = 2000;

const INT8 = 20;
const BOOL = 16;
const NUMERIC = 1700;

/** Values as SQLite gives them: 64-bit integers and sums as numbers, booleans as 0 and 1. */
const parsers: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    if (oid === INT8 || oid === NUMERIC) return Number;
    if (oid === BOOL) return (text: string) => (text === 't' ? 1 : 0);
    return pg.types.getTypeParser(oid, format);
  },
};

type Query = (...args: readonly unknown[]) => unknown;

/** Ends a connection whose query was not answered in time; a late answer would otherwise keep it busy for ever. */
function endWhenUnanswered(client: pg.PoolClient): void {
  const query: Query = client.query.bind(client);
  const bounded: Query = (...args) => {
    const result = query(...args);
    if (result instanceof Promise) {
      result.catch((error: unknown) => {
        if (error instanceof Error && error.message === 'Query read timeout')
          void (client as unknown as pg.Client).end();
      });
    }
    return result;
  };
  Object.assign(client, { query: bounded });
}

export interface PoolOptions {
  readonly url: string;
  readonly connections: number;
  /** For prepared statements, rather than for Prisma, which brings its own parsers. */
  readonly prepared: boolean;
}

/** A pool of connections that keep the limits above and reconnect by themselves when asked for. */
export function createPool({ url, connections, prepared }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    application_name: 'postern',
    options: Object.entries(prepared ? PREPARED_SETTINGS : SETTINGS)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    query_timeout: QUERY_LIMIT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    ...(prepared ? { types: parsers } : {}),
  });
  // A connection that breaks fails the query that is under way, or is replaced at the next call. Without a listener on both
  // the idle ones (the pool) and those that are lent out (the client) it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    endWhenUnanswered(client);
  });
  return pool;
}

/** What the URL points at, without its password. */
export function whereOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${pathname.slice(1)} at ${hostname}:${port || '5432'}`;
}

/** Reads how durable the server is; throws a line for operators when it cannot be reached. */
export async function readDurability(pool: pg.Pool, url: string): Promise<{ kept: boolean; note: string }> {
  try {
    const { rows } = await pool.query<{ fsync: string; commit: string }>(
      "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit",
    );
    const { fsync, commit } = rows[0] ?? { fsync: '', commit: '' };
    const kept = fsync === 'on' && commit !== 'off' && commit !== 'local';
    return { kept, note: `synchronous_commit=${commit}, fsync=${fsync}` };
  } catch (error) {
    throw unreachable(whereOf(url), error);
  }
}
