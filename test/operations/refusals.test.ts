import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareDataDir } from '../../src/foundation/config/data-dir.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { expectRefusal, type PosternOptions, startPostern } from '../kit/services/process.ts';
import { contents, mountSmallDisk, takenPort, unmount } from './kit.ts';

const otherKey = Buffer.alloc(32, 3).toString('base64');
const password = 'hunter2hunter2';

/** Folders of this file; `installed` holds the data of a server that has run here before. */
let root: TemporaryFolder;
let installed: string;
let copies = 0;

beforeAll(async () => {
  root = temporaryFolder('refusals');
  installed = join(root.path, 'installed');
  await (await startPostern({ dataDir: installed, cwd: root.path })).stop();
});
afterAll(() => root.remove());

/** Data of its own for one refusal. */
function copyOfInstalled(): string {
  const folder = join(root.path, `copy-${++copies}`);
  cpSync(installed, folder, { recursive: true, preserveTimestamps: true });
  return folder;
}

/** Starts where it must be refused, and returns what was said. Proves one line a problem, exit code 1, nothing touched. */
async function refused(options: PosternOptions & { dataDir: string }, problems = 1): Promise<string> {
  const before = contents(options.dataDir);
  const { code, stdout, stderr } = await expectRefusal({ cwd: root.path, ...options });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr.split('\n')).toHaveLength(problems + 1);
  expect(stderr).not.toMatch(/^\s+at |Error:|undefined/m);
  expect(contents(options.dataDir)).toEqual(before);
  return stderr;
}

describe('a port that is taken', () => {
  it.each(['POSTERN_PORT', 'POSTERN_MANAGEMENT_PORT'])('as %s is named before anything is made', async (variable) => {
    const { port, free } = await takenPort();
    const fresh = join(root.path, `fresh-${variable}`);
    const env = { POSTERN_ISSUER: 'http://localhost:8080', [variable]: String(port) };
    const said = await refused({ dataDir: fresh, env });
    expect(said).toContain(`Port ${port} on 127.0.0.1 is taken`);
    expect(said).toContain(`set ${variable} to a free port`);
    free();
  });
});

describe('a data folder', () => {
  it('that another server holds is refused, with the process that holds it', async () => {
    const server = await startPostern({ cwd: root.path, dataDir: copyOfInstalled() });
    const { code, stderr } = await expectRefusal({ cwd: root.path, dataDir: server.dataDir });
    expect(code).toBe(1);
    expect(stderr).toContain(`in use by another server (process ${server.pid})`);
    expect(stderr).toContain('POSTERN_DATA_DIR');
    expect((await fetch(`${server.managementUrl}/health/ready`)).status).toBe(200);
    expect((await server.stop()).code).toBe(0);
  });

  it('that cannot be made or written to is refused', async () => {
    for (const dataDir of ['/proc/postern', '/sys']) {
      const { code, stderr } = await expectRefusal({ cwd: root.path, dataDir });
      expect(code).toBe(1);
      expect(stderr).toMatch(
        new RegExp(`^The data folder ${dataDir} cannot be used \\(E\\w+\\)\\. .*POSTERN_DATA_DIR`),
      );
    }
  });

  it('on a full disk is refused', async () => {
    const small = join(root.path, 'small');
    mkdirSync(small);
    const said = /The disk of the data folder .* is full: only \d+ MiB are free\. Make room on it\./;
    if (!mountSmallDisk(small, 8)) {
      expect(() => prepareDataDir(small, () => 8 * 1024 * 1024)).toThrow(said);
      return;
    }
    try {
      expect(await refused({ dataDir: small })).toMatch(said);
    } finally {
      unmount(small);
    }
  });
});

describe('the encryption key', () => {
  it('that is lost is asked for, and none is made in its place', async () => {
    const dataDir = copyOfInstalled();
    rmSync(join(dataDir, 'encryption.key'));
    const said = await refused({ dataDir });
    expect(said).toMatch(/encryption\.key is missing .* Put the key back from your backup/);
    expect(existsSync(join(dataDir, 'encryption.key'))).toBe(false);
  });

  it('of another database is refused, wherever it comes from', async () => {
    const dataDir = copyOfInstalled();
    const said = await refused({ dataDir, env: { POSTERN_ENCRYPTION_KEY: otherKey } });
    expect(said).toMatch(/another one than this database was encrypted with .* Give the former key/);
    expect(said).not.toContain(otherKey);
    writeFileSync(join(dataDir, 'encryption.key'), otherKey);
    expect(await refused({ dataDir })).toContain('another one than this database');
  });

  it('that is malformed is refused without repeating it', async () => {
    const dataDir = copyOfInstalled();
    const said = await refused({ dataDir, env: { POSTERN_ENCRYPTION_KEY: 'c2hvcnQtc2VjcmV0' } });
    expect(said).toMatch(/^POSTERN_ENCRYPTION_KEY: .*base64 of exactly 32 bytes.*openssl rand -base64 32$/m);
    expect(said).not.toContain('c2hvcnQtc2VjcmV0');
    writeFileSync(join(dataDir, 'encryption.key'), 'something else');
    expect(await refused({ dataDir })).toMatch(/encryption\.key holds no encryption key .* from your backup/);
  });

  it('must be given for a database that is not embedded', async () => {
    const env = { POSTERN_DATABASE_URL: `postgresql://postern:${password}@127.0.0.1:5432/postern` };
    const said = await refused({ dataDir: copyOfInstalled(), env });
    expect(said).toMatch(/^POSTERN_ENCRYPTION_KEY: .*openssl rand -base64 32$/m);
  });
});

describe('the database', () => {
  const change = (dataDir: string, sql: string): void => {
    const database = new DatabaseSync(join(dataDir, 'postern.db'));
    database.exec(sql);
    database.close();
  };
  const migration = (finished: string) =>
    `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, logs)
       VALUES ('x', 'y', ${finished}, '29990101000000_later', '2999-01-01', 'it broke')`;

  it('that is newer than the program is refused', async () => {
    const dataDir = copyOfInstalled();
    change(dataDir, migration("'2999-01-01'"));
    expect(await refused({ dataDir })).toMatch(
      /newer than this program.*29990101000000_later.*Start the newer version/,
    );
  });

  it('whose migration failed half-way is refused', async () => {
    const dataDir = copyOfInstalled();
    change(dataDir, migration('NULL'));
    expect(await refused({ dataDir })).toMatch(/29990101000000_later failed before.*Restore the backup/);
  });

  it('that is something else is refused', async () => {
    const dataDir = copyOfInstalled();
    writeFileSync(join(dataDir, 'postern.db'), 'This is a letter to my aunt. '.repeat(200));
    expect(await refused({ dataDir })).toMatch(/postern\.db cannot be opened .*not a database.* Restore your backup/);
  });

  it.each([
    ['postgresql', 'refuses connections'],
    ['postgresql', 'accepts them and stays silent'],
    ['mysql', 'refuses connections'],
    ['mysql', 'accepts them and stays silent'],
  ])('of %s that %s fails the start fast, without its password', async (scheme, how) => {
    const taken = await takenPort();
    const port = how === 'refuses connections' ? await freePort() : taken.port;
    const env = {
      POSTERN_DATABASE_URL: `${scheme}://postern:${password}@127.0.0.1:${port}/postern`,
      POSTERN_ENCRYPTION_KEY: otherKey,
    };
    const began = performance.now();
    const said = await refused({ dataDir: copyOfInstalled(), env });
    taken.free();
    expect(said).toMatch(new RegExp(`The database postern at 127\\.0\\.0\\.1:${port} cannot be reached .*databaseUrl`));
    expect(said).not.toContain(password);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe('the configuration', () => {
  it('is refused with every mistake at its line, at once', async () => {
    const dataDir = copyOfInstalled();
    const cwd = join(root.path, 'configured');
    mkdirSync(cwd);
    writeFileSync(join(cwd, 'postern.yaml'), 'port: 8081\nproviders: []\nlog:\n  levl: debug\n');
    const env = { POSTERN_ISSUER: 'http://id.example.org/auth' };
    const said = await refused({ dataDir, cwd, env, args: ['--colour', 'red'] }, 4);
    expect(said).toMatch(/^postern\.yaml:2: "providers" is not a configuration key\. .+$/m);
    expect(said).toMatch(/^postern\.yaml:4: "log\.levl" is not a configuration key\. Did you mean log\.level\?$/m);
    expect(said).toMatch(/^POSTERN_ISSUER: .+\. Write it as /m);
    expect(said).toMatch(/^--colour: "colour" is not a configuration key\. /m);
  });

  it('is refused with a log file that cannot be opened', async () => {
    const said = await refused({ dataDir: copyOfInstalled(), env: { POSTERN_LOG__FILE: '/proc/postern/a.log' } });
    expect(said).toMatch(/The log file \/proc\/postern\/a\.log cannot be opened .*POSTERN_LOG__FILE/);
  });
});
