import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accountPage } from '../account/kit.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { codeOf, enrol, isCodePage, typeCode } from '../mfa/kit.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { addProvider, isUpstream } from './kit.ts';

let product: Product;
let upstream: Scripted;
let app: RelyingApp;
let people = 0;

beforeAll(async () => {
  standStill();
  [product, upstream] = await Promise.all([startProduct(), startScripted()]);
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => Promise.all([product.stop(), upstream.stop()]));
beforeEach(async () => {
  advance(700);
  upstream.reset();
  people += 1;
  upstream.behave.claims = { sub: `sub-${people}`, email: emailOf(), email_verified: true };
  await addProvider(product, upstream);
});

const emailOf = (): string => `ada${people}@upstream.example`;
const find = () => product.app.core.users.findByLogin(emailOf());
const seconds = (): number => Math.floor(Date.now() / 1000);
const newPerson = { password: '', claims: {}, administrator: false };
const anew = { prompt: 'login' };
const isLeft = (url: string): boolean => isUpstream(upstream)(url) || isBack(url);
/** What the provider says of when the person signed in there; nothing, as Google and every OAuth 2.0 provider. */
const tells = (authTime: number | undefined): void =>
  void Object.assign(upstream.behave.claims, { auth_time: authTime });

interface Went {
  readonly page: Page;
  readonly asked: URLSearchParams;
  /** What the app is told: claims of the ID token. */
  readonly told: Record<string, unknown> | undefined;
}

/** Asks for a sign-in, goes to the provider where nobody is let through at once, and comes back. */
async function go(browser: Browser, parameters: Record<string, string> = {}): Promise<Went> {
  const { url, verifier } = app.request(parameters);
  let page = await browser.open(url, isBack);
  let asked = new URLSearchParams();
  if (page.text.includes('id="choose-up"')) page = await browser.submit(page, 'choose-up', {}, isLeft);
  while (isUpstream(upstream)(page.url)) {
    asked = new URL(page.url).searchParams;
    page = await browser.open(upstream.agree(page.url), isLeft);
  }
  return { page, asked, told: isBack(page.url) ? await idToken(page, verifier) : undefined };
}

async function idToken(page: Page, verifier: string): Promise<Record<string, unknown>> {
  const { body } = await app.exchange(new URL(page.url).searchParams.get('code') ?? '', verifier);
  return JSON.parse(Buffer.from(String(body['id_token']).split('.')[1] ?? '', 'base64url').toString());
}

async function signedIn(): Promise<Browser> {
  const browser = new Browser();
  expect((await go(browser)).told).toBeDefined();
  return browser;
}

async function isRefused({ page, told }: Went): Promise<void> {
  expect([page.status, told]).toEqual([401, undefined]);
  expect((await product.events('federation.refused')).at(-1)?.reason).toMatch(/^(stale|not_asked_again)$/);
  expect(page.text).toContain('id="login-submit"');
}

describe('a provider that does not say when somebody signed in', () => {
  it.each([anew, { max_age: '0' }, { max_age: '600' }])(
    'has proved nothing to an app that asks for %o',
    async (asked) => {
      const browser = await signedIn();
      advance(601);
      await isRefused(await go(browser, asked));
      await isRefused(await go(new Browser(), asked));
    },
  );

  it('makes nobody’s account of that', async () => {
    await isRefused(await go(new Browser(), anew));
    expect(await find()).toBeUndefined();
  });

  it('leaves the proof to a password of ours', async () => {
    const browser = await signedIn();
    const user = await find();
    const password = 'a long enough password';
    const by = { actor: { kind: 'system', name: 'test' }, facts: {} } as const;
    const operations = await product.app.core.passwords.set(user?.id ?? '', password, {}, by);
    await product.database.commit({ operations, fallback: [] });
    const { url, verifier } = app.request(anew);
    const start = await browser.open(url);
    const left = await browser.submit(start, 'choose-up', {}, isLeft);
    const refused = await browser.open(upstream.agree(left.url));
    const back = await browser.submit(refused, 'login-submit', { login: emailOf(), password }, isBack);
    expect(await idToken(back, verifier)).toMatchObject({ amr: ['pwd'], auth_time: seconds() });
  });

  it('is joined by our own second factor, which is shown now', async () => {
    const browser = await signedIn();
    const user = await find();
    const { secret } = await enrol(product, { ...newPerson, id: user?.id ?? '', email: emailOf() });
    const { page } = await go(browser, anew);
    expect(isCodePage(page)).toBe(true);
    expect(isBack((await typeCode(browser, page, codeOf(secret))).url)).toBe(true);
  });

  it('is not taken for a fresh sign-in later by an app that asks how long ago it was', async () => {
    const browser = await signedIn();
    const silent = await browser.open(app.request({ max_age: '3600', prompt: 'none' }).url, isBack);
    expect(new URL(silent.url).searchParams.get('error')).toBe('login_required');
    await isRefused(await go(browser, { max_age: '3600' }));
    expect((await go(browser)).told).toMatchObject({ amr: ['fed'] });
  });

  it('may be trusted by the operator, each time anew', async () => {
    await addProvider(product, upstream, { policy: { reauthentication: 'trust' } });
    const browser = new Browser();
    for (const asked of [anew, anew, { max_age: '3600' }, { max_age: '3600' }]) {
      upstream.reset();
      upstream.behave.claims = { sub: `sub-${people}`, email: emailOf(), email_verified: true };
      expect((await go(browser, asked)).told).toMatchObject({ amr: ['fed'] });
      expect(upstream.asked.map(({ path }) => path)).toContain('/token');
    }
  });

  it('is enough for who looks after an account and has nothing else to show, and for nobody else', async () => {
    const browser = await signedIn();
    const home = await accountPage(product, browser);
    advance(601);
    const again = await browser.open(`${product.url}/account/authenticator`);
    expect(again.text).toContain('id="choose-up"');
    const left = await browser.submit(again, 'choose-up', {}, isUpstream(upstream));
    expect((await browser.open(upstream.agree(left.url))).text).toContain('id="totp-secret"');
    expect(home.text).toContain('id="sign-out"');
    await isRefused(await go(browser, { max_age: '3600' }));
  });
});

describe('a provider that says when somebody signed in', () => {
  it('is asked to, and passed on truthfully', async () => {
    const browser = new Browser();
    tells(seconds() - 3600);
    expect((await go(browser)).told).toMatchObject({ amr: ['fed'], auth_time: seconds() - 3600 });
    // Long ago is not anew.
    const old = await go(browser, anew);
    await isRefused(old);
    expect(Object.fromEntries(old.asked)).toMatchObject({ prompt: 'login', max_age: '0' });
    tells(seconds());
    const fresh = { amr: ['fed', 'user'], auth_time: seconds() };
    expect((await go(browser, anew)).told).toMatchObject(fresh);
    // Nobody is asked once more: what was shown is known.
    advance(60);
    upstream.reset();
    expect((await go(browser, { max_age: '3600' })).told).toMatchObject(fresh);
    expect(upstream.asked).toEqual([]);
  });

  it('is not believed about the future, nor about what only we can know', async () => {
    tells(seconds() + 20);
    upstream.behave.claims['amr'] = ['user', 'pop', 'mfa'];
    await addProvider(product, upstream, { policy: { mfa: 'trust' } });
    expect((await go(new Browser())).told).toMatchObject({ auth_time: seconds() });
    tells(undefined);
    expect((await go(new Browser())).told).toMatchObject({ amr: ['fed', 'mfa'] });
  });

  it('has somebody sign in anew there whose sign-in would be over here already', async () => {
    const months = 400 * 86_400;
    tells(seconds() - months);
    await isRefused(await go(new Browser()));
    const browser = new Browser();
    const start = await browser.open(app.request().url);
    const left = await browser.submit(start, 'choose-up', {}, isLeft);
    const again = await browser.open(upstream.agree(left.url), isLeft);
    expect(new URL(again.url).searchParams.get('prompt')).toBe('login');
    tells(seconds());
    expect(isBack((await browser.open(upstream.agree(again.url), isBack)).url)).toBe(true);
    expect((await accountPage(product, browser)).text).toContain('id="sign-out"');
  });
});
