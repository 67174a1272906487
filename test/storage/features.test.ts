import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { createRegistrationStore } from '../../src/features/registration/store.ts';
import { createSigningKeys } from '../../src/features/signing-keys/module.ts';
import { createKeyRing } from '../../src/foundation/crypto/key-ring.ts';
import { advanceRevision, readRevision } from '../../src/foundation/db/advance-revision.ts';
import type { Database } from '../../src/foundation/db/database.ts';
import type { Operation } from '../../src/foundation/db/statement.ts';
import { systemRandom } from '../../src/foundation/random.ts';
import { Authenticator } from '../kit/authenticator.ts';
import { createTestFeatures, type TestFeatures } from '../kit/features.ts';
import { createMigrated, ENGINES, type Server } from './kit/engines.ts';

const keyRing = createKeyRing({ keys: [systemRandom.bytes(32)], random: systemRandom });
const password = 'correct horse battery staple';

describe.each(ENGINES)('the features on $name', (engine) => {
  let server: Server;
  let database: Database;
  let features: TestFeatures;
  beforeAll(async () => {
    server = await engine.start();
    ({ database } = await createMigrated(server, 'features'));
    features = createTestFeatures(database);
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  const commit = (...operations: Operation[]) => database.commit({ operations, fallback: [] });
  /** How many of units that are committed at once are. */
  const winners = async (units: readonly (readonly Operation[])[]) => {
    const outcomes = await Promise.all(units.map((operations) => database.commit({ operations, fallback: [] })));
    return outcomes.filter(({ committed }) => committed).length;
  };

  it('store events with whatever strangers send, and their counts', async () => {
    const { audit } = features;
    const event = {
      type: 'token.refused',
      outcome: 'denied',
      reason: 'x'.repeat(500),
      actor: { kind: 'anonymous' },
    } as const;
    const facts = { userAgent: `a\0b\ud800${'🙂'.repeat(600)}`, requestId: 'odd', ip: '192.0.2.1' };
    expect(await commit(audit.record({ ...event, details: { odd: 'x\0\ud800🙂' } }, facts))).toEqual({
      committed: true,
    });
    const [odd] = await audit.search({ request: 'odd', limit: 10 });
    expect(Array.from(odd?.user_agent ?? '')).toHaveLength(512);
    expect(odd?.details).toEqual({ odd: 'x\ufffd🙂' });

    const key = { address: '192.0.2.9', reason: 'invalid_client' };
    const first = audit.coalesce.refusal(key, { ...event, reason: 'counted' }, { requestId: 'counted' });
    for (let n = 0; n < 4; n++) audit.coalesce.refusal(key, { ...event, reason: 'counted' }, {});
    const flush = audit.coalesce.flushAll();
    if (first === undefined) throw new Error('not stored');
    await commit(first);
    await commit(...flush);
    await commit(...flush);
    const counted = await audit.search({ request: 'counted', limit: 10 });
    expect(counted.map(({ details }) => details)).toEqual([{ count: 5 }]);
  });

  it('change settings for every process', async () => {
    await features.settings.set({ refresh: { graceSeconds: 20 } }, byOperator);
    await features.settings.set({ refresh: { graceSeconds: 30 }, keys: { publishAhead: 0 } }, byOperator);
    const elsewhere = createTestFeatures(database).settings;
    await elsewhere.reload();
    expect(elsewhere.current().refresh.graceSeconds).toBe(30);
  });

  it('keep accounts apart by address and username, and find them by both', async () => {
    const { users } = features;
    const ada = { email: 'Ada@example.org', email_verified: true, username: 'ada', roles: ['super-admin' as const] };
    const { id } = await users.create(ada, byOperator);
    for (const login of ['ADA@EXAMPLE.ORG', 'Ada'])
      expect(await users.findByLogin(login)).toMatchObject({ id, emailVerified: true, roles: ['super-admin'] });
    expect(await users.findByLogin('adá')).toBeUndefined();
    await expect(users.create({ email: 'ada@example.org' }, byOperator)).rejects.toMatchObject({
      code: 'user_email_taken',
    });
    const sameName = users.create({ email: 'b@example.org', username: 'ADA' }, byOperator);
    await expect(sameName).rejects.toMatchObject({ code: 'user_username_taken' });
    expect(await users.disable(id, byOperator, async () => [])).toBe(true);
    expect(await users.disable(id, byOperator, async () => [])).toBe(false);
    expect((await users.find(id))?.disabledAt).toBe(features.clock.now());
    expect(await users.hasAdministrator()).toBe(true);
    expect(await users.list({ limit: 10 })).toEqual([await users.find(id)]);
  });

  it('let a link be used by one of many, and an account stands or falls with it', async () => {
    const { users } = features;
    const { secret } = await users.links.create('set-up', { ttlSeconds: 60 }, byOperator);
    const racers = Array.from({ length: 16 }, (_, n) =>
      users.create({ email: `racer-${n}@example.org` }, byOperator, async () => [users.links.use('set-up', secret)]),
    );
    const outcomes = await Promise.allSettled(racers);
    const refusals = outcomes.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as { code?: string }).code] : [],
    );
    expect(refusals).toEqual(Array(15).fill('store_conflict'));
    const made = (await users.list({ limit: 100 })).filter(({ email }) => email.startsWith('racer-'));
    expect(made).toHaveLength(1);
  });

  it('put links as operations, count, void and sweep them', async () => {
    const { users, clock } = features;
    const { id } = await users.create({ email: 'linked@example.org' }, byOperator);
    const links = Array.from({ length: 3 }, () =>
      users.links.prepare('reset', { ttlSeconds: 60, subject: id }, byOperator),
    );
    await commit(...links.flatMap(({ operations }) => operations));
    expect(await users.links.countOpen('reset', id)).toBe(3);
    expect(await users.links.countOpen('reset', 'somebody else')).toBe(0);
    const [first, second] = links.map(({ secret }) => secret);
    await commit(users.links.use('reset', String(first)));
    expect(await users.links.peek('reset', String(first))).toBeUndefined();
    expect(await users.links.peek('set-up', String(second))).toBeUndefined();
    expect(await users.links.peek('reset', String(second))).toMatchObject({ subject: id });
    await commit(users.links.voidOpen('reset', id));
    expect(await users.links.peek('reset', String(second))).toBeUndefined();
    expect(await users.links.countOpen('reset', id)).toBe(0);
    const kept = () => database.prisma.oneTimeLink.count({ where: { subject: id } });
    await commit(users.links.sweep(clock.now() + 60_000));
    expect(await kept()).toBe(3);
    await commit(users.links.sweep(clock.now() + 60_001));
    expect(await kept()).toBe(0);
  });

  it('let a code, and a recovery code, be used by one of many, and an app be set up by one', async () => {
    const { users, mfa, clock } = features;
    const { id: userId } = await users.create({ email: 'factor@example.org' }, byOperator);
    const place = { userId, scope: 'here' };
    const { secret, sealed } = mfa.enrolment.begin(place, 'factor@example.org');
    const codeNow = () => TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: clock.now() });
    const many = Array.from({ length: 16 });
    const set = many.map(() => mfa.enrolment.confirm(place, { sealed, code: codeNow(), address: undefined }));
    expect(await winners(set.map((one) => (one.kind === 'enrolled' ? one.operations : [])))).toBe(1);
    expect((await mfa.factors(userId)).recoveryCodesLeft).toBe(10);
    clock.advance(30_000);

    const { codes, operations } = mfa.newRecoveryCodes(userId);
    await commit(...operations);
    for (const code of [codeNow(), codes[0] ?? '']) {
      const right = await mfa.verify({ userId, code, address: undefined });
      expect(await winners(many.map(() => (right.kind === 'right' ? [right.use] : [])))).toBe(1);
    }
    expect((await mfa.factors(userId)).recoveryCodesLeft).toBe(9);
    expect(await mfa.reset(userId, byOperator)).toBe(true);
    expect(await mfa.has(userId)).toBe(false);
  });

  it.each([false, true])(
    'let a passkey be added once, and each answer of it used once (synced: %s)',
    async (synced) => {
      const { users, passkeys, mfa, clock } = features;
      const name = `passkey-${synced}@example.org`;
      const { id: userId } = await users.create({ email: name }, byOperator);
      const key = new Authenticator('https://id.example', { synced });
      const place = { owner: { id: userId, name }, scope: 'here' };
      const begun = await passkeys.enrolment.begin(place);
      const made = { challenge: begun?.challenge ?? '', credential: key.create(begun?.options ?? ''), name };
      const many = Array.from({ length: 16 });
      const set = await Promise.all(many.map(() => passkeys.enrolment.confirm(place, made)));
      expect(await winners(set.map((one) => (one.kind === 'enrolled' ? one.operations : [])))).toBe(1);
      for (const _ of ['first', 'second']) {
        const asked = await passkeys.signature.begin({ scope: 'here' });
        const deviceOf = async () => undefined;
        const credential = key.get(asked.options);
        const form = { challenge: asked.challenge, credential, address: undefined, deviceOf };
        const right = await passkeys.signature.verify({ scope: 'here' }, form);
        expect(await winners(many.map(() => (right.kind === 'right' ? right.operations : [])))).toBe(1);
      }
      const [listed] = await passkeys.list(userId);
      expect(listed).toMatchObject({ name, createdAt: clock.now(), lastUsedAt: clock.now() });
      const id = listed?.id ?? '';
      expect(await winners([[passkeys.rename(userId, id, '鍵 🔑')], [passkeys.rename('nobody', id, 'theirs')]])).toBe(
        1,
      );
      expect((await passkeys.list(userId))[0]?.name).toBe('鍵 🔑');
      const spent = () => database.prisma.passkeyChallenge.count();
      expect(await spent()).toBe(3);
      await commit(passkeys.sweep(clock.now() + 300_001));
      expect(await spent()).toBe(0);
      expect(await winners([await mfa.removal(userId, id), await mfa.removal(userId, id)])).toBe(1);
      expect(await mfa.has(userId)).toBe(false);
    },
  );

  it('keep registrations apart until they are confirmed, once', async () => {
    const { users, clock } = features;
    const store = createRegistrationStore({ database, clock });
    const pending = {
      email: 'Waiting@example.org',
      emailKey: 'waiting@example.org',
      passwordHash: '$argon2id$x',
      browserHash: 'b',
      expiresAt: clock.now() + 1000,
    };
    await commit(store.put({ id: 'one', ...pending, clientId: 'web' }), store.put({ id: 'two', ...pending }));
    expect(await store.find('one')).toEqual({ id: 'one', ...pending, clientId: 'web' });
    expect(await store.countOpen(pending.emailKey)).toBe(2);
    const racers = Array.from({ length: 8 }, (_, n) =>
      users.create({ email: `waiting-${n}@example.org` }, byOperator, async () => [store.use('one')]),
    );
    const made = (await Promise.allSettled(racers)).filter(({ status }) => status === 'fulfilled');
    expect(made).toHaveLength(1);
    expect(await store.find('one')).toBeUndefined();
    expect(await store.countOpen(pending.emailKey)).toBe(1);
    await commit(store.sweep(clock.now() + 1000));
    expect(await store.find('two')).toBeDefined();
    await commit(store.sweep(clock.now() + 1001));
    expect(await store.find('two')).toBeUndefined();
  });

  it('set, replace and rehash passwords', async () => {
    const { users, passwords, settings } = features;
    const set = (id: string) => passwords.set(id, password, {}, byOperator);
    const { id } = await users.create({ email: 'password@example.org' }, byOperator, set);
    expect(await passwords.check(id, password)).toEqual({ ok: true });
    await settings.set({ password: { hash: { time: 3 } } }, byOperator);
    const { upgrade } = await passwords.check(id, password);
    if (upgrade === undefined) throw new Error('no upgrade');
    await commit(upgrade);
    await commit(...(await passwords.set(id, `${password}!`, {}, byOperator)));
    await commit(upgrade);
    expect(await passwords.check(id, `${password}!`)).toEqual({ ok: true });
  });

  it('keep clients with their secrets, and resources with their scopes', async () => {
    const { clients } = features;
    const scopes = [{ name: 'read', description: 'Read your books' }];
    const api = { identifier: 'https://api.example', access_token_format: 'jwt' as const, scopes };
    await clients.upsertResource(api, byOperator);
    const wider = { ...api, scopes: [...scopes, { name: 'write', description: 'Change your books' }] };
    expect(await clients.upsertResource(wider, byOperator)).toEqual(['scopes']);
    expect(await clients.upsertResource(wider, byOperator)).toEqual([]);
    const web = { client_id: 'web', redirect_uris: ['https://app.example/cb'], scope: 'openid read' };
    await clients.create(web, byOperator);
    await expect(clients.create(web, byOperator)).rejects.toMatchObject({ code: 'client_exists' });
    await clients.create({ ...web, client_id: 'WEB' }, byOperator);
    await clients.rotateSecret('web', 60, byOperator);
    expect(await clients.disable('web', byOperator, async () => [])).toBe(true);
    const elsewhere = createTestFeatures(database, features.clock).clients;
    await elsewhere.reload();
    expect(elsewhere.find('web')).toEqual(clients.find('web'));
    expect(elsewhere.find('web')?.secrets).toHaveLength(2);
    expect(elsewhere.find('web')?.disabledAt).toBe(features.clock.now());
    expect(elsewhere.resources()).toEqual(clients.resources());
  });

  it('make one set of keys however many processes start, and rotate it once', async () => {
    await features.settings.set({ keys: { publishAhead: 86_400 } }, byOperator);
    const nodes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const node = createTestFeatures(database, features.clock);
        await node.settings.reload();
        return createSigningKeys({ ...node, keyRing, needed: () => new Set() });
      }),
    );
    const sets = () => new Set(nodes.map((node) => JSON.stringify(node.list())));
    await Promise.all(nodes.map((node) => node.ensure()));
    expect(sets().size).toBe(1);
    features.clock.advance(89 * 86_400_000);
    await Promise.all(nodes.map((node) => node.rotateDue()));
    expect(sets().size).toBe(1);
    expect(await database.prisma.signingKey.count()).toBe(4);
  });

  it('let one of many advance a revision', async () => {
    for (let seen = 0; seen < 3; seen++) {
      expect(await readRevision(database, 'raced')).toBe(seen);
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => commit(advanceRevision('raced', seen))));
      expect(outcomes.filter(({ committed }) => committed)).toHaveLength(1);
    }
  });
});
