import { importJWK, jwtVerify, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestFeatures, eventTypesOf, openTestFeatures, type TestFeatures } from '../../../test/kit/features.ts';
import { createKeyRing } from '../../foundation/crypto/key-ring.ts';
import { systemRandom } from '../../foundation/random.ts';
import { byOperator } from '../audit/module.ts';
import type { SigningKey } from './key.ts';
import { createSigningKeys, type SigningKeys } from './module.ts';
import { plan, type Schedule } from './plan.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

const keyRing = createKeyRing({ keys: [systemRandom.bytes(32)], random: systemRandom });
const hour = 3_600_000;
const day = 24 * hour;

let features: Features;
let signingKeys: SigningKeys;
const keysOf = (parts: TestFeatures, ...needed: string[]) =>
  createSigningKeys({ ...parts, keyRing, needed: () => new Set(needed) });

beforeEach(async () => {
  features = await openTestFeatures();
  signingKeys = keysOf(features);
});
afterEach(() => features.close());

const states = (keys: SigningKeys = signingKeys) =>
  keys
    .list()
    .map(({ alg, state }) => `${alg} ${state}`)
    .sort();
const currentKid = (alg = 'ES256') => signingKeys.current().active.find((key) => key.alg === alg)?.kid ?? '';

describe('signing keys', () => {
  it('are made once: one for each algorithm, sealed, ES256 first', async () => {
    await signingKeys.ensure();
    const made = signingKeys.current();
    await signingKeys.ensure();
    expect(signingKeys.current()).toEqual(made);
    expect(made.active.map(({ alg }) => alg)).toEqual(['ES256', 'RS256']);
    expect(made.published).toEqual([]);
    const [key] = made.active;
    if (key === undefined) throw new Error('no key');
    const jwt = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256' })
      .sign(await importJWK(key.privateJwk, 'ES256'));
    const publicJwk = signingKeys.list()[0]?.publicJwk ?? {};
    await expect(jwtVerify(jwt, await importJWK(publicJwk, 'ES256'))).resolves.toBeDefined();
    expect(publicJwk).not.toHaveProperty('d');
    const rows = await features.database.prisma.signingKey.findMany();
    for (const row of rows) expect(row.privateKey).toMatch(/^s1\./);
    expect(JSON.stringify(rows.map(({ privateKey, publicJwk: jwk }) => [privateKey, jwk]))).not.toContain(
      key.privateJwk.d,
    );
    expect(await eventTypesOf(features)).toEqual(['key.created', 'key.created']);
  });

  it('of other algorithms are made when somebody first needs them, and go on from there', async () => {
    await signingKeys.ensure();
    const asked = keysOf(features, 'PS256', 'EdDSA', 'ES256', 'of another kind');
    await asked.reload();
    expect(await asked.rotateDue()).toBe(true);
    expect(asked.current().active.map(({ alg }) => alg)).toEqual(['ES256', 'RS256', 'PS256', 'EdDSA']);
    expect(await asked.rotateDue()).toBe(false);
    // Nobody asks any more: what was signed has to be verified, and what signs is replaced as ever.
    await signingKeys.reload();
    features.clock.advance(89 * day);
    expect(await signingKeys.rotateDue()).toBe(true);
    expect(states()).toContain('EdDSA next');
    expect((await signingKeys.rotate(byOperator)).waiting.map(({ alg }) => alg)).toEqual(
      asked.current().active.map(({ alg }) => alg),
    );
  });

  it('are one set when several processes start at once', async () => {
    const processes = Array.from({ length: 5 }, () => keysOf(createTestFeatures(features.database)));
    await Promise.all(processes.map((one) => one.ensure()));
    const sets = processes.map((one) => JSON.stringify(one.current()));
    expect(new Set(sets).size).toBe(1);
    expect(await features.database.prisma.signingKey.count()).toBe(2);
    expect(await eventTypesOf(features)).toEqual(['key.created', 'key.created']);
  });

  it('that cannot be opened are named to the operator', async () => {
    await signingKeys.ensure();
    const other = createKeyRing({ keys: [systemRandom.bytes(32)], random: systemRandom });
    const stranger = createSigningKeys({ ...features, keyRing: other, needed: () => new Set() });
    await expect(stranger.reload()).rejects.toMatchObject({ code: 'signing_key_unreadable', cause: expect.any(Error) });
  });

  it('are published a day before they sign, and stay while what they signed is of use', async () => {
    const { clock } = features;
    await signingKeys.ensure();
    const first = currentKid();
    clock.advance(89 * day - 1);
    expect(await signingKeys.rotateDue()).toBe(false);
    clock.advance(1);
    expect(await signingKeys.rotateDue()).toBe(true);
    expect(states()).toEqual(['ES256 current', 'ES256 next', 'RS256 current', 'RS256 next']);
    expect(currentKid()).toBe(first);
    expect(signingKeys.current().published).toHaveLength(2);
    clock.advance(day - 1);
    expect(await signingKeys.rotateDue()).toBe(false);
    clock.advance(1);
    expect(await signingKeys.rotateDue()).toBe(true);
    expect(states()).toEqual(['ES256 current', 'ES256 retired', 'RS256 current', 'RS256 retired']);
    expect(currentKid()).not.toBe(first);
    expect(signingKeys.current().published.map(({ kid }) => kid)).toContain(first);
    expect((await features.database.prisma.signingKey.findUnique({ where: { id: first } }))?.privateKey).toBe('');
    clock.advance(6 * day);
    expect(await signingKeys.rotateDue()).toBe(false);
    clock.advance(day);
    expect(await signingKeys.rotateDue()).toBe(true);
    expect(states()).toEqual(['ES256 current', 'RS256 current']);
    expect((await eventTypesOf(features)).filter((type) => type !== 'key.created')).toEqual([
      'key.removed',
      'key.removed',
      'key.rotated',
      'key.rotated',
    ]);
  });

  it('rotate once when several nodes find it due', async () => {
    await signingKeys.ensure();
    features.clock.advance(89 * day);
    const nodes = Array.from({ length: 4 }, () => keysOf(createTestFeatures(features.database, features.clock)));
    await Promise.all(nodes.map((node) => node.reload()));
    await Promise.all(nodes.map((node) => node.rotateDue()));
    expect(new Set(nodes.map((node) => JSON.stringify(node.list()))).size).toBe(1);
    expect(await features.database.prisma.signingKey.count()).toBe(4);
  });
});

describe('rotation by command', () => {
  it('publishes successors and says when they take over, however often it is asked', async () => {
    await signingKeys.ensure();
    const at = features.clock.now() + day;
    const report = await signingKeys.rotate(byOperator);
    expect(report.rotated).toEqual([]);
    expect(report.waiting.map((one) => [one.alg, one.at])).toEqual([
      ['ES256', at],
      ['RS256', at],
    ]);
    features.clock.advance(hour);
    expect(await signingKeys.rotate(byOperator)).toEqual(report);
    features.clock.advance(day);
    expect(await signingKeys.rotateDue()).toBe(true);
    expect(currentKid()).toBe(report.waiting[0]?.kid);
  });

  it('takes over at once when what is next was published for long enough', async () => {
    await signingKeys.ensure();
    await signingKeys.rotate(byOperator);
    const [former, next] = [
      currentKid(),
      signingKeys.list().find(({ state, alg }) => state === 'next' && alg === 'ES256')?.kid,
    ];
    features.clock.advance(day);
    const report = await signingKeys.rotate(byOperator);
    expect(report.rotated[0]).toEqual({ alg: 'ES256', from: former, to: next });
    expect(report.waiting).toEqual([]);
    expect(states()).toEqual(['ES256 current', 'ES256 retired', 'RS256 current', 'RS256 retired']);
  });

  it('takes over at once when nothing needs to be published ahead, and works before the first start', async () => {
    await features.settings.set({ keys: { publishAhead: 0 } }, byOperator);
    const report = await signingKeys.rotate(byOperator);
    expect(report.rotated.map(({ alg }) => alg)).toEqual(['ES256', 'RS256']);
    expect(report.waiting).toEqual([]);
  });
});

describe('a compromised key', () => {
  it('that signs is removed at once and replaced', async () => {
    await signingKeys.ensure();
    const lost = currentKid();
    const report = await signingKeys.compromise(lost, byOperator);
    expect(report).toMatchObject({ kid: lost, alg: 'ES256', state: 'current', replacement: currentKid() });
    expect(report.stops.join(' ')).toContain('refused by Postern at once');
    expect(JSON.stringify(signingKeys.current())).not.toContain(lost);
    expect(states()).toEqual(['ES256 current', 'RS256 current']);
    expect((await features.database.prisma.signingKey.findUnique({ where: { id: lost } }))?.privateKey).toBe('');
    expect(await eventTypesOf(features)).toContain('key.compromised');
    await expect(signingKeys.compromise(lost, byOperator)).rejects.toMatchObject({
      code: 'signing_key_unknown',
      status: 404,
    });
  });

  it('is replaced by the successor that relying parties know already', async () => {
    await signingKeys.ensure();
    await signingKeys.rotate(byOperator);
    const next = signingKeys.list().find(({ alg, state }) => alg === 'ES256' && state === 'next')?.kid;
    const report = await signingKeys.compromise(currentKid(), byOperator);
    expect(report.replacement).toBe(next);
    expect(currentKid()).toBe(next);
  });

  it('that does not sign takes nothing along but itself', async () => {
    await signingKeys.ensure();
    await signingKeys.rotate(byOperator);
    const next = signingKeys.list().find(({ alg, state }) => alg === 'ES256' && state === 'next')?.kid ?? '';
    const current = currentKid();
    const report = await signingKeys.compromise(next, byOperator);
    expect(report).toEqual({ kid: next, alg: 'ES256', state: 'next', stops: [expect.stringContaining('Nothing')] });
    expect(currentKid()).toBe(current);
    features.clock.advance(day);
    await signingKeys.rotateDue();
    expect(currentKid()).toBe(current);
  });
});

describe('the schedule', () => {
  const schedule: Schedule = { rotateEvery: 90 * day, publishAhead: day, keepRetired: day };
  const demand = { schedule, needed: new Set<string>() };
  const key = (alg: 'ES256' | 'RS256', state: SigningKey['state'], times: Partial<SigningKey>): SigningKey => ({
    kid: `${alg} ${state}`,
    alg,
    state,
    publicJwk: {},
    createdAt: 0,
    ...times,
  });
  const rest = key('RS256', 'current', { activatedAt: 1000 * day });

  it('promotes a published key at once when nothing signs', () => {
    const keys = [key('ES256', 'next', { createdAt: 1000 * day }), rest];
    expect(plan(keys, demand, 1000 * day)).toEqual([
      { kind: 'promote', alg: 'ES256', next: 'ES256 next', current: undefined },
    ]);
  });

  it('publishes right after taking over when the lead is longer than the life', () => {
    const keys = [key('ES256', 'current', { activatedAt: 1000 * day }), rest];
    const steps = plan(keys, { ...demand, schedule: { ...schedule, rotateEvery: hour } }, 1000 * day);
    expect(steps).toContainEqual({ kind: 'create', alg: 'ES256', state: 'next' });
  });

  it("counts from a key's making where it does not know when it began to sign or ended", () => {
    const keys = [
      key('ES256', 'current', { createdAt: 911 * day }),
      key('ES256', 'retired', { createdAt: 998 * day }),
      rest,
    ];
    expect(plan(keys, demand, 1000 * day)).toEqual([
      { kind: 'create', alg: 'ES256', state: 'next' },
      { kind: 'remove', alg: 'ES256', kid: 'ES256 retired' },
    ]);
  });
});
