import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/foundation/clock.ts';
import { migrateDatabase } from '../../src/foundation/db/migrate.ts';
import { migrationsFolder } from '../../src/foundation/db/migrations.ts';
import { createIds } from '../../src/foundation/ids.ts';
import { systemRandom } from '../../src/foundation/random.ts';
import { Browser } from '../kit/browser.ts';
import { publishedKids } from '../kit/operator.ts';
import { cleanEnvironment, startChild } from '../kit/services/child.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { expectRefusal, type Postern, runCommand, startPostern } from '../kit/services/process.ts';
import { until } from '../kit/until.ts';
import { logLines } from './kit.ts';

/** A start after the first answers within a second; the best of several, on a machine that does other things, within three. */
const quickly = 3_000;
/** On a machine where a mere `postern --version` takes longer than a second, as many times that. */
const timesVersion = 3;

let folder: TemporaryFolder;
let dataDir: string;
let env: NodeJS.ProcessEnv;
let server: Postern | undefined;
/** How long each start took until the discovery document was there, in milliseconds. */
const tookToStart: number[] = [];
beforeAll(async () => {
  folder = temporaryFolder('start');
  dataDir = join(folder.path, 'data');
  env = { POSTERN_PORT: String(await freePort()) };
});
afterEach(async () => void (await server?.stop()));
afterAll(() => folder.remove());

const start = async (more: NodeJS.ProcessEnv = {}): Promise<Postern> => {
  server = await startPostern({ dataDir, cwd: folder.path, env: { ...env, ...more } });
  tookToStart.push(server.startedIn);
  return server;
};
const linksIn = (text: string): string[] => text.split('\n').filter((line) => line.includes('/setup'));
const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;
const modeOf = (name: string): number => statSync(join(dataDir, name)).mode & 0o777;

describe('a start', () => {
  let firstLink: string;
  let kids: string[];
  let key: Buffer;

  it('makes data and key for this user alone, and prints a set-up link alone on its line', async () => {
    const first = await start();
    firstLink = await first.setupLink();
    expect(modeOf('encryption.key')).toBe(0o600);
    expect(modeOf('postern.db')).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(firstLink).toMatch(new RegExp(`^${first.url}/setup\\?key=[\\w-]{43}$`));
    expect(linksIn(first.stdout())).toEqual([firstLink]);
    expect(logLines(first.stdout()).map(({ msg }) => msg)).toContain('the database was migrated');
    kids = await publishedKids(first);
    key = readFileSync(join(dataDir, 'encryption.key'));
  });

  it('the second time does nothing of that again, and its link makes the former void', async () => {
    const second = await start();
    const link = await second.setupLink();
    expect(link).not.toBe(firstLink);
    expect([await statusOf(firstLink), await statusOf(link)]).toEqual([410, 200]);
    expect(logLines(second.stdout()).map(({ msg }) => msg)).not.toContain('the database was migrated');
    expect(await publishedKids(second)).toEqual(kids);
    expect(readFileSync(join(dataDir, 'encryption.key'))).toEqual(key);
  });

  it('with a log file prints the link on standard output and never into the log', async () => {
    const logs = join(folder.path, 'logs');
    const third = await start({ POSTERN_LOG__FILE: join(logs, 'postern.log'), POSTERN_LOG__LEVEL: 'trace' });
    const link = await third.setupLink();
    expect(await statusOf(link)).toBe(200);
    await third.stop();
    expect(logLines(third.stdout())).toEqual([]);
    const log = readdirSync(logs)
      .map((name) => readFileSync(join(logs, name), 'utf8'))
      .join('');
    expect(logLines(log).map(({ msg }) => msg)).toEqual(expect.arrayContaining(['ready', 'request', 'stopped']));
    expect(log).not.toContain(new URL(link).searchParams.get('key'));
  });

  it('after kill -9 needs nobody’s hand, and has everything that was acknowledged', async () => {
    const before = await start();
    const made = await runCommand(['client', 'create', 'kept', '--json'], { env: before.env });
    expect(made.code).toBe(0);
    await before.kill9();
    expect(existsSync(join(dataDir, 'postern.db-wal'))).toBe(true);
    const after = await start();
    const shown = await runCommand(['client', 'show', 'kept', '--json'], { env: after.env });
    expect(JSON.parse(shown.stdout)).toMatchObject({ client_id: 'kept' });
    await after.stop();
    const database = new DatabaseSync(join(dataDir, 'postern.db'));
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    database.close();
    expect(readdirSync(dataDir).toSorted()).toEqual(['encryption.key', 'postern.db', 'server.lock']);
  });

  it('prints no link any more once there is an administrator', async () => {
    const fourth = await start();
    const link = await fourth.setupLink();
    const browser = new Browser();
    const fields = { email: 'root@example.org', password: 'a lighthouse keeper at dawn' };
    const page = await browser.submit(await browser.open(link), 'setup-submit', fields);
    expect(page.text).toContain('id="sign-out"');
    expect(await statusOf(link)).toBe(410);
    await fourth.stop();
    const fifth = await start();
    await until('it is ready', () => logLines(fifth.stdout()).some(({ msg }) => msg === 'ready'));
    await fifth.stop();
    expect(linksIn(fifth.stdout())).toEqual([]);
  });

  it('after the first answers quickly', async () => {
    const began = performance.now();
    await runCommand(['--version'], { env });
    const slowness = timesVersion * (performance.now() - began);
    expect(Math.min(...tookToStart.slice(1))).toBeLessThan(Math.max(quickly, slowness));
  });

  it('that is told to stop before it is ready ends cleanly', async () => {
    const script = join(import.meta.dirname, '../../dist/main.js');
    const variables = {
      ...cleanEnvironment(),
      ...env,
      POSTERN_DATA_DIR: dataDir,
      POSTERN_MANAGEMENT_PORT: String(await freePort()),
    };
    const child = startChild(process.execPath, [script], { env: variables, cwd: folder.path });
    await until('it holds its folder', () => existsSync(join(dataDir, 'server.pid')));
    await delay(0);
    expect(await child.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(child.stderr()).toBe('');
  });
});

describe('an update that brings a migration', () => {
  it('copies the database first, and from the copy the former version starts again', async () => {
    const before = await start();
    await runCommand(['client', 'create', 'of-old', '--json'], { env: before.env });
    await before.stop();
    const file = join(dataDir, 'postern.db');
    const newer = join(folder.path, 'migrations');
    cpSync(migrationsFolder('sqlite'), newer, { recursive: true });
    const next = join(newer, '29990101000000_next');
    mkdirSync(next);
    writeFileSync(
      join(next, 'migration.sql'),
      'DELETE FROM client_secrets; DELETE FROM clients; CREATE TABLE next_thing (id TEXT PRIMARY KEY);',
    );
    const parts = { clock: systemClock, ids: createIds(systemClock, systemRandom) };
    await migrateDatabase({ url: `file:${file}`, folder: newer, ...parts });
    const copy = `${file}.before-29990101000000_next`;
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const refused = await expectRefusal({ dataDir, cwd: folder.path, env });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('restore a backup made before the update');
    for (const name of readdirSync(dataDir)) {
      if (/^postern\.db(-\w+)?$/.test(name)) rmSync(join(dataDir, name));
    }
    cpSync(copy, file);
    const again = await start();
    const shown = await runCommand(['client', 'show', 'of-old', '--json'], { env: again.env });
    expect(shown.code).toBe(0);
  });
});
