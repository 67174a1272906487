import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { sha256 } from '../../src/foundation/crypto/hash.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, type RelyingApp, redirectUri } from '../kit/relying-app.ts';
import { addApi, addPublicApp, addService, api, isActive } from './kit/apps.ts';
import { basicOf, bothWaysOf, encode, type Fields, secretOf } from './kit/both-ways.ts';
import { operatorOf } from './kit/operator.ts';
import { rows } from './kit/tables.ts';
import { advance, standStill } from './kit/time.ts';

/*
 * The exchange of a code on the short way (src/features/protocol/plain-tokens.ts) beside the library's. A code is used
 * once, so each way has one of its own where it is answered.
 */

const opaqueApi = 'https://opaque.example/';

let product: Product;
let app: RelyingApp;
let native: RelyingApp;
let user: TestUser & { readonly id: string };
const { postedBothWays, bothWays } = bothWaysOf(() => product);

beforeAll(async () => {
  standStill();
  product = await startProduct();
  await addApi(product);
  const scopes = [{ name: 'paint', description: 'Paint' }];
  await product.addResource({ identifier: opaqueApi, access_token_format: 'opaque', scopes });
  app = await addWebApp(product, { resources: [api, opaqueApi], first_party: true });
  native = await addPublicApp(product, { first_party: true });
  user = await product.addUser({ claims: { name: 'Ann' } });
});
afterAll(() => product.stop());

/** What the app asks for, by what the code is for then. */
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

/** The form that exchanges a new code for this; in one browser unless told otherwise: its person types their password once. */
async function formFor(purpose: Purpose, { of = app, by = user, browser = signedIn } = {}) {
  const { answer, verifier } = await of.signIn(by, { browser, parameters: requests[purpose] });
  return {
    grant_type: 'authorization_code',
    code: answer.get('code') ?? '',
    code_verifier: verifier,
    redirect_uri: redirectUri,
    ...(of === native ? { client_id: of.credentials.clientId } : secretOf(of)),
  };
}

/** What `app` sends beside its secret, which goes by Basic. */
async function withoutSecret(purpose: Purpose, browser = signedIn) {
  const form: Record<string, string> = await formFor(purpose, { browser });
  return Object.fromEntries(Object.entries(form).filter(([name]) => !name.startsWith('client_')));
}

type Answered = Awaited<ReturnType<typeof bothWays>>;

/** As `postedBothWays`, but with two codes. What both answers have of their own is compared by its form. */
async function exchangedBothWays(form: () => Promise<Fields>, headers = {}): Promise<Answered> {
  const sent = async (more: string) => ({
    path: '/token',
    init: {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: encode(await form()) + more,
    },
  });
  const answered = await bothWays(await sent(''), await sent('&unknown=1'));
  const alike = ({ body, ...answer }: Answered['short']) => ({
    ...answer,
    body: String(body).replace(/"refresh_token":"rt_[\w-]{43}"/, '"refresh_token":"rt_"'),
  });
  return { ...answered, short: alike(answered.short), long: alike(answered.long) };
}

describe('the exchange of a code', () => {
  it.each([
    ['a sign-in', {}, true],
    ['offline access', {}, true],
    ['no OpenID', {}, true],
    ['an API with JWTs', { resource: api }, true],
    ['an API with JWTs', {}, true],
    ['an opaque API', { resource: opaqueApi }, true],
    ['an opaque API', {}, true],
    ['an API without OpenID', { resource: opaqueApi }, true],
    ['an API without OpenID', {}, false],
    ['single claims', {}, false],
    ['an assurance', {}, false],
    ['a sign-in', { scope: 'openid' }, false],
    ['a sign-in', { refresh_token: 'x' }, false],
  ] as const)('for %s with %o is answered alike', async (purpose, more, isPlain) => {
    const form = async () => ({ ...(await formFor(purpose)), ...more }) as Record<string, string>;
    const { short, long, tookShortWay } = await exchangedBothWays(form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 200, tookShortWay: isPlain });
  });

  it.each([
    ['without its verifier', { code_verifier: '' }],
    ['with another verifier', { code_verifier: 'v'.repeat(43) }],
    ['with half a verifier', { code_verifier: 'v' }],
    ['with another address', { redirect_uri: `${redirectUri}/` }],
    ['without an address', { redirect_uri: '' }],
    ['with an API that was not asked for', { resource: api }],
    ['with what is no address', { resource: 'nowhere' }],
    ['with an assertion beside the secret', { client_assertion: 'a.b.c' }],
  ] as const)('%s is refused alike by the library alone', async (_, more) => {
    // The library uses a code up before it looks at the API.
    const form = async () => ({ ...(await formFor('a sign-in')), ...more }) as Record<string, string>;
    const { short, long, tookShortWay } = await exchangedBothWays(form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
  });

  it.each(['code', 'code_verifier', 'redirect_uri', 'grant_type'] as const)(
    'with a second %s is refused alike by the library alone',
    async (name) => {
      const form = await formFor('a sign-in');
      const { short, long, tookShortWay } = await postedBothWays('/token', `${encode(form)}&${name}=x`);
      expect(short).toEqual(long);
      expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
    },
  );

  it.each(['', 'unknown', '%00\u{fffd}', 'x'.repeat(9000)])('of no code of ours is refused alike', async (code) => {
    const form = { ...(await formFor('a sign-in')), code };
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
  });
});

describe('the client of an exchange', () => {
  it.each([
    ['by Basic', () => ({}), () => basicOf(app), { status: 200, isPlain: true }],
    ['by both', () => secretOf(app), () => basicOf(app), { status: 400, isPlain: false }],
    ['by its id alone', () => ({ client_id: app.credentials.clientId }), () => ({}), { status: 401, isPlain: false }],
    ['as another', () => ({ client_id: native.credentials.clientId }), () => ({}), { status: 400, isPlain: false }],
    ['with a proof of possession', () => secretOf(app), () => ({ dpop: 'x' }), { status: 400, isPlain: false }],
    [
      'from another origin',
      () => secretOf(app),
      () => ({ origin: 'https://spa.example' }),
      { status: 400, isPlain: false },
    ],
  ] as const)('is judged alike %s', async (_, fields, headers, { status, isPlain }) => {
    const form = async () => {
      const {
        client_id: _id,
        client_secret: _secret,
        ...rest
      } = (await formFor('a sign-in')) as Record<string, string>;
      return { ...rest, ...fields() } as Record<string, string>;
    };
    const { short, long, tookShortWay } = await exchangedBothWays(form, headers());
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status, tookShortWay: isPlain });
  });

  it('is judged alike when it has no secret', async () => {
    const browser = new Browser();
    const { short, long, tookShortWay } = await exchangedBothWays(() => formFor('a sign-in', { of: native, browser }));
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 200, tookShortWay: true });
  });

  it('gets no refresh token either way when it may not refresh', async () => {
    const own = await addWebApp(product, { first_party: true, grant_types: ['authorization_code'] });
    const { short, long, tookShortWay } = await exchangedBothWays(() => formFor('a sign-in', { of: own }));
    expect(short).toEqual(long);
    expect(short.body).not.toContain('refresh_token');
    expect(tookShortWay).toBe(true);
  });

  it('is refused alike when codes are not its grant, or the code another’s', async () => {
    for (const caller of [await addService(product), await addWebApp(product)]) {
      const form = { ...(await formFor('a sign-in')), ...secretOf(caller) };
      const { short, long, tookShortWay } = await postedBothWays('/token', form);
      expect(short).toEqual(long);
      expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
    }
  });

  it('is the library’s when its tokens are bound to a key', async () => {
    const own = await addWebApp(product, { first_party: true, dpop_bound_access_tokens: true });
    const { short, long, tookShortWay } = await postedBothWays('/token', await formFor('a sign-in', { of: own }));
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
  });
});

describe('an exchange is refused alike, and by the library alone, once', () => {
  const endGrants = (accountId: string) =>
    product.database.together(async (tx) => {
      await tx.grant.updateMany({ where: { accountId }, data: { endedAt: BigInt(Date.now()) } });
    });

  it.each([
    ['the person is disabled', (id) => operatorOf(product).disableUser(id)],
    ['the person is signed out', (id) => operatorOf(product).signOutUser(id)],
    ['the grant was taken back', (id) => endGrants(id)],
    ['the code is a minute old', async () => advance(61)],
  ] as [string, (id: string) => Promise<unknown>][])('%s', async (_, end) => {
    const person = await product.addUser();
    const form = await formFor('a sign-in', { by: person, browser: new Browser() });
    await end(person.id);
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
  });

  it('everybody has to show a second factor', async () => {
    const set = async (policy: 'optional' | 'required') => {
      await product.app.core.settings.set({ mfa: { policy } }, byOperator);
      await product.app.core.settings.reload();
    };
    const form = await formFor('a sign-in');
    await set('required');
    const { short, long, tookShortWay } = await postedBothWays('/token', form);
    await set('optional');
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
  });

  it('the code was used: the library ends what it gave', async () => {
    const form = await withoutSecret('offline access');
    const first = await app.token(form);
    expect(first.status).toBe(200);
    advance(11);
    const { short, long, tookShortWay } = await postedBothWays('/token', { ...form, ...secretOf(app) });
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 400, tookShortWay: false });
    expect((await product.events('code.reused')).length).toBeGreaterThan(0);
    expect(await isActive(app, first.body['access_token'])).toBe(false);
  });
});

describe('what an exchange leaves', () => {
  const individual = /"(?:grantId|sessionUid|sid|nonce|codeChallenge)":"[^"]*"/g;

  async function familyOf(code: string): Promise<unknown[]> {
    const sql = 'SELECT * FROM artifacts WHERE grant_id = (SELECT grant_id FROM artifacts WHERE id = ?1)';
    const all = await rows(product.database, sql, [`AuthorizationCode:${sha256(code)}`]);
    expect(
      all
        .map(({ kind }) => kind)
        .sort()
        .at(-1),
    ).toBe('RefreshToken');
    return all
      .map(({ id: _id, grant_id: _grant, payload, ...row }) => ({
        ...row,
        payload: Object.entries(JSON.parse(String(payload).replaceAll(individual, '"n":""')) as object).sort(),
      }))
      .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  }

  it.each(['a sign-in', 'offline access', 'no OpenID', 'an opaque API', 'an API with JWTs'] as const)(
    'is the same both ways for %s',
    async (purpose) => {
      const resource = { 'an opaque API': opaqueApi, 'an API with JWTs': api }[purpose as string];
      const exchanged = async (more: Record<string, string>) => {
        const form = await withoutSecret(purpose, new Browser());
        const { status, body } = await app.token({ ...form, ...more, ...(resource === undefined ? {} : { resource }) });
        expect(status).toBe(200);
        const next = await app.refresh(body['refresh_token'], resource === undefined ? {} : { resource });
        expect(next.status).toBe(200);
        return familyOf(String(form['code']));
      };
      expect(await exchanged({})).toEqual(await exchanged({ unknown: '1' }));
    },
  );

  it('is one event each, with the same words', async () => {
    const before = (await product.events('token.issued')).length;
    await exchangedBothWays(async () => ({ ...(await formFor('an opaque API')), resource: opaqueApi }));
    const [short, long, ...more] = (await product.events('token.issued')).slice(before);
    expect(more).toEqual([]);
    const told = ({ id: _id, time: _time, request_id: _request, ...event }: object & Record<string, unknown>) => event;
    expect(told({ ...short })).toEqual(told({ ...long }));
    expect(short).toMatchObject({
      subject: user.id,
      details: { grant_type: 'authorization_code', token: 'opaque', resource: opaqueApi, refresh_token: true },
    });
  });

  it('goes to one of 64 that come at once, whichever ways they took, and its tokens work', async () => {
    const form = await withoutSecret('offline access');
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => app.token(index % 2 === 0 ? form : { ...form, unknown: '1' })),
    );
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(1);
    expect(await isActive(app, winners[0]?.body['access_token'])).toBe(true);
    expect((await app.refresh(winners[0]?.body['refresh_token'])).status).toBe(200);
  });
});
