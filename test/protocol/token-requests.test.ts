import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp, send } from '../kit/relying-app.ts';
import { addPublicApp, addService } from './kit/apps.ts';
import { addDevice } from './kit/device.ts';

let product: Product;
let app: RelyingApp;
let service: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product);
  service = await addService(product);
  user = await product.addUser();
});
afterAll(() => product.stop());

const basicOf = ({ credentials: { clientId, clientSecret } }: RelyingApp) => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
});
const post = (by: RelyingApp, form: string): Promise<Answer> =>
  send(`${product.url}/token`, {
    method: 'POST',
    headers: { ...basicOf(by), 'content-type': 'application/x-www-form-urlencoded' },
    body: form,
  });
const refusal = ({ status, body }: Answer) => [status, body['error']];

describe('a token request', () => {
  it('is a POST of a form, and never an address (RFC 6749 §3.2, §2.3.1)', async () => {
    const { clientId, clientSecret } = service.credentials;
    const query = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    });
    expect((await send(`${product.url}/token?${query}`)).status).toBe(405);
    expect((await send(`${product.url}/token?${query}`, { method: 'POST' })).status).toBe(400);
    const json = { 'content-type': 'application/json', ...basicOf(service) };
    const body = JSON.stringify({ grant_type: 'client_credentials' });
    expect((await send(`${product.url}/token`, { method: 'POST', headers: json, body })).status).toBe(400);
  });

  it('may have parameters without a value, and unknown ones, and each once (RFC 6749 §3.2)', async () => {
    expect((await post(service, 'grant_type=client_credentials&scope=&resource=&colour=red')).status).toBe(200);
    for (const more of ['&grant_type=client_credentials', '&scope=a&scope=b']) {
      expect(refusal(await post(service, `grant_type=client_credentials${more}`))).toEqual([400, 'invalid_request']);
    }
    const { answer, verifier } = await app.signIn(user);
    const twice = await app.post('/token', { grant_type: 'authorization_code', code: answer.get('code') ?? '' });
    expect(refusal(twice)).toEqual([400, 'invalid_request']);
    expect((await app.exchange(answer.get('code') ?? '', verifier, { refresh_token: '' })).status).toBe(200);
  });

  it('names a grant type that is known, and may be used by the client (RFC 6749 §5.2)', async () => {
    expect(refusal(await post(service, 'scope=x'))).toEqual([400, 'invalid_request']);
    for (const type of ['password', 'implicit', 'urn:example:none', '__proto__']) {
      expect([type, ...refusal(await app.token({ grant_type: type }))]).toEqual([type, 400, 'unsupported_grant_type']);
    }
    for (const type of ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code']) {
      const form = {
        grant_type: type,
        code: 'x',
        refresh_token: 'x',
        device_code: 'x',
        redirect_uri: 'https://app.example/',
      };
      expect([type, ...refusal(await service.token(form))]).toEqual([type, 400, 'unauthorized_client']);
    }
    expect(refusal(await app.token({ grant_type: 'client_credentials' }))).toEqual([400, 'unauthorized_client']);
    expect(refusal(await app.post('/device/authorize', { scope: 'openid' }))).toEqual([400, 'unauthorized_client']);
    const told = await product.events('token.refused');
    expect(told.map(({ reason }) => reason)).toContain('unauthorized_client');
  });

  it('is answered in JSON that nothing keeps, with a type, a lifetime and the scope (RFC 6749 §5.1)', async () => {
    const { status, headers, body } = await app.tokens(user, { scope: 'openid email nonsense' });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 600, scope: 'openid email' });
  });

  it('brings a service no refresh token (RFC 6749 §4.4.3)', async () => {
    const both = await addWebApp(product, {
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    });
    const { status, body } = await both.token({ grant_type: 'client_credentials' });
    expect([status, body['refresh_token']]).toEqual([200, undefined]);
  });

  it('is refused in JSON, in words of the characters that there may be (RFC 6749 §5.2)', async () => {
    const forms = [
      '',
      'grant_type=é"\\',
      'grant_type=authorization_code&code=%00',
      'grant_type=client_credentials&scope=%22%5C',
      'grant_type=client_credentials&resource=%22',
      'grant_type=client_credentials&resource=https%3A%2F%2F%C3%A9.example%2F%22',
    ];
    for (const form of forms) {
      const { status, headers, body } = await post(service, form);
      expect(status).toBe(400);
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(headers.get('cache-control')).toBe('no-store');
      for (const value of [body['error'], body['error_description'] ?? 'none']) {
        expect(value).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
      }
    }
  });

  it('has a verifier of 43 to 128 characters (RFC 7636 §4.1)', async () => {
    const { answer, verifier } = await app.signIn(user);
    const code = answer.get('code') ?? '';
    for (const wrong of ['x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(42)}ö`, '']) {
      expect((await app.exchange(code, wrong)).status).toBe(400);
    }
    expect((await app.exchange(code, verifier)).status).toBe(200);
  });
});

describe('PKCE (RFC 7636)', () => {
  const errorOf = async (by: RelyingApp, change: (query: URLSearchParams) => void) => {
    const url = new URL(by.request().url);
    change(url.searchParams);
    const response = await fetch(url, { redirect: 'manual' });
    return new URL(response.headers.get('location') ?? 'about:blank', product.url).searchParams.get('error');
  };

  it('knows S256 alone, also where none is named: plain would be meant (§4.3, §4.4.1)', async () => {
    for (const by of [app, await addPublicApp(product), await addWebApp(product, { require_pkce: false })]) {
      expect(await errorOf(by, (query) => query.set('code_challenge_method', 'plain'))).toBe('invalid_request');
      expect(await errorOf(by, (query) => query.delete('code_challenge_method'))).toBe('invalid_request');
      expect(await errorOf(by, (query) => query.set('code_challenge_method', 's256'))).toBe('invalid_request');
      expect(await errorOf(by, (query) => query.set('code_challenge', 'short'))).toBe('invalid_request');
      expect(await errorOf(by, (query) => query.delete('code_challenge'))).toBe('invalid_request');
    }
  });

  it('cannot be taken out of a request on its way (RFC 9700 §2.1.1)', async () => {
    const old = await addWebApp(product, { require_pkce: false });
    const { answer, verifier } = await old.signIn(user);
    expect((await old.exchange(answer.get('code') ?? '', '')).body['error']).toBe('invalid_grant');
    expect((await old.exchange(answer.get('code') ?? '', verifier)).status).toBe(200);
    const bare = { code_challenge: '', code_challenge_method: '' };
    const { answer: without } = await old.signIn(user, { parameters: bare });
    expect((await old.exchange(without.get('code') ?? '', verifier)).body['error']).toBe('invalid_grant');
    expect((await old.exchange(without.get('code') ?? '', '')).status).toBe(200);
  });
});

describe('a device', () => {
  it('asks for its codes as a client that may (RFC 8628 §3.1)', async () => {
    const device = await addDevice(product);
    const twice = await send(`${product.url}/device/authorize`, {
      method: 'POST',
      body: new URLSearchParams([
        ['client_id', device.credentials.clientId],
        ['scope', 'openid'],
        ['scope', 'email'],
      ]),
    });
    expect(refusal(twice)).toEqual([400, 'invalid_request']);
    const nobody = new URLSearchParams({ client_id: 'nobody' });
    expect(refusal(await send(`${product.url}/device/authorize`, { method: 'POST', body: nobody }))).toEqual([
      401,
      'invalid_client',
    ]);
    const empty = await device.post('/device/authorize', { scope: 'openid', resource: '', colour: 'red' });
    expect([empty.status, empty.headers.get('cache-control')]).toEqual([200, 'no-store']);
  });
});
