import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestFeatures } from '../../../test/kit/features.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { AuditEvent } from './module.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

let features: Features;
beforeEach(async () => {
  features = await openTestFeatures();
});
afterEach(() => features.close());

const store = (...operations: (Operation | undefined)[]) =>
  features.database.commit({ operations: operations.filter((one) => one !== undefined), fallback: [] });

const signIn: AuditEvent = {
  type: 'session.started',
  outcome: 'success',
  actor: { kind: 'user', id: 'u1' },
  subject: 'u1',
};
const refused: AuditEvent = {
  type: 'token.refused',
  outcome: 'denied',
  reason: 'invalid_client',
  actor: { kind: 'anonymous' },
};

describe('an audit event', () => {
  it('is stored with everything it was given and found again', async () => {
    const event: AuditEvent = { ...signIn, client: 'web', session: 's1', details: { acr: 'pwd' } };
    await store(
      features.audit.record(event, { ip: '192.0.2.1', userAgent: 'Firefox', requestId: 'r1', traceId: 't1' }),
    );
    const [found] = await features.audit.search({ limit: 10 });
    expect(found).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      time: '2026-05-01T12:00:00.000Z',
      type: 'session.started',
      outcome: 'success',
      actor: { kind: 'user', id: 'u1' },
      subject: 'u1',
      client: 'web',
      session: 's1',
      ip: '192.0.2.1',
      user_agent: 'Firefox',
      request_id: 'r1',
      trace_id: 't1',
      details: { acr: 'pwd' },
    });
  });

  it('takes whatever strangers send: too long, NUL, half a surrogate pair, a cycle', async () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const agent = `a\0b\ud800${'🙂'.repeat(2000)}`;
    await store(
      features.audit.record(
        { ...signIn, details: { odd: `x\0\ud800` } },
        { userAgent: agent, requestId: 'x'.repeat(5000) },
      ),
      features.audit.record({ ...signIn, details: cycle }, {}),
      features.audit.record({ ...signIn, details: { big: 10n } }, {}),
      features.audit.record({ ...signIn, details: { list: Array.from({ length: 9000 }, () => 'word') } }, {}),
    );
    const events = await features.audit.search({ limit: 10 });
    expect(events).toHaveLength(4);
    const first = events.find(({ user_agent }) => user_agent !== undefined);
    expect(Array.from(first?.user_agent ?? '')).toHaveLength(512);
    expect(first?.user_agent?.startsWith('ab\ufffd🙂')).toBe(true);
    expect(first?.user_agent?.isWellFormed()).toBe(true);
    expect(first?.request_id).toHaveLength(191);
    expect(first?.details).toEqual({ odd: 'x\ufffd' });
  });

  it('is found by person, client, request, type and time, the newest when there are too many', async () => {
    const { audit, clock } = features;
    await store(audit.record(signIn, { requestId: 'r1' }));
    clock.advance(1000);
    await store(
      audit.record({ ...refused, client: 'web' }, { requestId: 'r2' }),
      audit.record({ ...signIn, type: 'user.disabled', actor: { kind: 'user', id: 'admin' } }, { requestId: 'r3' }),
    );
    const typesOf = async (filter: Partial<Parameters<typeof audit.search>[0]>) =>
      (await audit.search({ limit: 10, ...filter })).map(({ type }) => type);
    expect(await typesOf({ user: 'u1' })).toEqual(['session.started', 'user.disabled']);
    expect(await typesOf({ user: 'admin' })).toEqual(['user.disabled']);
    expect(await typesOf({ client: 'web' })).toEqual(['token.refused']);
    expect(await typesOf({ request: 'r1' })).toEqual(['session.started']);
    expect(await typesOf({ request: 'r1', since: clock.now() })).toEqual([]);
    expect(await typesOf({ type: 'session.started' })).toEqual(['session.started']);
    expect(await typesOf({ since: clock.now() })).toHaveLength(2);
    expect(await typesOf({ limit: 2 })).not.toContain('session.started');
    expect(await typesOf({ user: 'nobody' })).toEqual([]);
  });

  it('is found by the request that it came from, among many', async () => {
    const { audit, clock, ids } = features;
    const request = ids.next();
    await store(audit.record(signIn, { requestId: request }));
    clock.advance(20_000);
    await store(audit.record(refused, { requestId: request }), audit.record(refused, { requestId: ids.next() }));
    const found = await audit.search({ request, limit: 10 });
    expect(found.map(({ type }) => type)).toEqual(['session.started', 'token.refused']);
    expect(await audit.search({ request: ids.next(), limit: 10 })).toEqual([]);
  });

  it('is told as one line in words, whatever is in it', async () => {
    const { audit } = features;
    await store(
      audit.record(
        { ...signIn, client: 'web\u001b[31m\nroot', details: { acr: 'pwd' } },
        { ip: '192.0.2.1', requestId: 'r1' },
      ),
    );
    const [event] = await audit.search({ limit: 1 });
    expect(event && audit.tell(event)).toBe(
      '2026-05-01T12:00:00.000Z  person u1 signed in to app web [31m root, from 192.0.2.1, request r1 (acr pwd)',
    );
  });

  it('leaves out of its sentence what is not known', async () => {
    const { audit } = features;
    await store(audit.record({ ...refused, count: 3 }, {}));
    const [event] = await audit.search({ limit: 1 });
    expect(event && audit.tell(event)).toBe(
      '2026-05-01T12:00:00.000Z  somebody was refused tokens: invalid client, 3 times within a minute',
    );
  });
});

describe('refusals before authentication', () => {
  const key = { address: '192.0.2.1', client: 'web', reason: 'invalid_client' };
  const facts = { ip: '192.0.2.1' };
  const counts = async () =>
    (await features.audit.search({ limit: 10_000 })).map(({ details }) => (details.count ?? 1) as number);

  it('are one row a minute with a count', async () => {
    const { coalesce } = features.audit;
    const first = coalesce.refusal(key, refused, facts);
    expect(first).toBeDefined();
    await store(first);
    for (let n = 0; n < 99; n++) expect(coalesce.refusal(key, refused, facts)).toBeUndefined();
    expect(coalesce.flushDue()).toEqual([]);
    features.clock.advance(60_000);
    await store(...coalesce.flushDue());
    expect(await counts()).toEqual([100]);
    expect(coalesce.flushDue()).toEqual([]);
    expect(coalesce.refusal(key, refused, facts)).toBeDefined();
  });

  it('that differ in address, client or reason are rows of their own', () => {
    const { coalesce } = features.audit;
    const rows = [
      key,
      { ...key, address: '192.0.2.2' },
      { ...key, client: 'other' },
      { ...key, reason: 'invalid_request' },
    ];
    expect(rows.map((one) => coalesce.refusal(one, refused, facts))).not.toContain(undefined);
  });

  it('store their count even when the unit of the first one was lost', async () => {
    const { coalesce } = features.audit;
    coalesce.refusal(key, refused, facts);
    coalesce.refusal(key, refused, facts);
    await store(...coalesce.flushAll());
    expect(await counts()).toEqual([2]);
  });

  it('with made-up client ids or borrowed addresses cost a bounded number of rows, and every one is counted', async () => {
    const { coalesce } = features.audit;
    const operations: (Operation | undefined)[] = [];
    for (let n = 0; n < 500; n++) operations.push(coalesce.refusal({ ...key, client: `made-up-${n}` }, refused, facts));
    for (let n = 0; n < 500; n++) {
      const address = `2001:db8:0:1::${n.toString(16)}`;
      operations.push(coalesce.refusal({ ...key, address }, refused, { ip: address }));
    }
    expect(operations.filter((one) => one !== undefined)).toHaveLength(34);
    for (let n = 0; n < 6000; n++) {
      const address = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
      operations.push(coalesce.refusal({ ...key, address }, refused, { ip: address }));
    }
    const rows = operations.filter((one) => one !== undefined);
    expect(rows.length).toBeLessThanOrEqual(5001);
    await store(...rows);
    features.clock.advance(60_001);
    await store(...coalesce.flushDue());
    expect((await counts()).reduce((sum, count) => sum + count, 0)).toBe(7000);
  });
});
