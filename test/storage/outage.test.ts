import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/foundation/db/database.ts';
import { migrateDatabase } from '../../src/foundation/db/migrate.ts';
import { openDatabase } from '../../src/foundation/db/open.ts';
import { type Row, statement } from '../../src/foundation/db/statement.ts';
import { startMariadb } from '../kit/services/mariadb.ts';
import { startPostgres } from '../kit/services/postgres.ts';
import { ids, migrating } from './kit/engines.ts';
import { type FaultyProxy, startProxy } from './kit/proxy.ts';

const PUT = statement('test.put', 'INSERT INTO settings (name, value, updated_at) VALUES (?1, ?2, 1)');
const COUNT = statement('test.count', 'SELECT count(*) AS n FROM settings WHERE name = ?1');
const put = (name: string) => ({ operations: [{ statement: PUT, params: [name, '1'], mustHit: true }], fallback: [] });

const UNAVAILABLE = { code: 'store_unavailable', status: 503, retryAfter: 1 };
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Repeats until it succeeds; the test's own time limit ends it otherwise. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

const SERVERS = [
  { name: 'PostgreSQL', start: startPostgres, commit: 'COMMIT' },
  // The command's own code stands before it: another statement has `READ COMMITTED` in it.
  { name: 'MariaDB', start: startMariadb, commit: '\u0003COMMIT' },
];

describe.each(SERVERS)('when the network or $name fails', ({ start, commit }) => {
  let server: Awaited<ReturnType<typeof startPostgres | typeof startMariadb>>;
  let proxy: FaultyProxy;
  let database: Database;
  let url: string;

  beforeAll(async () => {
    server = await start();
    proxy = await startProxy(server);
    await migrateDatabase(migrating(server.url));
    url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
    database = await openDatabase({ url });
  });
  afterAll(async () => {
    await proxy?.close();
    await database?.close();
    await server?.stop();
  });

  const stored = async (name: string): Promise<number> =>
    Number((await eventually(() => database.get<Row>(COUNT, [name])))?.n);

  it('does not guess the outcome of a commit whose answer was lost, and does not repeat it', async () => {
    const name = ids.next();
    proxy.cutAfter(commit);
    expect(await failure(database.commit(put(name)))).toMatchObject(UNAVAILABLE);
    expect(await stored(name)).toBe(1);
    await eventually(() => database.commit(put(`${name}2`)));
  });

  it('does not guess it for a Prisma transaction either', async () => {
    const name = ids.next();
    let runs = 0;
    proxy.cutAfter(commit);
    const change = database.together(async (tx) => {
      runs += 1;
      await tx.setting.create({ data: { name, value: '1', updatedAt: 1n } });
    });
    expect(await failure(change)).toMatchObject(UNAVAILABLE);
    expect(runs).toBe(1);
    expect(await stored(name)).toBe(1);
  });

  it('stores nothing of a unit that is cut off before its commit', async () => {
    const name = ids.next();
    await database.commit(put(`${name}0`));
    proxy.cutAfter(name);
    expect(await failure(database.commit(put(name)))).toMatchObject(UNAVAILABLE);
    expect(await stored(name)).toBe(0);
  });

  it('gives every call a limit while nothing answers, then refuses at once, and recovers', async () => {
    await eventually(() => database.ping());
    proxy.freeze();
    const first = await timed(async () => expect(await failure(database.ping())).toMatchObject(UNAVAILABLE));
    expect(first).toBeLessThan(10_000);
    const calls = [
      () => database.ping(),
      () => database.commit(put('frozen')),
      () => database.get(COUNT, ['x']),
      () => database.together((tx) => tx.user.count()),
    ];
    const refused = await timed(async () => {
      for (const call of calls) expect(await failure(call())).toMatchObject(UNAVAILABLE);
    });
    expect(refused).toBeLessThan(2_000);
    proxy.thaw();
    await eventually(() => database.ping());
    await eventually(() => database.commit(put(ids.next())));
    await eventually(() => database.prisma.setting.count());
  });

  it('names the database it cannot reach, without the password, when it is opened', async () => {
    const target = new URL(url);
    target.port = '1';
    target.password = 'hidden-word';
    const nobody = target.href;
    for (const attempt of [() => openDatabase({ url: nobody }), () => migrateDatabase(migrating(nobody))]) {
      const error = await failure(attempt());
      expect(error).toMatchObject({ code: 'store_unavailable' });
      expect(String(error)).toMatch(/postern at 127\.0\.0\.1:1 cannot be reached/);
      expect(String(error)).not.toContain('hidden-word');
    }
  });

  it('refuses everything once the server is gone', async () => {
    await server.kill9();
    const calls = [
      () => database.ping(),
      () => database.commit(put('gone')),
      () => database.get(COUNT, ['x']),
      () => database.prisma.setting.count(),
      () => database.together((tx) => tx.setting.count()),
    ];
    for (const call of calls) expect(await failure(call())).toMatchObject({ code: 'store_unavailable' });
  });
});
