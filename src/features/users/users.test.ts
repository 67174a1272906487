import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventTypesOf, openTestFeatures } from '../../../test/kit/features.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { byOperator } from '../audit/module.ts';
import { loginKey } from './module.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

let features: Features;
beforeEach(async () => {
  features = await openTestFeatures();
});
afterEach(() => features.close());

const ada = { email: 'Ada@Example.org', email_verified: true, username: 'Ada', claims: { name: 'Ada Lovelace' } };
const noEndings = async () => [];

describe('an account', () => {
  it('is created with its roles and found by id, address and username', async () => {
    const { users } = features;
    const created = await users.create({ ...ada, roles: ['super-admin'] }, byOperator);
    expect(created).toMatchObject({
      email: 'Ada@Example.org',
      emailVerified: true,
      username: 'Ada',
      claims: { name: 'Ada Lovelace' },
      roles: ['super-admin'],
      createdAt: features.clock.now(),
    });
    expect(created).not.toHaveProperty('disabledAt');
    expect(await users.find(created.id)).toEqual(created);
    for (const login of ['ada@example.org', '  ADA@example.ORG ', 'ada', 'ADA']) {
      expect(await users.findByLogin(login)).toEqual(created);
    }
    for (const login of ['', 'nobody', 'a@b', '\0', '\ud800', 'x'.repeat(5000)]) {
      expect(await users.findByLogin(login)).toBeUndefined();
    }
    expect(await eventTypesOf(features)).toEqual(['admin.created', 'user.created']);
  });

  it('is found however its letters were composed', async () => {
    const created = await features.users.create({ email: 'zoe\u0308@example.org' }, byOperator);
    expect((await features.users.findByLogin('ZO\u00cb@example.org'))?.id).toBe(created.id);
    expect(loginKey('zoe\u0308')).toBe(loginKey('Zo\u00eb'));
  });

  it('is refused with everything that is wrong, and not stored', async () => {
    const { users } = features;
    const wrong = { email: 'no address', username: 'a b', claims: { name: '', picture: 'javascript:alert(1)' } };
    await expect(users.create(wrong, byOperator)).rejects.toMatchObject({
      code: 'user_refused',
      fields: {
        email: 'must be an e-mail address',
        username: 'must not contain spaces or @',
        'claims.name': expect.any(String),
        'claims.picture': expect.any(String),
      },
    });
    const long = {
      email: 'a@example.org',
      claims: { address: { formatted: 'x'.repeat(1000) }, name: 'x'.repeat(999) },
    };
    await users.create(long, byOperator);
    const names = [
      'name',
      'given_name',
      'family_name',
      'middle_name',
      'nickname',
      'gender',
      'zoneinfo',
      'locale',
      'phone_number',
    ];
    const longer = {
      email: 'b@example.org',
      claims: Object.fromEntries(names.map((name) => [name, 'x'.repeat(1000)])),
    };
    await expect(users.create(longer, byOperator)).rejects.toMatchObject({ fields: { claims: expect.any(String) } });
    expect(await users.list({ limit: 10 })).toHaveLength(1);
  });

  it('shares neither address nor username with another one', async () => {
    const { users } = features;
    await users.create(ada, byOperator);
    await expect(users.create({ email: 'ADA@example.org' }, byOperator)).rejects.toMatchObject({
      code: 'user_email_taken',
    });
    const sameName = users.create({ email: 'other@example.org', username: 'ADA' }, byOperator);
    await expect(sameName).rejects.toMatchObject({ code: 'user_username_taken' });
    expect(await eventTypesOf(features)).toEqual(['user.created']);
  });

  it('commits with what belongs to it, or not at all', async () => {
    const { users } = features;
    const lost = users.create(ada, byOperator, async () => [users.links.use('set-up', 'no such secret')]);
    await expect(lost).rejects.toMatchObject({ code: 'store_conflict' });
    expect(await users.findByLogin('ada')).toBeUndefined();
    expect(await eventTypesOf(features)).toEqual([]);
  });

  it('is brought to another state, only where it differs', async () => {
    const { users } = features;
    const { id } = await users.create(ada, byOperator);
    const wanted = {
      email: 'ada@example.org',
      email_verified: true,
      claims: { name: 'Ada King' },
      roles: ['super-admin' as const],
    };
    expect(await users.preview(id, wanted)).toEqual(['email', 'username', 'claims', 'roles']);
    expect(await users.update(id, wanted, byOperator)).toEqual(['email', 'username', 'claims', 'roles']);
    const user = await users.find(id);
    expect(user).toMatchObject({ email: 'ada@example.org', claims: { name: 'Ada King' }, roles: ['super-admin'] });
    expect(user).not.toHaveProperty('username');
    expect(await users.update(id, wanted, byOperator)).toEqual([]);
    expect(await users.update(id, { ...wanted, roles: [] }, byOperator)).toEqual([]);
    expect((await users.find(id))?.roles).toEqual(['super-admin']);
    expect(await eventTypesOf(features)).toEqual(['admin.created', 'user.created', 'user.updated']);
    await expect(users.update('nobody', wanted, byOperator)).rejects.toMatchObject({ code: 'user_unknown' });
  });

  it('is disabled with everything it holds, once, and enabled again', async () => {
    const { users, audit } = features;
    const { id } = await users.create(ada, byOperator);
    const endings = async (accountId: string) => [
      audit.record({ type: 'session.ended', outcome: 'success', actor: byOperator.actor, subject: accountId }, {}),
    ];
    expect(await users.disable(id, byOperator, endings)).toBe(true);
    expect((await users.find(id))?.disabledAt).toBe(features.clock.now());
    expect(await users.disable(id, byOperator, noEndings)).toBe(false);
    expect(await users.enable(id, byOperator, async () => [])).toBe(true);
    expect(await users.enable(id, byOperator, async () => [])).toBe(false);
    expect(await users.find(id)).not.toHaveProperty('disabledAt');
    await users.signOut(id, byOperator, endings);
    expect(await eventTypesOf(features)).toEqual([
      'session.ended',
      'session.ended',
      'user.created',
      'user.disabled',
      'user.enabled',
      'user.signed_out',
    ]);
    await expect(users.disable('nobody', byOperator, noEndings)).rejects.toMatchObject({
      code: 'user_unknown',
      status: 404,
    });
  });

  it('is listed page by page', async () => {
    const { users, clock } = features;
    for (const name of ['a', 'b', 'c']) {
      await users.create({ email: `${name}@example.org` }, byOperator);
      clock.advance(1);
    }
    const [first, second] = await users.list({ limit: 2 });
    const rest = await users.list({ limit: 2, after: second?.id });
    expect([first?.email, second?.email, ...rest.map(({ email }) => email)]).toEqual([
      'a@example.org',
      'b@example.org',
      'c@example.org',
    ]);
  });
});

describe('the first administrator', () => {
  it('is missed until there is one', async () => {
    const { users } = features;
    const { id } = await users.create(ada, byOperator);
    expect(await users.hasAdministrator()).toBe(false);
    expect(await users.assignRole(id, 'super-admin', byOperator)).toBe(true);
    expect(await users.assignRole(id, 'super-admin', byOperator)).toBe(false);
    expect(await users.hasAdministrator()).toBe(true);
    await users.disable(id, byOperator, noEndings);
    expect(await users.hasAdministrator()).toBe(true);
  });

  it('comes through a set-up link, which voids every other one', async () => {
    const { users } = features;
    const { secret } = await users.links.create('set-up', { ttlSeconds: 60, subject: 'ada@example.org' }, byOperator);
    const other = await users.links.create('set-up', { ttlSeconds: 60, subject: 'eve@example.org' }, byOperator);
    await users.create({ ...ada, roles: ['super-admin'] }, byOperator, async () => [users.links.use('set-up', secret)]);
    expect(await users.hasAdministrator()).toBe(true);
    expect(await users.links.peek('set-up', secret)).toBeUndefined();
    expect(await users.links.peek('set-up', other.secret)).toBeUndefined();
  });
});

describe('a link that works once', () => {
  it('is kept as a hash only, and shown until it expires', async () => {
    const { users, clock, database } = features;
    const { secret, expiresAt } = await users.links.create('set-up', { ttlSeconds: 60 }, byOperator);
    expect(expiresAt).toBe(clock.now() + 60_000);
    expect(secret).toMatch(/^[\w-]{43}$/);
    const rows = await database.prisma.oneTimeLink.findMany();
    expect(rows.map(({ id }) => id)).toEqual([sha256(secret)]);
    expect(await users.links.peek('set-up', secret)).toEqual({ purpose: 'set-up', expiresAt });
    clock.advance(60_000);
    expect(await users.links.peek('set-up', secret)).toBeUndefined();
    const late = await database.commit({ operations: [users.links.use('set-up', secret)], fallback: [] });
    expect(late).toEqual({ committed: false, lostAt: 0 });
  });

  it('is used by one of many', async () => {
    const { users, database } = features;
    const { secret } = await users.links.create('set-up', { ttlSeconds: 60 }, byOperator);
    const racers = Array.from({ length: 64 }, () =>
      database.commit({ operations: [users.links.use('set-up', secret)], fallback: [] }),
    );
    const outcomes = await Promise.all(racers);
    expect(outcomes.filter(({ committed }) => committed)).toHaveLength(1);
  });

  it('is void once a newer one was made for the same', async () => {
    const { users } = features;
    const first = await users.links.create('set-up', { ttlSeconds: 60 }, byOperator);
    const second = await users.links.create('set-up', { ttlSeconds: 60 }, byOperator);
    const forEve = await users.links.create('set-up', { ttlSeconds: 60, subject: 'eve@example.org' }, byOperator);
    expect(await users.links.peek('set-up', first.secret)).toBeUndefined();
    expect(await users.links.peek('set-up', second.secret)).toBeDefined();
    expect(await users.links.peek('set-up', forEve.secret)).toMatchObject({ subject: 'eve@example.org' });
  });
});
