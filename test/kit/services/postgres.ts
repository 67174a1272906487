import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { cleanEnvironment, debianFile, serviceAccount, startChild, untilReady } from './child.ts';
import { temporaryFolder } from './folder.ts';
import { freePort } from './free-port.ts';

export interface Postgres {
  /** Of the database `postern`, as its owner. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Makes an empty database and returns its URL. */
  readonly createDatabase: (name: string) => Promise<string>;
  /** Ends the server the way power loss does; `stop` still cleans up. */
  readonly kill9: () => Promise<void>;
  /** Starts it again after `kill9`, with the same data and port. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface PostgresOptions {
  /** False trades durability for speed, for suites that never look at it. */
  readonly durable?: boolean;
  /** More `-c name=value` settings. */
  readonly settings?: Readonly<Record<string, string>>;
}

const unsafe = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** A PostgreSQL server of its own in a temporary folder. Throws when Debian's package is missing. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const bin = binaries();
  const account = serviceAccount('postgres');
  const folder = temporaryFolder('postgres', { account });
  const data = join(folder.path, 'data');
  const initialise = ['-D', data, '-U', 'postern', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
  const surroundings = { ...account, env: cleanEnvironment(), cwd: folder.path };
  await promisify(execFile)(join(bin, 'initdb'), initialise, surroundings);
  const port = await freePort();
  const flags = serverFlags(folder.path, port, options);
  const launch = async () => {
    const child = startChild(join(bin, 'postgres'), ['-D', data, ...flags], { account, cwd: folder.path });
    const ready = (): Promise<boolean> => execute(port, 'SELECT 1').then(() => true);
    await untilReady(child, ready, { what: 'PostgreSQL', within: 120_000 });
    return child;
  };
  let server = await launch();
  const createDatabase = async (name: string): Promise<string> => {
    await execute(port, `CREATE DATABASE "${name}"`);
    return address(port, name);
  };
  return {
    url: await createDatabase('postern'),
    host: '127.0.0.1',
    port,
    createDatabase,
    kill9: async () => void (await server.stop('SIGKILL')),
    async restart() {
      server = await launch();
    },
    async stop() {
      await server.stop('SIGINT');
      folder.remove();
    },
  };
}

function serverFlags(root: string, port: number, options: PostgresOptions): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: root,
    max_connections: '200',
    shared_buffers: '64MB',
    ...(options.durable === false ? unsafe : {}),
    ...options.settings,
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

const address = (port: number, database: string): string => `postgresql://postern@127.0.0.1:${port}/${database}`;

async function execute(port: number, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: address(port, 'postgres') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Debian keeps each major version's programs out of the path; the newest one serves. */
function binaries(): string {
  let versions: string[] = [];
  try {
    versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  } catch {
    // Not installed: debianFile says so.
  }
  return join(
    debianFile(
      versions.map((version) => `/usr/lib/postgresql/${version}/bin/postgres`),
      'postgresql',
    ),
    '..',
  );
}
