import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { addProvider, isUpstream } from './kit.ts';

let product: Product;
let upstream: Scripted;
let other: Scripted;
let app: RelyingApp;

beforeAll(async () => {
  standStill();
  [product, upstream, other] = await Promise.all([startProduct(), startScripted(), startScripted()]);
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => Promise.all([product.stop(), upstream.stop(), other.stop()]));
beforeEach(async () => {
  advance(61);
  upstream.reset();
  await addProvider(product, upstream, { domains: ['harbour.example'] });
  await addProvider(product, other, { name: 'other' });
});

const open = (of: RelyingApp, parameters: Record<string, string> = {}, browser = new Browser()): Promise<Page> =>
  browser.open(of.request(parameters).url, (url) => isUpstream(upstream)(url) || isBack(url));
const choices = ({ text }: Page): string[] =>
  [...text.matchAll(/id="choose-([\w-]+)"/g)].map(([, name = '']) => name).sort();

describe('straight to a provider', () => {
  it('leads `idp_hint`, once, and a name that nobody has leads nowhere', async () => {
    const browser = new Browser();
    const left = await open(app, { idp_hint: 'up' }, browser);
    expect(isUpstream(upstream)(left.url)).toBe(true);
    const refused = new URL(upstream.agree(left.url));
    refused.searchParams.delete('code');
    refused.searchParams.set('error', 'access_denied');
    const page = await browser.open(refused.href);
    expect([page.status, choices(page)]).toEqual([400, ['other', 'up']]);
    expect(isBack((await browser.open(upstream.agree((await open(app, { idp_hint: 'up' })).url))).url)).toBe(false);
    for (const hint of ['nobody', '', '../up', 'x'.repeat(3000)]) {
      expect(choices(await open(app, { idp_hint: hint }))).toEqual(['other', 'up']);
    }
  });

  it('leads an app that knows only one, and shows an app those that it knows', async () => {
    const one = await addWebApp(product, { first_party: true, identity_providers: ['up'] });
    const left = await open(one);
    expect(isUpstream(upstream)(left.url)).toBe(true);
    const two = await addWebApp(product, { first_party: true, identity_providers: ['other', 'gone'] });
    await addProvider(product, other, { name: 'third' });
    const three = await addWebApp(product, { first_party: true, identity_providers: ['up', 'third'] });
    expect(choices(await open(three))).toEqual(['third', 'up']);
    // What the app does not know is no way in, whoever asks for it.
    const browser = new Browser();
    const page = await open(three, { idp_hint: 'other' }, browser);
    const { pathname } = new URL(page.url);
    const posted = await browser.post(`${product.url}${pathname}/federation/other`, {});
    expect(posted.headers.get('location')).toBe(pathname);
    expect(two.credentials.clientId).toBeDefined();
    await addProvider(product, other, { name: 'third', disabled: true });
  });

  it('leads an address whose home it is', async () => {
    const hinted = await open(app, { login_hint: 'ada@Harbour.example' });
    expect(new URL(hinted.url).searchParams.get('login_hint')).toBe('ada@Harbour.example');
    const browser = new Browser();
    const page = await open(app, { login_hint: 'ada@elsewhere.example' }, browser);
    const left = await browser.submit(
      page,
      'login-submit',
      { login: 'grace@harbour.example', password: '' },
      isUpstream(upstream),
    );
    expect(new URL(left.url).searchParams.get('login_hint')).toBe('grace@harbour.example');
    const wrong = await browser.submit(page, 'login-submit', { login: 'grace@elsewhere.example', password: '' });
    expect(wrong.status).toBe(400);
  });

  it('leads nobody who is signed in already', async () => {
    const user = await product.addUser();
    const { browser } = await app.signIn(user);
    expect(isBack((await open(app, { idp_hint: 'up' }, browser)).url)).toBe(true);
  });
});
