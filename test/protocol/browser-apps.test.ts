import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, type RelyingApp, redirectUri, send } from '../kit/relying-app.ts';
import { addPublicApp, addService } from './kit/apps.ts';
import { makeProofKey, proofFor } from './kit/dpop.ts';
import { standStill } from './kit/time.ts';

const own = new URL(redirectUri).origin;
const others = 'https://neighbour.example';

let product: Product;
let app: RelyingApp;
let user: TestUser;
beforeAll(async () => {
  standStill();
  product = await startProduct();
  user = await product.addUser();
  app = await addPublicApp(product);
  await addPublicApp(product, { redirect_uris: [`${others}/callback`] });
});
afterAll(() => product.stop());

/** What a script may do with an answer, by the headers that browsers go by (Fetch §3.2). */
const readableFrom = (origin: string, { headers }: Pick<Answer, 'headers'>): boolean =>
  ['*', origin].includes(headers.get('access-control-allow-origin') ?? '');

const exposed = ({ headers }: Answer): string[] =>
  (headers.get('access-control-expose-headers') ?? '').split(',').map((name) => name.trim().toLowerCase());

const preflight = (path: string, origin: string, headers = 'authorization,dpop,content-type'): Promise<Answer> =>
  send(product.url + path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': headers },
  });

/** Each endpoint of a client: a request that is answered with a success, made anew each time. */
const calls: readonly (readonly [string, (headers: Record<string, string>) => Promise<Answer>])[] = [
  [
    '/token',
    async (headers) => {
      const { answer, verifier } = await app.signIn(user);
      const code = { code: answer.get('code') ?? '', code_verifier: verifier, redirect_uri: redirectUri };
      return app.post('/token', { grant_type: 'authorization_code', ...code }, headers);
    },
  ],
  [
    '/userinfo',
    async (headers) => {
      const { body } = await app.tokens(user);
      const authorization = `Bearer ${String(body['access_token'])}`;
      return send(`${product.url}/userinfo`, { headers: { ...headers, authorization } });
    },
  ],
  ['/par', (headers) => app.post('/par', Object.fromEntries(new URL(app.request().url).searchParams), headers)],
  [
    '/revoke',
    async (headers) => {
      const { body } = await app.tokens(user);
      return app.post('/revoke', { token: String(body['refresh_token']) }, headers);
    },
  ],
];

describe.each(calls)('a script at %s', (path, call) => {
  it('may ask beforehand, and act for the app of its own address', async () => {
    const asked = await preflight(path, own);
    expect([asked.status, readableFrom(own, asked)]).toEqual([204, true]);
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST');
    expect(asked.headers.get('access-control-allow-headers')).toBe('authorization,dpop,content-type');
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull();

    const answer = await call({ origin: own });
    expect(answer.status).toBeLessThan(300);
    expect(readableFrom(own, answer)).toBe(true);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin');
  });

  it.each([
    ['of the app of somebody else', others],
    ['of nobody', 'https://nobody.example'],
    ['of a sandboxed frame', 'null'],
    ['of the app’s host on another port', `${own}:8443`],
    ['of the app’s host in the clear', own.replace('https', 'http')],
    ['that begins like the app’s', `${own}.evil.example`],
  ])('%s is refused', async (_, origin) => {
    const refused = await call({ origin });
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_request']);
    expect(readableFrom(origin, refused)).toBe(false);
  });
});

describe('a browser app', () => {
  it('reads nonces and what is wrong with its proof', async () => {
    const refused = await app.post('/token', { grant_type: 'refresh_token', refresh_token: 'x' }, { origin: own });
    expect(exposed(refused)).toEqual(expect.arrayContaining(['dpop-nonce', 'www-authenticate']));
    const bare = await send(`${product.url}/userinfo`, {
      headers: { origin: own, authorization: 'DPoP x', dpop: 'x' },
    });
    expect(bare.status).toBe(401);
    expect(exposed(bare)).toEqual(expect.arrayContaining(['dpop-nonce', 'www-authenticate']));
  });

  it('binds its tokens to its key, and gets another refresh token each time', async () => {
    const key = await makeProofKey();
    const { answer, verifier } = await app.signIn(user);
    const url = `${product.url}/token`;
    const headers = async () => ({ origin: own, ...(await proofFor(key, ['POST', url])) });
    const code = { code: answer.get('code') ?? '', code_verifier: verifier, redirect_uri: redirectUri };
    const { body } = await app.post('/token', { grant_type: 'authorization_code', ...code }, await headers());
    expect(body['token_type']).toBe('DPoP');
    const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
    expect((await app.post('/token', form, { origin: own })).body['error']).toBe('invalid_grant');
    const next = await app.post('/token', form, await headers());
    expect([next.status, readableFrom(own, next)]).toEqual([200, true]);
    expect(next.body['refresh_token']).not.toBe(form.refresh_token);
  });

  it('is not asked for anything that a script has not', async () => {
    const { body } = await app.tokens(user);
    expect(
      (
        await app.post(
          '/token',
          { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) },
          { origin: own },
        )
      ).status,
    ).toBe(200);
  });
});

describe('introspection', () => {
  it('is for servers: scripts of no origin may ask or read', async () => {
    const service = await addService(product);
    const { body } = await service.token({ grant_type: 'client_credentials' });
    for (const origin of [own, others, 'null']) {
      const asked = await preflight('/introspect', origin);
      expect(readableFrom(origin, asked)).toBe(false);
      expect(asked.headers.get('access-control-allow-headers')).toBeNull();
      const answer = await service.post('/introspect', { token: String(body['access_token']) }, { origin });
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
      expect(readableFrom(origin, answer)).toBe(false);
      const wrong = await app.post('/introspect', { token: 'x', client_id: 'nobody' }, { origin });
      expect(readableFrom(origin, wrong)).toBe(false);
    }
    const plain = await service.introspect(body['access_token']);
    expect(plain.body['active']).toBe(true);
    expect(plain.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('public documents', () => {
  it.each(['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks'])(
    '%s can be read by scripts of any origin, whoever asked first',
    async (path) => {
      for (const origin of [undefined, own, others, 'null', undefined]) {
        const answer = await send(product.url + path, { headers: origin === undefined ? {} : { origin } });
        expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
        const asked = await preflight(path, origin ?? own);
        expect([asked.status, readableFrom(origin ?? own, asked)]).toEqual([204, true]);
      }
    },
  );
});
