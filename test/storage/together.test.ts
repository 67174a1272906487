import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/foundation/db/database.ts';
import { violates } from '../../src/foundation/db/errors.ts';
import { bumpRevision, watchRevisions } from '../../src/foundation/db/revision.ts';
import { type Operation, statement, type Value } from '../../src/foundation/db/statement.ts';
import { AppError } from '../../src/foundation/errors.ts';
import { createMigrated, ENGINES, ids, type Server } from './kit/engines.ts';

const AUDIT = statement(
  'test.audit',
  "INSERT INTO audit_events (id, time, type, outcome, actor_kind, details, subject) VALUES (?1, ?2, 'user.created', 'success', 'system', '{}', ?3)",
);
const USER_ALIVE = statement('test.user-alive', 'SELECT 1 AS alive FROM users WHERE id = ?1 AND disabled_at IS NULL');
const USER = statement(
  'test.user',
  "INSERT INTO users (id, email, email_key, claims, created_at, updated_at) VALUES (?1, ?2, ?2, '{}', 1, 1)",
);
const NOWHERE = statement('test.nowhere', 'DELETE FROM nowhere WHERE id = ?1');
const SETTING = statement('test.setting', 'INSERT INTO settings (name, value, updated_at) VALUES (?1, ?2, 1)');
const NOW = 1_800_000_000_000;

const must = (of: typeof AUDIT, ...params: Value[]): Operation => ({ statement: of, params, mustHit: true });
const audit = (subject: string): Operation => must(AUDIT, ids.next(), NOW, subject);
const person = (id: string, email = id) => ({
  id,
  email,
  emailKey: email,
  claims: '{}',
  createdAt: BigInt(NOW),
  updatedAt: BigInt(NOW),
});
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each(ENGINES)('transactions of Prisma and prepared statements together on $name', ({ engine, start }) => {
  let server: Server;
  let database: Database;
  let key: string;

  beforeAll(async () => {
    server = await start();
    ({ database } = await createMigrated(server, 'together'));
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });
  beforeEach(() => {
    key = ids.next();
  });

  const stored = async (id: string) => ({
    users: await database.prisma.user.count({ where: { id } }),
    audits: await database.prisma.auditEvent.count({ where: { subject: id } }),
  });

  it('commits what both have written', async () => {
    const made = await database.together(async (tx, also) => {
      also(audit(key));
      const user = await tx.user.create({ data: person(key) });
      also(must(USER_ALIVE, key));
      return user;
    });
    expect(made).toMatchObject({ id: key, createdAt: BigInt(NOW), emailVerified: false, username: null });
    expect(await stored(key)).toEqual({ users: 1, audits: 1 });
  });

  it('stores nothing when an operation that joined finds no row', async () => {
    const error = await failure(
      database.together(async (tx, also) => {
        await tx.user.create({ data: person(key) });
        also(audit(key));
        also(must(USER_ALIVE, 'missing'));
      }),
    );
    expect(error).toMatchObject({ code: 'store_conflict', status: 409 });
    expect(await stored(key)).toEqual({ users: 0, audits: 0 });
  });

  it('stores nothing when an operation that joined finds its key taken', async () => {
    await database.commit({ operations: [must(SETTING, key, '1')], fallback: [] });
    const error = await failure(
      database.together(async (tx, also) => {
        await tx.user.create({ data: person(key) });
        also(must(SETTING, key, '2'));
      }),
    );
    expect(error).toMatchObject({ code: 'store_conflict' });
    expect(await stored(key)).toEqual({ users: 0, audits: 0 });
  });

  it('stores nothing when the work throws, and hands its error on as it came', async () => {
    const own = new AppError('weak_password', 400, 'Choose a longer one.');
    const error = await failure(
      database.together(async (tx, also) => {
        await tx.user.create({ data: person(key) });
        also(audit(key));
        throw own;
      }),
    );
    expect(error).toBe(own);
    const mistake = new TypeError('a mistake');
    expect(await failure(database.together(() => Promise.reject(mistake)))).toBe(mistake);
    expect(await stored(key)).toEqual({ users: 0, audits: 0 });
  });

  it('says which value is taken', async () => {
    await database.together((tx) => tx.user.create({ data: person(key) }));
    const error = await failure(database.together((tx) => tx.user.create({ data: person(`${key}2`, key) })));
    expect(error).toMatchObject({ code: 'store_unique', status: 409 });
    expect(violates(error, 'email_key')).toBe(true);
    expect(violates(error, 'username_key')).toBe(false);
    expect(violates(new Error('another'), 'email_key')).toBe(false);
  });

  it('quotes no value of a row in any error, which is logged', async () => {
    const canary = `canary-${key}`;
    await database.together((tx) => tx.user.create({ data: person(canary) }));
    const repeat = person(`${key}2`, canary);
    const inOperation = must(USER, `${key}3`, canary);
    const errors = [
      await failure(database.together((tx) => tx.user.create({ data: repeat }))),
      await failure(
        database.together(
          async (tx) => void (await tx.user.create({ data: { ...repeat, nothing: canary } as typeof repeat })),
        ),
      ),
      await failure(database.together(async (_, also) => also({ ...inOperation, mustHit: false }))),
      await failure(database.commit({ operations: [{ ...inOperation, mustHit: false }], fallback: [] })),
      await failure(database.commit({ operations: [must(NOWHERE, canary)], fallback: [] })),
      await failure(database.get(NOWHERE, [canary])),
    ];
    expect(errors.filter((error) => error instanceof AppError).length).toBeGreaterThan(2);
    expect(inspect(errors, { depth: 12 })).not.toContain(canary);
  });

  it('says when the row to change, or the one referred to, is missing', async () => {
    const change = database.together((tx) => tx.user.update({ where: { id: 'missing' }, data: { email: 'x' } }));
    expect(await failure(change)).toMatchObject({ code: 'store_missing', status: 404 });
    const refer = database.together((tx) =>
      tx.passwordCredential.create({ data: { userId: 'missing', hash: 'x', changedAt: 1n } }),
    );
    expect(await failure(refer)).toMatchObject({ code: 'store_missing' });
  });

  it('never says yes to a transaction in which an error was caught and the rest is lost', async () => {
    await database.together((tx) => tx.user.create({ data: person(key) }));
    const outcome = await failure(
      database.together(async (tx) => {
        await tx.user.create({ data: person(`${key}2`) });
        await failure(tx.user.create({ data: person(`${key}3`, key) }));
      }),
    );
    const { users } = await stored(`${key}2`);
    expect(users).toBe(outcome === undefined ? 1 : 0);
    // PostgreSQL ends the transaction with the first error in it; the others undo that statement alone.
    expect(outcome === undefined).toBe(engine !== 'postgresql');
  });

  it('writes a parent with its children, and takes them along when it is deleted', async () => {
    const roles = { create: [{ id: `${key}r`, role: 'super-admin', createdAt: 1n }] };
    await database.together((tx) => tx.user.create({ data: { ...person(key), roles } }));
    const found = await database.prisma.user.findUnique({ where: { id: key }, include: { roles: true } });
    expect(found?.roles).toMatchObject([{ role: 'super-admin', userId: key }]);
    await database.together((tx) => tx.user.delete({ where: { id: key } }));
    expect(await database.prisma.roleAssignment.count({ where: { userId: key } })).toBe(0);
  });

  it('refuses every write that does not come through together', async () => {
    const { prisma } = database;
    const attempts = [
      prisma.user.create({ data: person(key) }),
      prisma.user.updateMany({ data: { claims: '[]' } }),
      prisma.user.deleteMany({}),
      prisma.$executeRawUnsafe('DELETE FROM users'),
      prisma.$queryRawUnsafe('DELETE FROM users'),
      prisma.$transaction(async (tx) => tx.user.count()),
      prisma.$transaction([prisma.user.create({ data: person(key) })]),
    ];
    for (const attempt of attempts) expect(await failure(attempt)).toBeInstanceOf(Error);
    expect(await stored(key)).toEqual({ users: 0, audits: 0 });
  });

  it('refuses, without waiting, a transaction or an outer write inside a transaction', async () => {
    const inner = await database.together(async (tx) => {
      await tx.user.count();
      return [
        await failure(database.together((other) => other.user.count())),
        await failure(database.prisma.user.create({ data: person(key) })),
      ];
    });
    expect(inner).toEqual([expect.any(Error), expect.any(Error)]);
  });

  const onOneWriter = () => {
    it('begins once more what a machine that stood still has cut off, and no more than once', async () => {
      const standStill = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_100);
      const create = (stops: number) => {
        let runs = 0;
        return database.together(async (tx, also) => {
          runs += 1;
          await tx.user.create({ data: person(key) });
          also(audit(key));
          if (runs <= stops) standStill();
          await tx.user.count();
          return runs;
        });
      };
      expect(await failure(create(2))).toMatchObject({ code: 'store_busy', status: 503 });
      expect(await stored(key)).toEqual({ users: 0, audits: 0 });
      expect(await create(1)).toBe(2);
      expect(await stored(key)).toEqual({ users: 1, audits: 1 });
    });
  };
  // The other engines have no lease: their transactions hold up nobody else.
  if (engine === 'sqlite') onOneWriter();

  it('lets the outer client read inside a transaction, without what is not committed', async () => {
    const counts = await database.together(async (tx) => {
      await tx.user.create({ data: person(key) });
      return [await tx.user.count({ where: { id: key } }), await database.prisma.user.count({ where: { id: key } })];
    });
    expect(counts).toEqual([1, 0]);
  });

  it('keeps what each of many transactions collected apart', async () => {
    const keys = Array.from({ length: 12 }, (_, index) => `${key}-${index}`);
    await Promise.all(
      keys.map((id) =>
        database.together(async (tx, also) => {
          await tx.user.create({ data: person(id) });
          also(audit(id));
        }),
      ),
    );
    for (const id of keys) expect(await stored(id)).toEqual({ users: 1, audits: 1 });
  });

  it('refuses an operation that comes after the commit', async () => {
    let late: ((operation: Operation) => void) | undefined;
    await database.together(async (tx, also) => {
      late = also;
      await tx.user.count();
    });
    expect(() => late?.(audit(key))).toThrow('has ended');
  });

  it('gives one of 16 conditional changes of one row', async () => {
    await database.together((tx) => tx.user.create({ data: person(key) }));
    const disable = () =>
      database.together((tx) => tx.user.updateMany({ where: { id: key, disabledAt: null }, data: { disabledAt: 1n } }));
    const changes = await Promise.all(Array.from({ length: 16 }, disable));
    expect(changes.filter(({ count }) => count === 1)).toHaveLength(1);
  });

  it('orders, pages and filters alike, apart from where missing values stand', async () => {
    const names = ['b', null, 'a', 'ä', 'B'];
    await database.together((tx) =>
      tx.user.createMany({
        data: names.map((username, index) => ({ ...person(`${key}${index}`), username, createdAt: BigInt(index) })),
      }),
    );
    const mine = { id: { startsWith: key } };
    const byName = await database.prisma.user.findMany({
      where: { ...mine, username: { not: null } },
      orderBy: { username: 'asc' },
    });
    expect(byName.map((user) => user.username)).toEqual(['B', 'a', 'b', 'ä']);
    const second = await database.prisma.user.findMany({
      where: mine,
      orderBy: { createdAt: 'desc' },
      skip: 2,
      take: 2,
    });
    expect(second.map((user) => user.createdAt)).toEqual([2n, 1n]);
    const listed = await database.prisma.user.count({ where: { ...mine, username: { in: ['a', 'B', 'nobody'] } } });
    expect(listed).toBe(2);
  });

  it('keeps large numbers, and text of every script', async () => {
    const data = { ...person(key), claims: '{"name":"Ünï 漢字 🔑"}', createdAt: 9_007_199_254_740_993n };
    await database.together((tx) => tx.user.create({ data }));
    const found = await database.prisma.user.findUnique({ where: { id: key } });
    expect(found).toMatchObject({ claims: data.claims, createdAt: data.createdAt });
  });

  it('tells every process which revisions have moved', async () => {
    const told: string[][] = [];
    const watch = await watchRevisions({
      database,
      everyMs: 60_000,
      onChange: (names) => void told.push([...names].toSorted()),
    });
    await watch.check();
    await database.commit({ operations: [bumpRevision(key), bumpRevision(`${key}2`)], fallback: [] });
    await watch.check();
    await database.together(async (tx, also) => {
      await tx.user.count();
      also(bumpRevision(key));
    });
    await watch.check();
    await watch.check();
    watch.stop();
    expect(told).toEqual([[key, `${key}2`], [key]]);
  });
});
