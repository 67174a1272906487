import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { sha256 } from '../../src/foundation/crypto/hash.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { addApi, addPublicApp, addService, api, isActive, offlineTokens } from './kit/apps.ts';
import { basicOf, bothWaysOf, encode, type Fields, secretOf } from './kit/both-ways.ts';
import { operatorOf } from './kit/operator.ts';
import { rows } from './kit/tables.ts';
import { advance, days, standStill } from './kit/time.ts';

/*
 * Refresh on the short way (src/features/protocol/plain-tokens.ts) beside the library's. A token that is used twice at
 * one moment gives one successor: both ways have to come to the same.
 */

const opaqueApi = 'https://opaque.example/';

let product: Product;
let app: RelyingApp;
let native: RelyingApp;
let user: TestUser & { readonly id: string };
const { postedBothWays } = bothWaysOf(() => product);

beforeAll(async () => {
  standStill();
  product = await startProduct();
  await addApi(product);
  const scopes = [{ name: 'paint', description: 'Paint' }];
  await product.addResource({ identifier: opaqueApi, access_token_format: 'opaque', scopes });
  app = await addWebApp(product, { resources: [api, opaqueApi], first_party: true });
  native = await addPublicApp(product);
  user = await product.addUser({ claims: { name: 'Ann' } });
});
afterAll(() => product.stop());

const refreshTokenOf = ({ body }: Answer): string => String(body['refresh_token']);

/** What the app asks for, by what the refresh token is for then. */
const requests = {
  'a sign-in': { scope: 'openid email profile', nonce: 'n1' },
  'offline access': { scope: 'openid email offline_access', prompt: 'consent' },
  'no OpenID': { scope: 'email' },
  'an API with JWTs': { scope: 'openid email orders:read orders:write', resource: api },
  'an opaque API': { scope: 'openid paint', resource: opaqueApi },
  'an API without OpenID': { scope: 'paint', resource: opaqueApi },
  'single claims': { claims: '{"id_token":{"name":null}}' },
  'an assurance': { acr_values: 'urn:postern:acr:1fa' },
} as const satisfies Record<string, Record<string, string>>;

type Purpose = keyof typeof requests;

const signedIn = new Browser();

/** Tokens that were issued for this, in one browser unless told otherwise: its person types their password once. */
async function tokensFor(purpose: Purpose, browser = signedIn): Promise<Answer> {
  const { answer, verifier } = await app.signIn(user, { browser, parameters: requests[purpose] });
  return app.exchange(answer.get('code') ?? '', verifier);
}

/** A token that was issued for this, and the form that refreshes it. */
async function formFor(purpose: Purpose, more: Fields = {}): Promise<string> {
  const token = refreshTokenOf(await tokensFor(purpose));
  return `${encode({ grant_type: 'refresh_token', refresh_token: token, ...secretOf(app) })}&${encode(more)}`;
}

describe('a refresh', () => {
  it.each([
    ['a sign-in', {}, true],
    ['a sign-in', { scope: 'openid email profile' }, true],
    ['a sign-in', { scope: 'openid email' }, true],
    ['a sign-in', { scope: 'email' }, true],
    ['offline access', {}, true],
    ['offline access', { scope: 'offline_access' }, true],
    ['no OpenID', {}, true],
    ['an API with JWTs', { resource: api }, true],
    ['an API with JWTs', { resource: api, scope: 'openid orders:read' }, true],
    ['an API with JWTs', { resource: api, scope: 'orders:read' }, true],
    ['an API with JWTs', { resource: api, scope: 'email' }, true],
    ['an API with JWTs', {}, true],
    ['an opaque API', { resource: opaqueApi }, true],
    ['an opaque API', {}, true],
    ['an API without OpenID', { resource: opaqueApi }, true],
    ['an API without OpenID', {}, false],
    ['an opaque API', { scope: 'paint' }, false],
    ['single claims', {}, false],
    ['an assurance', {}, false],
    ['a sign-in', { scope: '' }, false],
    ['a sign-in', { authorization_details: '[]' }, false],
    ['a sign-in', { code: 'x' }, false],
  ] as const)('of a token for %s with %o is answered alike', async (purpose, more, isPlain) => {
    const { short, long, tookShortWay } = await postedBothWays('/token', await formFor(purpose, more));
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 200, tookShortWay: isPlain });
  });

  it.each([
    ['a scope beyond it', { scope: 'openid phone' }],
    ['a scope of two blanks', { scope: 'openid  email' }],
    ['a scope in quotes', { scope: '"openid"' }],
    ['an API that was not granted', { resource: api }],
    ['what is no address', { resource: 'nowhere' }],
    ['two APIs', `resource=${encodeURIComponent(api)}&resource=${encodeURIComponent(opaqueApi)}`],
    ['another secret beside', { client_assertion: 'a.b.c' }],
    ['a second grant type', { grant_type: 'refresh_token' }],
    ['a second token', { refresh_token: 'rt_other' }],
  ] as const)('with %s is answered alike by the library alone, and burns nothing', async (_, more) => {
    const form = await formFor('a sign-in');
    const { short, long, tookShortWay } = await postedBothWays('/token', `${form}&${encode(more)}`);
    expect(short).toEqual(long);
    expect(tookShortWay).toBe(false);
    advance(60);
    expect((await postedBothWays('/token', form)).short.status).toBe(200);
  });

  it.each([
    ['no token', ''],
    ['an unknown token', 'rt_unknown'],
    ['another kind of token', 'at_unknown'],
    ['nonsense', '%00\u{fffd}'],
    ['a very long token', `rt_${'x'.repeat(9000)}`],
  ])('of %s is refused alike', async (_, token) => {
    const form = { grant_type: 'refresh_token', refresh_token: token, ...secretOf(app) };
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
  });
});

describe('the client of a refresh', () => {
  const asked = async () => ({
    grant_type: 'refresh_token',
    refresh_token: refreshTokenOf(await tokensFor('offline access')),
  });

  it.each([
    ['by its secret in the form', () => secretOf(app), {}, { status: 200, isPlain: true }],
    ['by Basic', () => ({}), () => basicOf(app), { status: 200, isPlain: true }],
    ['by both', () => secretOf(app), () => basicOf(app), { status: 400, isPlain: false }],
    ['by its id alone', () => ({ client_id: app.credentials.clientId }), {}, { status: 401, isPlain: false }],
    ['by a wrong secret', () => ({ ...secretOf(app), client_secret: 'wrong' }), {}, { status: 401, isPlain: false }],
    ['by nothing', () => ({}), {}, { status: 400, isPlain: false }],
    ['as another', () => ({ client_id: native.credentials.clientId }), {}, { status: 400, isPlain: false }],
    ['as our own pages', () => ({ client_id: 'postern' }), {}, { status: 400, isPlain: false }],
    ['with a proof of possession', () => secretOf(app), { dpop: 'x' }, { status: 400, isPlain: false }],
    ['from another origin', () => secretOf(app), { origin: 'https://spa.example' }, { status: 400, isPlain: false }],
  ] as const)('is judged alike %s', async (_, fields, headers, { status, isPlain }) => {
    const sent = typeof headers === 'function' ? headers() : headers;
    const form = { ...(await asked()), ...fields() };
    const { short, long, tookShortWay } = await postedBothWays('/token', form, sent as Record<string, string>);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status, tookShortWay: isPlain });
  });

  it.each([
    ['without a secret', {}, 200, true],
    ['with one that it has not', { client_secret: 'x' }, 401, false],
    ['with an empty assertion', { client_assertion: 'x' }, 400, false],
  ])('is judged alike when it has none and comes %s', async (_, more, status, isPlain) => {
    const refresh_token = refreshTokenOf(await offlineTokens(native, user));
    const form = { grant_type: 'refresh_token', refresh_token, client_id: native.credentials.clientId, ...more };
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status, tookShortWay: isPlain });
  });

  it('is refused alike when refreshing is not its grant, or the token another’s', async () => {
    const service = await addService(product);
    const other = await addWebApp(product);
    for (const caller of [service, other]) {
      const { short, long, tookShortWay } = await postedBothWays('/token', {
        ...(await asked()),
        ...secretOf(caller),
      });
      expect(short).toEqual(long);
      expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
    }
  });
});

describe('a refresh is refused alike, and by the library alone, once', () => {
  const sets = (policy: 'optional' | 'required') => async () => {
    await product.app.core.settings.set({ mfa: { policy } }, byOperator);
    await product.app.core.settings.reload();
  };

  /** As a person does who takes an app's access back: the grant ends, and its tokens' rows are left. */
  const endGrants = (accountId: string) =>
    product.database.together(async (tx) => {
      await tx.grant.updateMany({ where: { accountId }, data: { endedAt: BigInt(Date.now()) } });
    });

  it.each([
    ['the person is disabled', ({ id }) => operatorOf(product).disableUser(id)],
    ['the person is signed out', ({ id }) => operatorOf(product).signOutUser(id)],
    ['the token is revoked', (_, { body }) => app.revoke(body['refresh_token'])],
    ['the grant was taken back', ({ id }) => endGrants(id)],
    ['it has not been used for too long', async () => advance(14 * days + 1)],
  ] as [string, (person: { id: string }, tokens: Answer) => Promise<unknown>][])('%s', async (_, end) => {
    const person = await product.addUser();
    const tokens = await offlineTokens(app, person);
    await end(person, tokens);
    const form = { grant_type: 'refresh_token', refresh_token: refreshTokenOf(tokens), ...secretOf(app) };
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
  });

  it('the sign-in that it belongs to is over', async () => {
    const form = await formFor('a sign-in');
    advance(12 * 3600 + 1);
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
  });

  it('everybody has to show a second factor, and as long as that holds', async () => {
    const form = await formFor('offline access');
    await sets('required')();
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    await sets('optional')();
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
    expect((await postedBothWays('/token', form)).tookShortWay).toBe(true);
  });

  it('the client is disabled', async () => {
    const own = await addWebApp(product, { first_party: true });
    const refresh_token = refreshTokenOf(await offlineTokens(own, user));
    await operatorOf(product).disableClient(own.credentials.clientId);
    const form = { grant_type: 'refresh_token', refresh_token, ...secretOf(own) };
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 401, tookShortWay: false });
  });

  it('the token was used, longer ago than the grace window: the library ends the family', async () => {
    const form = await formFor('offline access');
    const { short: used } = await postedBothWays('/token', form);
    advance(11);
    const { short, tookShortWay } = await postedBothWays('/token', form);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
    expect((await product.events('refresh.reused')).length).toBeGreaterThan(0);
    const { refresh_token } = JSON.parse(String(used.body)) as { refresh_token: string };
    const next = await app.refresh(refresh_token);
    expect(next.body['error']).toBe('invalid_grant');
  });
});

describe('what a refresh leaves', () => {
  const identities = /"(?:grantId|sessionUid|sid|nonce)":"[^"]*"/g;

  /** What was stored under the grant of a token, without the names that differ between any two sign-ins. */
  async function familyOf(refreshToken: string): Promise<unknown[]> {
    const sql = 'SELECT * FROM artifacts WHERE grant_id = (SELECT grant_id FROM artifacts WHERE id = ?1)';
    const all = await rows(product.database, sql, [`RefreshToken:${sha256(refreshToken)}`]);
    expect(all.filter(({ kind }) => kind === 'RefreshToken')).toHaveLength(3);
    return all
      .filter(({ kind }) => kind !== 'AuthorizationCode')
      .map(({ id: _id, grant_id: _grant, payload, ...row }) => ({
        ...row,
        payload: Object.entries(JSON.parse(String(payload).replaceAll(identities, '"n":""')) as object).sort(),
      }))
      .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  }

  it.each(['a sign-in', 'offline access', 'an opaque API', 'an API with JWTs'] as const)(
    'is the same both ways after two in a row, of a token for %s',
    async (purpose) => {
      const resource = { 'an opaque API': opaqueApi, 'an API with JWTs': api }[purpose as string];
      const refreshed = async (more: Record<string, string>) => {
        const first = await tokensFor(purpose, new Browser());
        const form = { ...more, ...(resource === undefined ? {} : { resource }) };
        const second = await app.refresh(first.body['refresh_token'], form);
        const third = await app.refresh(second.body['refresh_token'], form);
        expect([second.status, third.status]).toEqual([200, 200]);
        expect(await isActive(app, third.body['access_token'])).toBe(true);
        return familyOf(refreshTokenOf(third));
      };
      expect(await refreshed({})).toEqual(await refreshed({ unknown: '1' }));
    },
  );

  it('is one event each, with the same words', async () => {
    const before = (await product.events('token.issued')).length;
    await postedBothWays('/token', await formFor('an opaque API', { resource: opaqueApi, scope: 'openid paint' }));
    const [, short, long, ...more] = (await product.events('token.issued')).slice(before);
    expect(more).toEqual([]);
    const told = ({ id: _id, time: _time, request_id: _request, ...event }: object & Record<string, unknown>) => event;
    expect(told({ ...short })).toEqual(told({ ...long }));
    expect(short).toMatchObject({
      subject: user.id,
      details: { grant_type: 'refresh_token', token: 'opaque', resource: opaqueApi, refresh_token: true },
    });
  });

  it('is one successor, whichever ways 64 of them took', async () => {
    const token = refreshTokenOf(await tokensFor('offline access'));
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => app.refresh(token, index % 2 === 0 ? {} : { unknown: '1' })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(64).fill(200));
    expect(new Set(answers.map(refreshTokenOf)).size).toBe(1);
    expect((await app.refresh(refreshTokenOf(answers[0] as Answer))).status).toBe(200);
  });
});
