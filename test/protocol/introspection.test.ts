import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, type RelyingApp, send } from '../kit/relying-app.ts';
import { addApi, addService, api, apiTokens, isActive, offlineTokens } from './kit/apps.ts';
import { assertionFor, makeClientKey, postWithAssertion } from './kit/assertion.ts';
import { foreignKey, forge, ownKey, partsOf, unsigned } from './kit/forge.ts';
import { advance } from './kit/time.ts';

const opaqueApi = 'https://opaque.example/';
const inactive = { active: false };

let product: Product;
let app: RelyingApp;
let guard: RelyingApp;
let stranger: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  guard = await addService(product);
  stranger = await addService(product);
  await addApi(product, { introspection_clients: [guard.credentials.clientId] });
  await product.addResource({
    identifier: opaqueApi,
    access_token_format: 'opaque',
    scopes: [{ name: 'paint', description: 'Paint' }],
    introspection_clients: [guard.credentials.clientId],
  });
  app = await addWebApp(product, { resources: [api, opaqueApi] });
  user = await product.addUser();
});
afterAll(() => product.stop());

const formOf = (caller: RelyingApp, token: string): URLSearchParams =>
  new URLSearchParams({
    client_id: caller.credentials.clientId,
    client_secret: caller.credentials.clientSecret,
    token,
  });

describe('introspection', () => {
  it('tells a client about its own opaque token (RFC 7662 §2.2)', async () => {
    const { body } = await app.tokens(user, { scope: 'openid email' });
    const answer = await app.introspect(body['access_token']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toMatchObject({
      active: true,
      sub: user.id,
      client_id: app.credentials.clientId,
      scope: 'openid email',
      iss: product.url,
      token_type: 'Bearer',
    });
    expect(Number(answer.body['exp']) - Number(answer.body['iat'])).toBe(600);
  });

  it('tells a client about its own refresh token', async () => {
    const { body } = await offlineTokens(app, user);
    const answer = await app.introspect(body['refresh_token']);
    expect(answer.body).toMatchObject({ active: true, sub: user.id });
    expect(answer.body).not.toHaveProperty('token_type');
  });

  it('tells a client about its own JWT, and who guards the API as well', async () => {
    const { body } = await apiTokens(app, user);
    const { claims } = partsOf(body['access_token']);
    for (const caller of [app, guard]) {
      const answer = await caller.introspect(body['access_token']);
      expect(answer.body).toMatchObject({
        active: true,
        sub: user.id,
        aud: api,
        jti: claims['jti'],
        exp: claims['exp'],
        scope: 'orders:read',
      });
      expect(answer.body).not.toHaveProperty('gref');
    }
  });

  it('tells who guards an API about its opaque tokens', async () => {
    const { answer, verifier } = await app.signIn(user, { parameters: { resource: opaqueApi, scope: 'paint' } });
    const { body } = await app.exchange(answer.get('code') ?? '', verifier, { resource: opaqueApi });
    expect(body['access_token']).toMatch(/^at_/);
    expect((await guard.introspect(body['access_token'])).body).toMatchObject({
      active: true,
      aud: opaqueApi,
      scope: 'paint',
    });
  });

  it('tells nobody else anything: not of tokens, codes or other clients’ secrets', async () => {
    const [{ body: plain }, { body: forApi }] = [await app.tokens(user), await apiTokens(app, user)];
    const tokens = [plain['access_token'], plain['refresh_token'], plain['id_token'], forApi['access_token']];
    for (const token of tokens) expect((await stranger.introspect(token)).body).toEqual(inactive);
    expect((await guard.introspect(plain['access_token'])).body).toEqual(inactive);
    expect((await guard.introspect(forApi['refresh_token'])).body).toEqual(inactive);
  });

  it('tells of a service’s JWT', async () => {
    const service = await addService(product, { resources: [api] });
    const { body } = await service.token({ grant_type: 'client_credentials' });
    expect((await guard.introspect(body['access_token'])).body).toMatchObject({
      active: true,
      client_id: service.credentials.clientId,
    });
    expect((await service.introspect(body['access_token'])).body['active']).toBe(true);
  });

  it('heeds a wrong token_type_hint no more than none', async () => {
    const { body } = await apiTokens(app, user);
    const answer = await app.post('/introspect', {
      token: String(body['access_token']),
      token_type_hint: 'refresh_token',
    });
    expect(answer.body['active']).toBe(true);
  });

  it('calls expired tokens inactive', async () => {
    const { body: plain } = await app.tokens(user);
    const { body: forApi } = await apiTokens(app, user);
    advance(601);
    expect(await isActive(app, plain['access_token'])).toBe(false);
    expect(await isActive(app, forApi['access_token'])).toBe(false);
  });
});

describe('introspection of what is no access token of ours', () => {
  const forgeries = async (): Promise<Record<string, string>> => {
    const { body } = await apiTokens(app, user);
    const token = String(body['access_token']);
    const { header, claims } = partsOf(token);
    const now = Math.floor(Date.now() / 1000);
    const own = ownKey(product);
    expect(await isActive(app, forge(header, claims, own))).toBe(true);
    return {
      'a foreign key': forge(header, claims, foreignKey()),
      'a foreign key under a kid of its own': forge({ ...header, kid: 'mine' }, claims, foreignKey()),
      'a key that the token brings along': forge({ ...header, jwk: foreignKey() as never }, claims, foreignKey()),
      expired: forge(header, { ...claims, exp: now - 1 }, own),
      'exp as text': forge(header, { ...claims, exp: String(now + 60) }, own),
      'another issuer': forge(header, { ...claims, iss: 'https://evil.example' }, own),
      'another type': forge({ ...header, typ: 'JWT' }, claims, own),
      'no type': forge({ alg: header['alg'], kid: header['kid'] }, claims, own),
      'an unknown grant': forge(header, { ...claims, gref: 'x'.repeat(32) }, own),
      'an ID token': String(body['id_token']),
      'alg none': unsigned({ alg: 'none', typ: 'at+jwt' }, claims),
      'alg none in capitals': unsigned({ alg: 'NONE', typ: 'at+jwt', kid: header['kid'] }, claims),
      'another algorithm': forge({ ...header, alg: 'RS256' }, claims, own),
      crit: forge({ ...header, crit: ['b64'], b64: true }, claims, own),
      'a null payload': forge(header, 'null', own),
      'an array as payload': forge(header, '[]', own),
      garbage: 'eyJ.b.c',
      'only a header': token.split('.')[0] ?? '',
      dots: 'ey...',
      'a cut signature': token.slice(0, -4),
      'five parts': `${token}.x.y`,
      'a space behind': `${token} `,
      'another spelling of the same signature': `${token}==`,
      'a made-up handle': 'jwt~AAAAAAAAAAAAAAAAAAAAAA',
    };
  };

  it('says inactive, whatever it is, and revocation leaves everything alone', async () => {
    const cases = await forgeries();
    for (const [name, token] of Object.entries(cases)) {
      const answer = await app.introspect(token);
      expect([name, answer.status, answer.body]).toEqual([name, 200, inactive]);
      expect([name, (await app.revoke(token)).status]).toEqual([name, 200]);
    }
  });
});

describe('how introspection is asked', () => {
  let token: string;
  beforeAll(async () => {
    token = String((await apiTokens(app, user)).body['access_token']);
  });

  it('needs a client that proves who it is', async () => {
    const ask = (form: Record<string, string>) =>
      send(`${product.url}/introspect`, { method: 'POST', body: new URLSearchParams({ token, ...form }) });
    expect((await ask({})).status).toBe(400);
    expect((await ask({ client_id: app.credentials.clientId })).status).toBe(401);
    expect((await ask({ client_id: app.credentials.clientId, client_secret: 'wrong' })).status).toBe(401);
    expect((await ask({ client_id: 'nobody', client_secret: 'wrong' })).status).toBe(401);
  });

  it('takes a client that signs, and its assertion once', async () => {
    const key = await makeClientKey();
    const signing = {
      grant_types: ['client_credentials' as const],
      token_endpoint_auth_method: 'private_key_jwt' as const,
      jwks: key.jwks,
    };
    const { clientId } = await product.addClient(signing);
    const { body } = await product.app.core.clients
      .upsertResource(
        {
          identifier: 'https://signed.example/',
          access_token_format: 'jwt',
          scopes: [{ name: 'sign', description: 'Sign' }],
          introspection_clients: [clientId],
        },
        { actor: { kind: 'system' }, facts: {} },
      )
      .then(async () => {
        await product.app.core.clients.reload();
        product.app.protocol.rebuild();
        const service = await addService(product, { resources: ['https://signed.example/'] });
        return service.token({ grant_type: 'client_credentials' });
      });
    const assertion = await assertionFor(clientId, product.url, key.privateKey);
    const ask = () =>
      postWithAssertion(`${product.url}/introspect`, assertion, { token: String(body['access_token']) });
    expect((await ask()).body['active']).toBe(true);
    expect((await ask()).status).toBe(401);
  });

  it('takes a body that arrives in pieces', async () => {
    const form = formOf(app, token).toString();
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const sent = request(`${product.url}/introspect`, { method: 'POST', headers }, (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => (text += chunk))
          .on('end', () => resolve(text));
      }).on('error', reject);
      sent.write(form.slice(0, form.indexOf('token=') + 3));
      setImmediate(() => sent.end(form.slice(form.indexOf('token=') + 3)));
    });
    expect(JSON.parse(answer)).toMatchObject({ active: true });
  });

  it('refuses two tokens at once, none, and what is no form', async () => {
    const twice = formOf(app, token);
    twice.append('token', token);
    const none = formOf(app, token);
    none.delete('token');
    for (const body of [twice, none]) {
      const answer = await send(`${product.url}/introspect`, { method: 'POST', body });
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
    }
    const json = await send(`${product.url}/introspect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([json.status, json.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('refuses 60 KB, with a length and without one', async () => {
    const big = formOf(app, `ey${'a.'.repeat(30_000)}`).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const known = await send(`${product.url}/introspect`, { method: 'POST', headers, body: big });
    expect([400, 413]).toContain(known.status);
    expect(known.body['error']).toBe('invalid_request');
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(big));
        controller.close();
      },
    });
    const unknown = await send(`${product.url}/introspect`, {
      method: 'POST',
      headers,
      body: stream,
      duplex: 'half',
    } as never);
    expect([400, 413]).toContain(unknown.status);
    expect(unknown.body['error']).toBe('invalid_request');
  });
});
