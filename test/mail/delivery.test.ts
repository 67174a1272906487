import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyRing } from '../../src/foundation/crypto/key-ring.ts';
import { createIds } from '../../src/foundation/ids.ts';
import { createMailRoom, type MailRoom } from '../../src/foundation/mail/mail.ts';
import { createMailTransport } from '../../src/foundation/mail/transport.ts';
import { createOutbox, type MessageKind, type Outbox } from '../../src/foundation/outbox/outbox.ts';
import { systemRandom } from '../../src/foundation/random.ts';
import { createViews } from '../../src/foundation/views/render.ts';
import { openTestDatabase, type TestDatabase } from '../kit/database.ts';
import { createTestClock, type TestClock } from '../kit/features.ts';
import { MailServer } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';

const root = join(import.meta.dirname, '../..');
const issuer = 'https://login.northwind.example';
const keyRing = createKeyRing({ keys: [systemRandom.bytes(32)], random: systemRandom });
const minute = 60_000;

let opened: TestDatabase;
let server: MailServer;
let clock: TestClock;
let settled: string[];
let failures: string[];
let outbox: Outbox;
let room: MailRoom;

/** A node that sends the mails of the database that is open. */
function node(timeoutMs = 2_000): { outbox: Outbox; room: MailRoom } {
  const kinds: Record<string, MessageKind> = {};
  const ids = createIds(clock, systemRandom);
  const own = createOutbox({ database: opened.database, clock, ids, keyRing, kinds });
  const mail = { url: server.url, from: { name: 'Northwind', address: 'id@northwind.example' } };
  const made = createMailRoom({
    issuer,
    clock,
    ids,
    views: createViews({ viewsDir: join(root, 'views'), publicDir: join(root, 'public'), issuer }),
    outbox: own,
    transport: createMailTransport({ mail, issuer, outbound: { ca: undefined }, timeoutMs }),
    onFailure: (reason) => failures.push(reason),
    settled(_mail, outcome, reason) {
      settled.push(reason === undefined ? outcome : `${outcome}: ${reason}`);
      return [];
    },
  });
  if (made.kind) kinds['mail'] = made.kind;
  return { outbox: own, room: made };
}

beforeEach(async () => {
  opened = await openTestDatabase();
  server = new MailServer();
  await server.start();
  clock = createTestClock();
  settled = [];
  failures = [];
  ({ outbox, room } = node());
});
afterEach(async () => {
  await server.stop();
  await opened.close();
});

const put = (to = 'ada@example.org', until?: number) =>
  opened.database.commit({
    operations: [room.mail.put({ mail: 'test', to, language: 'en', locals: { at: clock.now() }, until })],
    fallback: [],
  });

describe('a queued mail', () => {
  it('arrives once, in HTML and as text, with what tells programs not to answer', async () => {
    await put();
    await outbox.deliverDue();
    await outbox.deliverDue();
    clock.advance(24 * 60 * minute);
    await outbox.deliverDue();
    expect(server.arrived).toHaveLength(1);
    const { headers, ...mail } = await server.mail();
    expect(mail).toMatchObject({
      recipients: ['ada@example.org'],
      from: 'id@northwind.example',
      subject: 'Mail from login.northwind.example arrives',
      text: expect.stringContaining('There is nothing to do.') as string,
      html: expect.stringContaining('<b>login.northwind.example</b>') as string,
      messageId: expect.stringMatching(/^<[0-9a-f-]{36}@login\.northwind\.example>$/) as string,
    });
    expect(headers).toContainEqual(expect.objectContaining({ key: 'auto-submitted', value: 'auto-generated' }));
    expect(settled).toEqual(['delivered']);
    expect(room.mail.note()).toBeUndefined();
  });

  it('waits for a server that is down, and goes when it is back', async () => {
    await server.stop();
    await put();
    await outbox.deliverDue();
    expect(failures).toEqual([expect.stringMatching(/cannot be reached|connection .* failed/)]);
    expect(room.mail.note()).toContain('the last mail was not sent');
    await server.start();
    clock.advance(5_000);
    await outbox.deliverDue();
    expect(server.arrived).toHaveLength(1);
    expect(settled).toEqual(['delivered']);
    expect(room.mail.note()).toBeUndefined();
  });

  it.each(['connect', 'recipient', 'data'] as const)('is tried again after a 4xx at %s', async (at) => {
    server.mood = { at, code: 451 };
    await put();
    await outbox.deliverDue();
    expect(server.arrived).toEqual([]);
    expect(settled).toEqual([]);
    server.mood = undefined;
    clock.advance(5_000);
    await outbox.deliverDue();
    expect(server.arrived).toHaveLength(1);
    expect(settled).toEqual(['delivered']);
  });

  it.each([
    ['recipient', 550, 'The mail server refused the recipient (550).'],
    ['data', 554, 'The mail server refused the mail (554).'],
  ] as const)('is given up at once after a 5xx at %s, in words without an address', async (at, code, words) => {
    server.mood = { at, code };
    await put();
    await outbox.deliverDue();
    expect(settled).toEqual([`abandoned: ${words}`]);
    server.mood = undefined;
    clock.advance(24 * 60 * minute);
    await outbox.deliverDue();
    expect(server.arrived).toEqual([]);
  });

  it('outlives a server that refuses everybody for a while', async () => {
    server.mood = { at: 'connect', code: 554 };
    await put();
    await outbox.deliverDue();
    expect(settled).toEqual([]);
    server.mood = undefined;
    clock.advance(5_000);
    await outbox.deliverDue();
    expect(settled).toEqual(['delivered']);
  });

  it.each(['connect', 'data'] as const)('gives up waiting for a server that is slow at %s', async (at) => {
    let answer: (() => void) | undefined;
    server.mood = {
      at,
      wait: new Promise((resolve) => {
        answer = resolve;
      }),
    };
    await put();
    const slow = node(300);
    await slow.outbox.deliverDue();
    expect(failures).toEqual(['The mail server did not answer in time.']);
    answer?.();
    server.mood = undefined;
    clock.advance(5_000);
    await outbox.deliverDue();
    expect(settled).toEqual(['delivered']);
  });

  it('may come twice when the answer was lost, then under the same message id', async () => {
    server.mood = { at: 'data', dropAfter: true };
    await put();
    await outbox.deliverDue();
    server.mood = undefined;
    await server.start();
    clock.advance(5_000);
    await outbox.deliverDue();
    expect(server.arrived).toHaveLength(2);
    expect(new Set(server.arrived.map(({ messageId }) => messageId)).size).toBe(1);
    expect(settled).toEqual(['delivered']);
  });

  it('goes out once when the process dies after the server took it and another finds it delivered late', async () => {
    await put();
    let answer: (() => void) | undefined;
    server.mood = {
      at: 'data',
      wait: new Promise((resolve) => {
        answer = resolve;
      }),
    };
    const dying = outbox.deliverDue();
    const other = node();
    // The claim of the first node is alive: the second one keeps its hands off.
    clock.advance(29_000);
    await other.outbox.deliverDue();
    answer?.();
    await dying;
    await other.outbox.deliverDue();
    expect(server.arrived).toHaveLength(1);
    expect(settled).toEqual(['delivered']);
  });

  it('is left to the next start when the server stops while the mail server takes its time', async () => {
    let answer: (() => void) | undefined;
    server.mood = {
      at: 'connect',
      wait: new Promise((resolve) => {
        answer = resolve;
      }),
    };
    await put();
    const stopping = node(60_000);
    const round = stopping.outbox.deliverDue();
    await until(
      'it is being sent',
      async () => (await opened.database.prisma.outboxMessage.count({ where: { attempts: 1 } })) === 1,
    );
    stopping.room.close();
    await round;
    expect(failures).toEqual(['This server stopped before the mail server had answered.']);
    answer?.();
    server.mood = undefined;
    clock.advance(5_000);
    await outbox.deliverDue();
    expect(settled).toEqual(['delivered']);
  });

  it('is not sent once it is of no use', async () => {
    await put('ada@example.org', clock.now() + minute);
    clock.advance(minute);
    await outbox.deliverDue();
    expect(server.arrived).toEqual([]);
    expect(settled).toEqual(['abandoned: It came too late to be of use.']);
  });

  it.each(['ada,eve@example.org', 'eve@evil.example>,<ada@example.org', '"eve@evil.example"@example.org'])(
    'never reaches anybody but %s',
    async (to) => {
      await put(to);
      await outbox.deliverDue();
      // A comma in the part before the @ is quoted, as RFC 5321 §4.1.2 has it.
      const reached = server.arrived.flatMap(({ recipients }) => recipients).map((one) => one.replaceAll('"', ''));
      expect(reached.filter((one) => one !== to)).toEqual([]);
    },
  );

  it('cannot be read in the table', async () => {
    await put('canary@example.org');
    const rows = await opened.database.prisma.outboxMessage.findMany();
    expect(JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      'canary',
    );
  });
});
