import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { addApi, addService, api, apiTokens, offlineTokens } from './kit/apps.ts';
import { basicOf, bothWaysOf, encode, type Fields, type Sent, secretOf } from './kit/both-ways.ts';
import { operatorOf } from './kit/operator.ts';
import { advance, hours, standStill } from './kit/time.ts';

/*
 * The short way (src/features/protocol/plain-requests.ts) beside the library's: every request is sent twice, as it is and
 * with a parameter that nobody knows, which the library ignores and the short way is not for.
 */

const jwtApi = 'https://jwt.example/';
const opaqueApi = 'https://opaque.example/';

let product: Product;
let app: RelyingApp;
let guard: RelyingApp;
let service: RelyingApp;
let choosy: RelyingApp;
let user: TestUser & { readonly id: string };
/** Tokens by what they are. */
const tokens: Record<string, string> = {};
const { bothWays, postedBothWays } = bothWaysOf(() => product);

beforeAll(async () => {
  standStill();
  product = await startProduct();
  guard = await addService(product);
  const scopes = [{ name: 'paint', description: 'Paint' }];
  const introspection_clients = [guard.credentials.clientId];
  await addApi(product);
  await product.addResource({ identifier: opaqueApi, access_token_format: 'opaque', scopes, introspection_clients });
  await product.addResource({
    identifier: jwtApi,
    access_token_format: 'jwt',
    scopes: [
      { name: 'read', description: 'Read' },
      { name: 'write', description: 'Write' },
    ],
  });
  service = await addService(product);
  choosy = await addService(product, { resources: [jwtApi, opaqueApi] });
  app = await addWebApp(product, { resources: [api, opaqueApi] });
  user = await product.addUser({ claims: { name: 'Ann', phone_number: '+44 1' } });
  await prepareTokens();
});
afterAll(() => product.stop());

async function prepareTokens(): Promise<void> {
  const keep = (name: string, { body }: { body: Record<string, unknown> }, field = 'access_token') => {
    tokens[name] = String(body[field]);
  };
  keep('a token of a sign-in', await app.tokens(user, { scope: 'openid email profile' }));
  const offline = await offlineTokens(app, user);
  keep('a token that outlives the sign-in', offline);
  keep('a refresh token', offline, 'refresh_token');
  keep('a JWT', await apiTokens(app, user));
  keep('a token of a sign-in that asked for claims', await app.tokens(user, { claims: '{"userinfo":{"name":null}}' }));
  keep('a token of a service', await service.token({ grant_type: 'client_credentials' }));
  keep(
    'a token for an API',
    await choosy.token({ grant_type: 'client_credentials', resource: opaqueApi, scope: 'paint' }),
  );
  const revoked = await app.tokens(user, { scope: 'openid' });
  keep('a revoked token', revoked);
  await app.revoke(revoked.body['access_token']);
  const spent = await offlineTokens(app, user);
  keep('a token without OpenID', await app.tokens(user, { scope: 'email' }));
  await app.revoke(spent.body['refresh_token']);
  keep('a token whose grant was taken back', spent);
  tokens['no token'] = 'at_unknown';
  tokens['nonsense'] = '%00';
}

describe('introspection', () => {
  it.each([
    ['a token of a sign-in', () => app, true],
    ['a token that outlives the sign-in', () => app, true],
    ['a token of a sign-in that asked for claims', () => app, true],
    ['a token of a service', () => service, true],
    ['a token for an API', () => choosy, true],
    ['a token for an API', () => guard, true],
    ['a token of a sign-in', () => guard, false],
    ['a refresh token', () => app, false],
    ['a JWT', () => app, false],
    ['a revoked token', () => app, false],
    ['a token whose grant was taken back', () => app, false],
    ['no token', () => app, false],
    ['nonsense', () => app, false],
  ] as const)('answers %s alike', async (name, caller, isPlain) => {
    const { short, long, tookShortWay, libraryTook } = await postedBothWays('/introspect', {
      ...secretOf(caller()),
      token: tokens[name] ?? '',
    });
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay, libraryTook }).toEqual({
      status: 200,
      tookShortWay: isPlain,
      libraryTook: 1,
    });
  });

  it.each([
    ['with a hint', { token_type_hint: 'access_token' }, true],
    ['with the wrong hint', { token_type_hint: 'refresh_token' }, true],
    ['with a hint that nobody knows', { token_type_hint: 'saml' }, false],
    ['without a token', { token: '' }, false],
    ['with a wrong secret', { client_secret: 'wrong' }, false],
    ['without a secret', { client_secret: '' }, false],
    ['as an unknown client', { client_id: 'nobody' }, false],
  ])('answers a request %s alike', async (_, fields, isPlain) => {
    const form = { ...secretOf(app), token: tokens['a token of a sign-in'] ?? '', ...fields };
    const { short, long, tookShortWay } = await postedBothWays('/introspect', form);
    expect(short).toEqual(long);
    expect(tookShortWay).toBe(isPlain);
  });
});

describe('client authentication', () => {
  const form = { grant_type: 'client_credentials' };
  const encodedId = () => encodeURIComponent(service.credentials.clientId);

  it.each([
    ['in the form', () => [{ ...form, ...secretOf(service) }, {}], true],
    ['in the header', () => [form, basicOf(service)], true],
    [
      'in the header, with the id in the form',
      () => [{ ...form, client_id: secretOf(service).client_id }, basicOf(service)],
      true,
    ],
    ['in the header, for another id', () => [{ ...form, client_id: 'other' }, basicOf(service)], false],
    ['in both', () => [{ ...form, ...secretOf(service) }, basicOf(service)], false],
    ['twice', () => [`${encode({ ...form, ...secretOf(service) })}&client_id=${encodedId()}`, {}], false],
    ['not at all', () => [form, {}], false],
    ['by id alone', () => [{ ...form, client_id: secretOf(service).client_id }, {}], false],
    ['by a scheme that nobody knows', () => [form, { authorization: 'Digest x' }], false],
    ['in a header without a colon', () => [form, { authorization: 'Basic bm9ib2R5' }], false],
    ['in a header without padding', () => [form, { authorization: 'Basic Og' }], false],
    ['in a header that is no base64', () => [form, { authorization: 'Basic ä' }], false],
    ['in a header with an escape that is none', () => [form, { authorization: `Basic ${btoa('%zz:x')}` }], false],
    ['with a control character', () => [form, { authorization: `Basic ${btoa('a%00:x')}` }], false],
    [
      'with a wrong secret in the header',
      () => [form, { authorization: `Basic ${btoa(`${encodedId()}:wrong`)}` }],
      false,
    ],
    ['as a public client', () => [{ ...form, client_id: 'postern', client_secret: 'x' }, {}], false],
    ['with a proof of possession', () => [{ ...form, ...secretOf(service) }, { dpop: 'x' }], false],
    ['from another origin', () => [{ ...form, ...secretOf(service) }, { origin: 'https://spa.example' }], false],
    ['with an assertion', () => [{ ...form, ...secretOf(service), client_assertion: 'a.b.c' }, {}], false],
  ] as const)('%s is judged alike', async (_, request, isPlain) => {
    const [fields, headers] = request();
    const { short, long, tookShortWay } = await postedBothWays(
      '/token',
      fields as Fields,
      headers as Record<string, string>,
    );
    expect(short).toEqual(long);
    expect(tookShortWay).toBe(isPlain);
  });

  it('of a client is refused alike once it is disabled, and its tokens are', async () => {
    const gone = await addService(product);
    const { body } = await gone.token(form);
    await operatorOf(product).disableClient(gone.credentials.clientId);
    const { short, long, tookShortWay } = await postedBothWays('/token', { ...form, ...secretOf(gone) });
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 401, tookShortWay: false });
    const token = String(body['access_token']);
    const looked = await postedBothWays('/introspect', { ...secretOf(service), token });
    expect(looked.short).toEqual(looked.long);
  });
});

describe('client credentials', () => {
  const asked = (caller: RelyingApp, more: Fields) =>
    `${encode({ grant_type: 'client_credentials', ...secretOf(caller) })}&${encode(more)}`;

  it.each([
    ['without an API', () => service, '', true],
    ['for an opaque API', () => choosy, { resource: opaqueApi, scope: 'paint' }, true],
    ['for an API with JWTs', () => choosy, { resource: jwtApi, scope: 'read write' }, true],
    ['for an API with some of its scopes', () => choosy, { resource: jwtApi, scope: 'write' }, true],
    ['for an API without scopes', () => choosy, { resource: jwtApi }, true],
    ['for an API with a scope of another', () => choosy, { resource: jwtApi, scope: 'paint read' }, true],
    ['for an API with a scope that nobody knows', () => choosy, { resource: jwtApi, scope: 'read dance' }, true],
    ['for an API with a scope of people', () => choosy, { resource: jwtApi, scope: 'openid' }, true],
    [
      'for an API with a scope that is not the client’s',
      () => choosy,
      { resource: jwtApi, scope: 'orders:read' },
      false,
    ],
    ['without naming one of two', () => choosy, '', false],
    ['for an API that is not the client’s', () => service, { resource: jwtApi }, false],
    ['for an API that nobody knows', () => choosy, { resource: 'https://nowhere.example/' }, false],
    ['for what is no address', () => choosy, { resource: 'nowhere' }, false],
    [
      'for two',
      () => choosy,
      `resource=${encodeURIComponent(jwtApi)}&resource=${encodeURIComponent(opaqueApi)}`,
      false,
    ],
    ['with a scope without an API', () => service, { scope: 'openid' }, false],
    ['with a scope of two blanks', () => choosy, { resource: jwtApi, scope: 'read  write' }, false],
    ['with a scope in quotes', () => choosy, { resource: jwtApi, scope: '"read"' }, false],
    ['with an empty scope', () => choosy, { resource: jwtApi, scope: '' }, false],
    ['with details', () => service, { authorization_details: '[]' }, false],
    ['to an app of people', () => app, '', false],
    ['with a grant type twice', () => service, { grant_type: 'client_credentials' }, false],
  ] as const)('%s are given alike', async (_, caller, more, isPlain) => {
    const { short, long, tookShortWay } = await postedBothWays('/token', asked(caller(), more));
    expect(short).toEqual(long);
    expect(tookShortWay).toBe(isPlain);
  });

  it.each([
    ['a character set', 'application/x-www-form-urlencoded;charset=UTF-8', true],
    ['another character set', 'application/x-www-form-urlencoded; charset=iso-8859-1', false],
    ['JSON', 'application/json', false],
  ])('are given alike to a form with %s', async (_, type, isPlain) => {
    const headers = { 'content-type': type };
    const { short, long, tookShortWay } = await postedBothWays('/token', asked(service, ''), headers);
    expect(short).toEqual(long);
    expect(tookShortWay).toBe(isPlain);
  });

  it('leave one event and one token each, with the same words', async () => {
    const audited = async () =>
      (await product.app.core.audit.search({ client: service.credentials.clientId, limit: 1000 })).filter(
        ({ type }) => type === 'token.issued',
      );
    const before = (await audited()).length;
    await postedBothWays('/token', asked(service, ''));
    const [short, long, ...more] = (await audited()).slice(before);
    expect(more).toEqual([]);
    const told = ({ id: _id, time: _time, request_id: _request, ...event }: object & Record<string, unknown>) => event;
    expect(told({ ...short })).toEqual(told({ ...long }));
  });
});

describe('userinfo', () => {
  const asked = (query: string, headers: Record<string, string>): Sent => ({
    path: `/userinfo${query}`,
    init: { headers },
  });
  const bearer = (name: string) => ({ authorization: `Bearer ${tokens[name]}` });

  it.each([
    ['a token of a sign-in', true],
    ['a token that outlives the sign-in', true],
    ['a token of a sign-in that asked for claims', false],
    ['a token without OpenID', false],
    ['a token of a service', false],
    ['a token for an API', false],
    ['a JWT', false],
    ['a refresh token', false],
    ['a revoked token', false],
    ['a token whose grant was taken back', false],
    ['no token', false],
    ['nonsense', false],
  ])('answers %s alike', async (name, isPlain) => {
    const { short, long, tookShortWay } = await bothWays(asked('', bearer(name)), asked('?unknown=1', bearer(name)));
    expect(short).toEqual(long);
    expect(tookShortWay).toBe(isPlain);
  });

  it.each([
    ['no header', {}],
    ['another scheme', { authorization: 'Basic x' }],
    ['two blanks', { authorization: 'Bearer  x' }],
    ['more words', { authorization: 'Bearer a b' }],
  ])('answers %s alike', async (_, headers) => {
    const { short, long, tookShortWay } = await bothWays(
      asked('', headers as Record<string, string>),
      asked('?unknown=1', headers as Record<string, string>),
    );
    expect(short).toEqual(long);
    expect(tookShortWay).toBe(false);
  });

  it('answers a proof of possession and another origin alike', async () => {
    for (const more of [{ dpop: 'x' }, { origin: 'https://spa.example' }]) {
      const headers = { ...bearer('a token of a sign-in'), ...(more as Record<string, string>) };
      const { short, long, tookShortWay } = await bothWays(asked('', headers), asked('?unknown=1', headers));
      expect(short).toEqual(long);
      expect(tookShortWay).toBe(false);
    }
  });

  it.each([
    ['the person is signed out', (id: string) => operatorOf(product).signOutUser(id)],
    ['the person is disabled', (id: string) => operatorOf(product).disableUser(id)],
    ['the token has expired', async () => advance(hours)],
  ])('answers alike before and after %s', async (_, end) => {
    const person = await product.addUser();
    const { body } = await app.tokens(person, { scope: 'openid' });
    const headers = { authorization: `Bearer ${String(body['access_token'])}` };
    const ask = () => bothWays(asked('', headers), asked('?unknown=1', headers));
    expect((await ask()).tookShortWay).toBe(true);
    await end(person.id);
    const { short, long, tookShortWay } = await ask();
    expect(short).toEqual(long);
    expect({ status: short.status, tookShortWay }).toEqual({ status: 401, tookShortWay: false });
    const looked = await postedBothWays('/introspect', { ...secretOf(app), token: String(body['access_token']) });
    expect(looked.short).toEqual(looked.long);
    expect(looked.short.body).toBe('{"active":false}');
  });
});
