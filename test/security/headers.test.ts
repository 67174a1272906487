import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { raw } from './kit/raw.ts';

let product: Product;
let secure: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  [product, secure] = await Promise.all([startProduct(), startProduct({ issuer: 'https://id.example' })]);
  app = await addWebApp(product);
  user = await product.addUser({ administrator: true });
});
afterAll(() => Promise.all([product.stop(), secure.stop()]));

type Kind = 'page' | 'interaction' | 'logout' | 'machine' | 'document';
const get = async (path: string, base = product.url): Promise<Page> => new Browser().get(base + path);
const post = (path: string, base = product.url): Promise<Page> =>
  new Browser({ 'sec-fetch-site': 'same-origin' }).post(base + path, {});

/** Every route there is, and one that is not, with what it answers. */
const routes: [Kind, 'GET' | 'POST', string][] = [
  ['page', 'GET', '/'],
  ['page', 'GET', '/?code=x'],
  ['page', 'GET', '/setup'],
  ['page', 'GET', '/setup?key=wrong'],
  ['page', 'POST', '/setup'],
  ['page', 'POST', '/sign-out'],
  ['page', 'POST', '/apps'],
  ['page', 'GET', '/nowhere'],
  ['interaction', 'GET', '/authorize'],
  ['interaction', 'POST', '/authorize'],
  ['interaction', 'GET', '/authorize/unknown-interaction'],
  ['interaction', 'GET', '/interaction/unknown-interaction'],
  ['interaction', 'POST', '/interaction/unknown-interaction/sign-in'],
  ['interaction', 'POST', '/interaction/unknown-interaction/sign-in/passkey'],
  ['interaction', 'POST', '/interaction/unknown-interaction/passkey'],
  ['interaction', 'POST', '/interaction/unknown-interaction/consent'],
  ['interaction', 'POST', '/interaction/unknown-interaction/deny'],
  ['interaction', 'POST', '/interaction/unknown-interaction/switch'],
  ['interaction', 'POST', '/interaction/unknown-interaction/federation/google'],
  ['interaction', 'GET', '/interaction/unknown-interaction/federation'],
  ['interaction', 'GET', '/federation/google/callback'],
  ['interaction', 'POST', '/federation/google/callback'],
  ['interaction', 'POST', '/federation/google/backchannel-logout'],
  ['interaction', 'GET', '/federation/google/logged-out?state=forged'],
  ['interaction', 'GET', '/device'],
  ['interaction', 'POST', '/device'],
  ['logout', 'GET', '/logout?client_id=nobody'],
  ['logout', 'POST', '/logout'],
  ['logout', 'POST', '/logout/confirm'],
  ['logout', 'GET', '/logout/success'],
  ['machine', 'POST', '/token'],
  ['machine', 'GET', '/token'],
  ['machine', 'GET', '/userinfo'],
  ['machine', 'POST', '/introspect'],
  ['machine', 'GET', '/api/v1/identities/google/token'],
  ['machine', 'POST', '/revoke'],
  ['machine', 'POST', '/par'],
  ['machine', 'POST', '/device/authorize'],
  ['document', 'GET', '/.well-known/openid-configuration'],
  ['document', 'GET', '/.well-known/oauth-authorization-server'],
  ['document', 'GET', '/jwks'],
  ['document', 'GET', '/.well-known/webauthn'],
  ['document', 'GET', '/.well-known/passkey-endpoints'],
  ['page', 'GET', '/assets/nothing.css'],
];

describe.each(['http', 'https'])('the headers of every route on %s', (scheme) => {
  it.each(routes)('%s: %s %s', async (kind, method, path) => {
    const { url } = scheme === 'https' ? secure : product;
    const { headers } = await (method === 'GET' ? get(path, url) : post(path, url));
    const policy = headers.get('content-security-policy') ?? '';
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe-|\*|data:|http:/);
    expect(headers.get('strict-transport-security')).toBe(scheme === 'https' ? 'max-age=31536000' : null);
    if (kind !== 'document') expect(headers.get('cache-control')).toBe('no-store');
    if (kind === 'page' || kind === 'interaction' || kind === 'logout') {
      expect(headers.get('referrer-policy')).toBe('same-origin');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('permissions-policy')).toContain('geolocation=()');
      expect(headers.get('cross-origin-opener-policy')).toBe(kind === 'page' ? 'same-origin' : 'unsafe-none');
      expect(policy).toMatch(/form-action 'self'/);
      expect(policy).toContain("base-uri 'none'");
    }
    expect(headers.get('server')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('headers of pages on the way to an app', () => {
  it('let forms end at the app that asked, and nowhere else', async () => {
    const { headers } = await new Browser().open(app.request().url);
    expect(headers.get('content-security-policy')).toMatch(/form-action 'self' https:\/\/app\.example(;|$)/);
  });

  it('run files of ours alone, also where a page posts itself to the app', async () => {
    const { browser } = await app.signIn(user);
    const page = await browser.open(app.request({ response_mode: 'form_post' }).url, isBack);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect(page.text).not.toMatch(/<script(?![^>]*\ssrc="\/assets\/)/);
    expect(page.headers.get('cross-origin-opener-policy')).toBe('unsafe-none');
    expect(page.headers.get('cache-control')).toBe('no-store');
  });

  it('keep assets for a year, and discovery for minutes', async () => {
    const home = await get('/');
    const asset = /\/assets\/site\.[0-9a-f]+\.css/.exec(home.text)?.[0] ?? '';
    const { status, headers } = await get(asset);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toMatch(/max-age=31536000.*immutable/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-request-id')).not.toBeNull();
    expect((await get('/jwks')).headers.get('cache-control')).toBe('public, max-age=300');
  });
});

describe('who the request says it is for', () => {
  const lies: Record<string, string>[] = [
    { 'x-forwarded-host': 'evil.example' },
    { 'x-forwarded-proto': 'https' },
    { 'x-forwarded-port': '1' },
    { forwarded: 'host=evil.example;proto=https' },
    { 'x-original-url': '/admin', 'x-rewrite-url': '/admin' },
    { host: 'evil.example' },
  ];

  it.each(lies)('changes no address that we give: %o', async (headers) => {
    const told = await raw(`${product.url}/.well-known/openid-configuration`, { headers });
    expect(JSON.parse(told.text)).toMatchObject({ issuer: product.url, token_endpoint: `${product.url}/token` });
    const { pathname, search } = new URL(app.request().url);
    const redirect = await raw(product.url + pathname + search, { headers: { ...headers, accept: 'text/html' } });
    expect(redirect.status).toBe(303);
    const location = redirect.headers.location ?? '';
    expect(new URL(location, product.url).origin).toBe(product.url);
    for (const path of ['/', location, '/authorize?client_id=nobody', '/logout', '/nowhere']) {
      const page = await raw(new URL(path, product.url).href, { headers: { ...headers, accept: 'text/html' } });
      expect(page.text).not.toContain('evil.example');
      expect(page.text).not.toContain('https://localhost');
    }
  });

  it('is not cached into the public documents', async () => {
    const fresh = await startProduct();
    const poisoned = await raw(`${fresh.url}/.well-known/openid-configuration`, {
      headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' },
    });
    expect(poisoned.text).not.toContain('evil.example');
    expect((await raw(`${fresh.url}/.well-known/openid-configuration`)).text).not.toContain('evil.example');
    await fresh.stop();
  });

  it('is told the issuer’s addresses when that is https behind a proxy', async () => {
    const { text } = await get('/.well-known/openid-configuration', secure.url);
    expect(JSON.parse(text)).toMatchObject({
      issuer: 'https://id.example',
      authorization_endpoint: 'https://id.example/authorize',
    });
    const started = await new Browser().get(`${secure.url}/device`);
    for (const line of started.headers.getSetCookie()) {
      expect(line).toMatch(/^(__Host-session|__Secure-)/);
      expect(line.toLowerCase()).toContain('secure');
    }
  });
});

describe('browser clients on other origins (CORS)', () => {
  const origin = 'https://app.example';

  it('may read public documents', async () => {
    for (const path of ['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      expect(
        (await new Browser({ origin }).get(product.url + path)).headers.get('access-control-allow-origin'),
      ).toMatch(/^(\*|https:\/\/app\.example)$/);
    }
  });

  const ask = (path: string, from: string, more: RequestInit = {}) =>
    fetch(product.url + path, {
      method: 'POST',
      redirect: 'manual',
      ...more,
      headers: { origin: from, ...more.headers },
    });

  it('may fetch tokens from the origin of one of their redirect URIs, and no other', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: 'rt_x' };
    const { clientId } = await product.addClient({
      redirect_uris: ['https://app.example/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    });
    const body = new URLSearchParams({ ...form, client_id: clientId });
    const own = await ask('/token', origin, { body });
    expect(own.headers.get('access-control-allow-origin')).toBe(origin);
    expect(own.headers.get('access-control-allow-credentials')).toBeNull();
    const foreign = await ask('/token', 'https://evil.example', { body });
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    expect(foreign.status).toBe(400);
  });

  it('are told beforehand what they may send', async () => {
    const preflight = await fetch(`${product.url}/token`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
  });

  it('get no pages', async () => {
    for (const path of ['/', '/device', '/logout', '/setup', '/authorize?client_id=x']) {
      expect(
        (await new Browser({ origin }).get(product.url + path)).headers.get('access-control-allow-origin'),
      ).toBeNull();
    }
  });
});
