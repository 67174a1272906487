import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKeyRing } from '../../src/foundation/crypto/key-ring.ts';
import type { Database } from '../../src/foundation/db/database.ts';
import { openDatabase } from '../../src/foundation/db/open.ts';
import { type Operation, type Row, statement, type Value } from '../../src/foundation/db/statement.ts';
import { createOutbox, type Deliver, Undeliverable } from '../../src/foundation/outbox/outbox.ts';
import { systemRandom } from '../../src/foundation/random.ts';
import { createTestClock, type TestClock } from '../kit/features.ts';
import { patiently } from '../kit/until.ts';
import { createMigrated, ENGINES, ids, type Server } from './kit/engines.ts';

const keyRing = createKeyRing({ keys: [systemRandom.bytes(32)], random: systemRandom });
const minute = 60_000;
const hour = 60 * minute;
const ISSUE = statement('test.issue', "INSERT INTO artifacts (id, kind, payload) VALUES (?1, 'code', '{}')");
const SETTLED = statement(
  'test.settled',
  "INSERT INTO audit_events (id, time, type, outcome, actor_kind, details, subject, reason) VALUES (?1, 1, ?2, 'success', 'system', '{}', ?3, ?4)",
);
const must = (of: typeof ISSUE, ...params: Value[]): Operation => ({ statement: of, params, mustHit: true });

describe.each(ENGINES)('the outbox on $name', ({ start }) => {
  let server: Server;
  let database: Database;
  let other: Database;
  let clock: TestClock;
  let kind: string;

  beforeAll(async () => {
    server = await start();
    const made = await createMigrated(server, 'outbox');
    database = made.database;
    other = await openDatabase({ url: made.url });
    clock = createTestClock();
  });
  afterAll(async () => {
    await other?.close();
    await database?.close();
    await server?.stop();
  });
  beforeEach(() => {
    kind = ids.next();
  });

  const rows = (sql: string, ...params: Value[]) => database.all<Row>(statement('test.rows', sql), params);
  const message = async () => (await rows('SELECT * FROM outbox_messages WHERE kind = ?1', kind))[0];
  const audited = () => rows('SELECT type, reason FROM audit_events WHERE subject = ?1 ORDER BY id', kind);
  /** A node that delivers messages of the test's own kind, by `deliver`. */
  const node = (deliver: Deliver, on = database) =>
    createOutbox({
      database: on,
      clock,
      ids,
      keyRing,
      kinds: {
        [kind]: {
          deliver,
          settled: (_body, outcome, error) => [must(SETTLED, ids.next(), outcome, kind, error ?? null)],
        },
      },
    });
  const put = async (body: unknown = { to: 'app' }) => {
    const operations = [must(ISSUE, ids.next()), node(async () => {}).put(kind, body)];
    expect(await database.commit({ operations, fallback: [] })).toEqual({ committed: true });
  };
  const refuse = async () => {
    throw new Error('nobody there');
  };

  it('takes a message with the change that causes it, or neither', async () => {
    const change = ids.next();
    const both = () => [node(refuse).put(kind, {}), must(ISSUE, change)];
    await database.commit({ operations: both(), fallback: [] });
    expect(await database.commit({ operations: both(), fallback: [] })).toEqual({ committed: false, lostAt: 1 });
    expect(await rows('SELECT id FROM outbox_messages WHERE kind = ?1', kind)).toHaveLength(1);
  });

  it('delivers what was put, which nobody can read in the table, and empties it', async () => {
    const deliver = vi.fn<Deliver>(async () => {});
    await put({ to: 'app', secret: `canary ${kind}` });
    expect(JSON.stringify(await message())).not.toContain('canary');
    await node(deliver).deliverDue();
    expect(deliver.mock.calls).toEqual([[{ to: 'app', secret: `canary ${kind}` }]]);
    expect(await message()).toMatchObject({ body: '', delivered_at: clock.now(), abandoned_at: null, attempts: 1 });
    expect(await audited()).toEqual([{ type: 'delivered', reason: null }]);
    clock.advance(hour);
    await node(deliver).deliverDue();
    expect(deliver).toHaveBeenCalledTimes(1);
  });

  it('delivers each message once, when two nodes see it due', async () => {
    const delivered: unknown[] = [];
    const deliver: Deliver = async (body) => void delivered.push(body);
    for (let number = 0; number < 20; number += 1) await put(number);
    await Promise.all([database, other, database, other].map((on) => node(deliver, on).deliverDue()));
    expect(delivered.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from(Array(20).keys()));
    expect(await audited()).toHaveLength(20);
  });

  it('takes the messages that wait longest first, a few at a time', async () => {
    const delivered: unknown[] = [];
    for (let number = 0; number < 25; number += 1) {
      await put(number);
      clock.advance(1);
    }
    const { deliverDue } = node(async (body) => void delivered.push(body));
    await deliverDue();
    expect(delivered.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from(Array(20).keys()));
    await deliverDue();
    expect(delivered).toHaveLength(25);
  });

  it('tries again after ever longer waits, for more than half a day, then gives up and says so', async () => {
    await put();
    const deliver = vi.fn<Deliver>(refuse);
    const { deliverDue } = node(deliver);
    const waits = [5_000, 30_000, 2 * minute, 10 * minute, 30 * minute, 2 * hour, 5 * hour, 5 * hour, 5 * hour];
    for (const [index, wait] of waits.entries()) {
      await deliverDue();
      expect(deliver).toHaveBeenCalledTimes(index + 1);
      expect(await message()).toMatchObject({ last_error: 'nobody there', next_at: clock.now() + wait });
      clock.advance(wait - 1);
      await deliverDue();
      expect(deliver).toHaveBeenCalledTimes(index + 1);
      clock.advance(1);
    }
    expect(await audited()).toEqual([]);
    await deliverDue();
    expect(await message()).toMatchObject({ body: '', abandoned_at: clock.now(), delivered_at: null, attempts: 10 });
    expect(await audited()).toEqual([{ type: 'abandoned', reason: 'nobody there' }]);
    clock.advance(24 * hour);
    await deliverDue();
    expect(deliver).toHaveBeenCalledTimes(10);
  });

  it('keeps what far ends say when they refuse, cut and cleaned, whatever it is', async () => {
    await put();
    await node(async () => {
      throw new Error(`a\0b\ud800${'x'.repeat(600)}`);
    }).deliverDue();
    expect(await message()).toMatchObject({ last_error: expect.stringMatching(/^ab.{1}x{497}$/u) as string });
    clock.advance(5_000);
    await node(() => Promise.reject('no error at all')).deliverDue();
    expect(await message()).toMatchObject({ last_error: 'failed' });
  });

  it('frees the message of a node that died in the middle after half a minute', async () => {
    await put();
    let dying: (() => void) | undefined;
    const died = new Promise<undefined>((resolve) => {
      dying = () => resolve(undefined);
    });
    const dead = node(() => died).deliverDue();
    const deliver = vi.fn<Deliver>(async () => {});
    await vi.waitFor(async () => expect((await message())?.['attempts']).toBe(1), patiently);
    clock.advance(29_999);
    await node(deliver, other).deliverDue();
    expect(deliver).not.toHaveBeenCalled();
    clock.advance(1);
    await node(deliver, other).deliverDue();
    expect(deliver).toHaveBeenCalledTimes(1);
    // It was only slow: what the other node settled stays as it is, and is told once.
    dying?.();
    await dead;
    expect(await audited()).toHaveLength(1);
  });

  it('lets no late failure bring back what another node delivered', async () => {
    await put();
    let fail: (() => void) | undefined;
    const failing = new Promise<undefined>((_, reject) => {
      fail = () => reject(new Error('too late'));
    });
    const slow = node(() => failing).deliverDue();
    await vi.waitFor(async () => expect((await message())?.['attempts']).toBe(1), patiently);
    clock.advance(30_000);
    await node(async () => {}, other).deliverDue();
    fail?.();
    await slow;
    expect(await message()).toMatchObject({ delivered_at: clock.now(), last_error: null });
  });

  it('leaves messages of a kind that it does not know to a newer node, untouched', async () => {
    await put();
    const before = await message();
    const old = createOutbox({
      database,
      clock,
      ids,
      keyRing,
      kinds: { other: { deliver: refuse, settled: () => [] } },
    });
    await old.deliverDue();
    expect(await message()).toEqual(before);
  });

  it('delivers the others when one cannot be read, and says so', async () => {
    await put(1);
    await database.together((tx) => tx.outboxMessage.updateMany({ where: { kind }, data: { body: 'broken' } }));
    await put(2);
    const deliver = vi.fn<Deliver>(async () => {});
    await expect(node(deliver).deliverDue()).rejects.toMatchObject({ code: 'decrypt_failed' });
    expect(deliver.mock.calls).toEqual([[2]]);
    expect(await audited()).toHaveLength(1);
  });

  it('commits what a delivery resolves to with the note that it was delivered', async () => {
    await put();
    const made = ids.next();
    await node(async () => [must(ISSUE, made)]).deliverDue();
    expect(await rows('SELECT id FROM artifacts WHERE id = ?1', made)).toHaveLength(1);
    expect(await message()).toMatchObject({ delivered_at: clock.now() });
  });

  it('gives up at once what no later try would deliver', async () => {
    await put();
    const deliver = vi.fn<Deliver>(() => Promise.reject(new Undeliverable('nobody of that name')));
    const { deliverDue } = node(deliver);
    await deliverDue();
    clock.advance(24 * hour);
    await deliverDue();
    expect(deliver).toHaveBeenCalledTimes(1);
    expect(await audited()).toEqual([{ type: 'abandoned', reason: 'nobody of that name' }]);
  });

  it('lets no late failure put off what another node is delivering', async () => {
    await put();
    let fail: (() => void) | undefined;
    const slow = node(
      () =>
        new Promise<undefined>((_, reject) => {
          fail = () => reject(new Undeliverable('too late'));
        }),
    ).deliverDue();
    await vi.waitFor(async () => expect((await message())?.['attempts']).toBe(1), patiently);
    clock.advance(30_000);
    let finish: (() => void) | undefined;
    const second = node(
      () =>
        new Promise<undefined>((resolve) => {
          finish = () => resolve(undefined);
        }),
      other,
    ).deliverDue();
    await vi.waitFor(async () => expect((await message())?.['attempts']).toBe(2), patiently);
    fail?.();
    await slow;
    expect(await message()).toMatchObject({ abandoned_at: null, delivered_at: null, last_error: null });
    await vi.waitFor(() => expect(finish).toBeDefined(), patiently);
    finish?.();
    await second;
    expect(await audited()).toEqual([{ type: 'delivered', reason: null }]);
  });

  it('sweeps what was settled before the given time, and nothing that waits', async () => {
    const count = async () =>
      Number((await rows('SELECT count(*) AS n FROM outbox_messages WHERE kind = ?1', kind))[0]?.['n']);
    const sweep = (before: number) => database.commit({ operations: [node(refuse).sweep(before)], fallback: [] });
    clock.advance(1);
    await put('delivered');
    await node(async () => {}).deliverDue();
    const settledAt = clock.now();
    clock.advance(1);
    await put('waits');
    await node(refuse).deliverDue();
    await sweep(settledAt);
    expect(await count()).toBe(2);
    await sweep(settledAt + 1);
    expect(await count()).toBe(1);
    clock.advance(100 * 24 * hour);
    await sweep(clock.now());
    expect(await message()).toMatchObject({ delivered_at: null, last_error: 'nobody there' });
  });
});
