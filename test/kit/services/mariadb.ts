import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mariadb from 'mariadb';
import { cleanEnvironment, debianFile, serviceAccount, startChild, untilReady } from './child.ts';
import { temporaryFolder } from './folder.ts';
import { freePort } from './free-port.ts';

export interface Mariadb {
  /** Of the database `postern`, as a user who may do everything. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Makes an empty database and returns its URL. */
  readonly createDatabase: (name: string) => Promise<string>;
  /** Ends the server the way power loss does; `stop` still cleans up. */
  readonly kill9: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const firstUser = `CREATE DATABASE IF NOT EXISTS postern;
CREATE USER IF NOT EXISTS 'postern'@'127.0.0.1' IDENTIFIED BY 'postern';
GRANT ALL PRIVILEGES ON *.* TO 'postern'@'127.0.0.1' WITH GRANT OPTION;
`;

/** A MariaDB server of its own in a temporary folder, durable. Throws when Debian's package is missing. */
export async function startMariadb(): Promise<Mariadb> {
  const program = debianFile(['/usr/sbin/mariadbd', '/usr/sbin/mysqld'], 'mariadb-server');
  const account = serviceAccount('mysql');
  const folder = temporaryFolder('mariadb', { account });
  const asUser = account === undefined ? [] : ['--user=mysql'];
  await initialise(folder.path, asUser);
  const port = await freePort();
  const server = startChild(program, [...serverFlags(folder.path, port), ...asUser], { cwd: folder.path });
  await untilReady(server, () => execute(port, 'SELECT 1').then(() => true), { what: 'MariaDB', within: 120_000 });
  const address = (database: string): string => `mysql://postern:postern@127.0.0.1:${port}/${database}`;
  return {
    url: address('postern'),
    host: '127.0.0.1',
    port,
    async createDatabase(name) {
      await execute(port, `CREATE DATABASE \`${name}\``);
      return address(name);
    },
    kill9: async () => void (await server.stop('SIGKILL')),
    async stop() {
      await server.stop('SIGTERM');
      folder.remove();
    },
  };
}

async function initialise(root: string, asUser: readonly string[]): Promise<void> {
  const install = debianFile(['/usr/bin/mariadb-install-db'], 'mariadb-server');
  const flags = ['--no-defaults', ...foldersOf(root), '--auth-root-authentication-method=normal'];
  await promisify(execFile)(install, [...flags, '--skip-test-db', ...asUser], { env: cleanEnvironment(), cwd: root });
  writeFileSync(join(root, 'init.sql'), firstUser, { mode: 0o644 });
}

/** Temporary files of its own, too: a server that starts removes those of all others from their common folder. */
const foldersOf = (root: string): string[] => [`--datadir=${join(root, 'data')}`, `--tmpdir=${root}`];

const serverFlags = (root: string, port: number): string[] => [
  '--no-defaults',
  ...foldersOf(root),
  `--socket=${join(root, 'mariadb.sock')}`,
  `--pid-file=${join(root, 'mariadb.pid')}`,
  `--init-file=${join(root, 'init.sql')}`,
  `--port=${port}`,
  '--bind-address=127.0.0.1',
  '--skip-name-resolve',
  '--innodb-buffer-pool-size=64M',
  '--innodb-flush-log-at-trx-commit=1',
];

async function execute(port: number, sql: string): Promise<void> {
  const user = { user: 'postern', password: 'postern' };
  const connection = await mariadb.createConnection({ host: '127.0.0.1', port, ...user, connectTimeout: 2_000 });
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}
