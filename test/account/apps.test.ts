import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, formOf, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, redirectUri } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';
import type { Person } from '../mfa/kit.ts';
import { isActive } from '../protocol/kit/apps.ts';
import { type Listener, startListener } from '../protocol/kit/listener.ts';
import { advance } from '../protocol/kit/time.ts';
import { accountPage, enter } from './kit.ts';

let product: Product;
let listener: Listener;
let app: RelyingApp;
let user: Person;

const orders = 'https://orders.example';
const offline = { scope: 'openid email offline_access orders:read', prompt: 'consent', resource: orders };

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  listener = await startListener();
  await product.addResource({
    identifier: orders,
    access_token_format: 'jwt',
    scopes: [{ name: 'orders:read', description: 'See your orders and what they cost' }],
  });
  app = await addWebApp(product, {
    client_name: 'Harbour Books',
    client_uri: 'https://books.example/',
    scope: 'openid email offline_access orders:read',
    backchannel_logout_uri: `${listener.url}/logout`,
  });
});
beforeEach(async () => {
  user = await product.addUser();
  advance(900);
  listener.calls.length = 0;
});
afterAll(async () => {
  await product.stop();
  await listener.close();
});

const listed = (page: Page): string[] =>
  [...page.text.matchAll(/name="app" value="([^"]*)"/g)].map(([, id = '']) => id);
const revoked = async () => (await product.events('consent.revoked')).filter(({ subject }) => subject === user.id);

describe('connected apps', () => {
  it('are none for who has signed in to none, and our own pages do not count', async () => {
    const { page } = await enter(product, user);
    expect([listed(page), page.text.includes('No app is connected')]).toEqual([[], true]);
  });

  it('are listed with what they may see, as consent says it', async () => {
    const browser = new Browser();
    await app.signIn(user, { browser, parameters: offline });
    const page = await accountPage(product, browser);
    expect(listed(page)).toEqual([app.credentials.clientId]);
    for (const words of [
      'Harbour Books',
      'books.example',
      'See your e-mail address',
      'Stay connected',
      'See your orders',
    ])
      expect(page.text).toContain(words);
  });

  it('lose everything they hold when they are disconnected, are told, and have to ask anew', async () => {
    const { answer: first, verifier, browser } = await app.signIn(user, { parameters: offline });
    const { body } = await app.exchange(first.get('code') ?? '', verifier, { resource: orders });
    const other = await addWebApp(product, { client_name: 'Lighthouse' });
    const kept = (
      await other.signIn(user, { browser, parameters: { scope: 'openid offline_access', prompt: 'consent' } })
    ).answer;
    expect(decodeJwt(String(body['access_token']))['scope']).toContain('orders:read');
    expect(await isActive(app, body['access_token'])).toBe(true);
    // A code that lies at the app, not yet used.
    const open = await app.signIn(user, { browser });
    const page = await accountPage(product, browser);
    expect(listed(page)).toHaveLength(2);
    const { action } = formOf(page, 'app-disconnect');
    const answer = await browser.post(new URL(action, page.url).href, { app: app.credentials.clientId });
    expect(answer.headers.get('location')).toBe('/account?done=app');

    expect(await isActive(app, body['access_token'])).toBe(false);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await app.exchange(open.answer.get('code') ?? '', open.verifier)).body['error']).toBe('invalid_grant');
    expect((await other.exchange(kept.get('code') ?? '', 'x')).status).toBe(400);
    await until('the app is told', async () => listener.calls.length > 0);
    const token = decodeJwt(listener.calls[0]?.form.get('logout_token') ?? '');
    expect(token).toMatchObject({ sub: user.id, aud: app.credentials.clientId });

    const after = await accountPage(product, browser);
    expect(listed(after)).toEqual([other.credentials.clientId]);
    const asked = await browser.open(app.request({ scope: 'openid email' }).url, isBack);
    expect(asked.text).toContain('id="consent-allow"');
    expect(await revoked()).toMatchObject([
      { actor: { kind: 'user', id: user.id }, client: app.credentials.clientId, details: { by: 'account' } },
    ]);
    // Allowed once more, it is an app like any other.
    const back = await browser.submit(asked, 'consent-allow', {}, isBack);
    expect(back.url.startsWith(redirectUri)).toBe(true);
    expect(listed(await accountPage(product, browser))).toContain(app.credentials.clientId);
  });

  it('are nobody else’s to disconnect, and unknown ones change nothing', async () => {
    const { body } = await app.tokens(user, offline);
    const owner = user;
    const stranger = await product.addUser();
    const { browser, page } = await enter(product, stranger);
    for (const id of [app.credentials.clientId, '', 'postern', 'nothing', "x' OR 1=1 --"]) {
      const answer = await browser.post(`${product.url}/account/apps/disconnect`, { app: id });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account']);
    }
    expect(listed(page)).toEqual([]);
    expect(await isActive(app, body['access_token'])).toBe(true);
    user = owner;
    expect(await revoked()).toEqual([]);
    const out = await new Browser().post(`${product.url}/account/apps/disconnect`, { app: app.credentials.clientId });
    expect(out.headers.get('location')).toBe('/account');
  });

  it('of the operator are listed too, and end in the same way', async () => {
    const own = await addWebApp(product, { client_name: 'Intranet', first_party: true });
    const { body, browser } = await own.tokens(user, { scope: 'openid offline_access', prompt: 'consent' });
    const page = await accountPage(product, browser);
    expect([listed(page), page.text.includes('let in again when you use it')]).toEqual([
      [own.credentials.clientId],
      true,
    ]);
    expect((await browser.submit(page, 'app-disconnect')).text).toContain('The app is disconnected');
    expect((await own.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });
});
