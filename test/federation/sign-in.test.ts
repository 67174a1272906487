import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Browser, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, walk } from '../kit/relying-app.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { codeOf, enrol, hrefOf, isCodePage, multiFactor, singleFactor, typeCode } from '../mfa/kit.ts';
import { advance, days, standStill } from '../protocol/kit/time.ts';
import { addProvider, comeBack, setOut, signInBy } from './kit.ts';

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
  // Signs of too many strangers from one address are not what is looked at here.
  advance(61);
  upstream.reset();
  people += 1;
  upstream.behave.claims = { sub: `sub-${people}`, email: emailOf(), email_verified: true, name: 'Ada' };
  await addProvider(product, upstream);
  await product.app.core.settings.set({ mfa: { policy: 'optional' } }, byOperator);
});

const emailOf = (): string => `ada${people}@upstream.example`;
const find = (email = emailOf()) => product.app.core.users.findByLogin(email);
const problem = (page: Page): [number, string | undefined] => [page.status, textOf(page, 'problem')];
const lastRefusal = async () => (await product.events('federation.refused')).at(-1);
const linked = async (id: string) => (await product.events('identity.linked')).filter(({ subject }) => subject === id);

/** The claims of the ID token that the app gets. */
async function idToken(): Promise<Record<string, unknown>> {
  const { url, verifier } = app.request();
  const browser = new Browser();
  const start = await browser.open(url);
  const left = await browser.submit(start, 'choose-up', {}, (to) => to.startsWith(upstream.issuer));
  const back = await browser.open(upstream.agree(left.url), isBack);
  const { body } = await app.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
  return JSON.parse(Buffer.from(String(body['id_token']).split('.')[1] ?? '', 'base64url').toString());
}

describe('somebody who is signed in as somebody else', () => {
  it('may come by a provider instead', async () => {
    const asking = await addWebApp(product);
    const other = await product.addUser();
    const browser = new Browser();
    const consent = await walk(browser, await browser.open(app.request().url, isBack), other);
    expect(isBack(consent.url)).toBe(true);
    const question = await browser.open(asking.request().url);
    const start = await browser.submit(question, 'not-you');
    const left = await browser.submit(start, 'choose-up', {}, (to) => to.startsWith(upstream.issuer));
    expect(left.url.startsWith(upstream.issuer)).toBe(true);
    // The former one is signed out by a page that sends itself.
    const signsOut = await browser.open(upstream.agree(left.url));
    const next = await browser.submit(signsOut, 'hand-over-go');
    expect(next.text).toContain(emailOf());
    expect(next.text).toContain('id="consent-allow"');
  });
});

describe('a first arrival', () => {
  it('makes an account, which is found again by issuer and subject', async () => {
    const way = await setOut(app, upstream);
    expect(Object.fromEntries(way.asked.searchParams)).toMatchObject({
      client_id: 'postern-at-up',
      redirect_uri: `${product.url}/federation/up/callback`,
      code_challenge_method: 'S256',
      scope: 'openid profile email',
    });
    const back = await comeBack(way, upstream);
    expect(isBack(back.url)).toBe(true);
    const user = await find();
    expect(user).toMatchObject({ emailVerified: true, claims: { name: 'Ada' } });
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
    const events = (await product.events('identity.verified')).filter(({ subject }) => subject === user?.id);
    expect(events).toHaveLength(2);
    expect(await linked(user?.id ?? '')).toHaveLength(1);
  });

  it('makes one as registration has it where the provider says nothing', async () => {
    const { settings } = product.app.core;
    const arrive = async () => isBack((await signInBy(app, upstream)).url);
    await addProvider(product, upstream, { policy: { create: undefined } });
    expect(await arrive()).toBe(false);
    await settings.set({ registration: { mode: 'invitation' } }, byOperator);
    expect(await arrive()).toBe(false);
    await settings.set({ registration: { mode: 'domains', domains: ['elsewhere.example'] } }, byOperator);
    expect(await arrive()).toBe(false);
    await settings.set({ registration: { domains: ['upstream.example'] } }, byOperator);
    expect(await arrive()).toBe(true);
    await settings.set({ registration: { mode: 'off', domains: [] } }, byOperator);
    // Who has an account by now comes in whatever is taken on.
    expect(await arrive()).toBe(true);
  });

  it('makes none where the operator wants none, nor of an address that nobody vouches for', async () => {
    await addProvider(product, upstream, { policy: { create: false } });
    expect(problem(await signInBy(app, upstream))).toEqual([
      403,
      'There is no account here for yours at OpenID Connect. Go on another way.',
    ]);
    await addProvider(product, upstream);
    upstream.behave.claims['email_verified'] = false;
    expect((await signInBy(app, upstream)).status).toBe(403);
    expect(await lastRefusal()).toMatchObject({ outcome: 'denied', reason: 'unverified' });
    upstream.behave.claims = { sub: `sub-${people}` };
    expect((await signInBy(app, upstream)).status).toBe(403);
    expect(await find()).toBeUndefined();
  });

  it('is refused where the person does not meet what is asked for', async () => {
    await addProvider(product, upstream, { policy: { require: { domains: ['house.example'] } } });
    expect((await signInBy(app, upstream)).status).toBe(403);
    expect(await lastRefusal()).toMatchObject({ reason: 'requirements_not_met' });
    await addProvider(product, upstream, { policy: { require: { domains: ['Upstream.example'] } } });
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
  });
});

describe('an address that belongs to an account', () => {
  async function atProof(): Promise<{ user: TestUser & { id: string }; browser: Browser; page: Page }> {
    const user = await product.addUser({ email: emailOf() });
    const browser = new Browser();
    const page = await signInBy(app, upstream, browser);
    expect([page.status, textOf(page, 'login-submit')]).toEqual([200, 'Sign in']);
    expect(page.text).toContain(`There is an account with <b>${emailOf()}</b>`);
    return { user, browser, page };
  }

  it('is connected once its person has proved it', async () => {
    const { user, browser, page } = await atProof();
    expect(await linked(user.id)).toHaveLength(0);
    const back = await browser.submit(page, 'login-submit', { login: user.email, password: user.password }, isBack);
    expect(isBack(back.url)).toBe(true);
    expect(await linked(user.id)).toMatchObject([{ actor: { kind: 'user', id: user.id } }]);
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
  });

  it('is not connected by a wrong password, nor by somebody else', async () => {
    const { user, browser, page } = await atProof();
    const wrong = await browser.submit(page, 'login-submit', { login: user.email, password: 'not this one, no' });
    expect(wrong.status).toBe(401);
    const other = await product.addUser();
    const back = await browser.submit(page, 'login-submit', { login: other.email, password: other.password }, isBack);
    expect(isBack(back.url)).toBe(true);
    expect([...(await linked(user.id)), ...(await linked(other.id))]).toEqual([]);
    expect(isBack((await signInBy(app, upstream)).url)).toBe(false);
  });

  it('needs the second factor too, even in a browser that may skip it', async () => {
    const user = await product.addUser({ email: emailOf() });
    const { secret } = await enrol(product, user);
    const browser = new Browser();
    const first = await browser.open(app.request().url);
    const asked = await browser.submit(first, 'login-submit', { login: user.email, password: user.password });
    const form = { code: codeOf(secret), remember_device: 'yes' };
    expect(isBack((await browser.submit(asked, 'code-submit', form, isBack)).url)).toBe(true);
    await browser.submit(await browser.open(`${product.url}/account`), 'sign-out');
    advance(61);
    const page = await signInBy(app, upstream, browser);
    const next = await browser.submit(page, 'login-submit', { login: user.email, password: user.password }, isBack);
    expect(isCodePage(next)).toBe(true);
    expect(await linked(user.id)).toHaveLength(0);
    expect(isBack((await typeCode(browser, next, codeOf(secret))).url)).toBe(true);
    expect(await linked(user.id)).toHaveLength(1);
  });

  it('is not looked at where it is unverified, whoever has it here', async () => {
    const admin = await product.addUser({ email: emailOf(), administrator: true });
    upstream.behave.claims['email_verified'] = false;
    const page = await signInBy(app, upstream);
    expect(page.status).toBe(403);
    expect(page.text).not.toContain('There is an account');
    expect(await linked(admin.id)).toHaveLength(0);
  });
});

describe('an account that may not be used', () => {
  it('stays shut when it is disabled', async () => {
    await signInBy(app, upstream);
    const user = await find();
    await product.app.core.users.disable(user?.id ?? '', byOperator, async () => []);
    const page = await signInBy(app, upstream);
    expect(page.status).toBe(403);
    expect(await lastRefusal()).toMatchObject({ reason: 'disabled', subject: user?.id });
  });

  it('stays shut for strangers while it is locked', async () => {
    await signInBy(app, upstream);
    const user = await find();
    for (let tries = 0; tries < 200; tries += 1) {
      const entry = product.app.core.throttle.enter({ account: user?.id ?? '', address: `198.51.100.${tries}` });
      if (entry.allowed) entry.settle('failed');
    }
    const page = await signInBy(app, upstream);
    expect(page.status).toBe(429);
    expect(await lastRefusal()).toMatchObject({ reason: 'locked' });
  });
});

describe('the second factor', () => {
  it('is our own unless the provider is trusted with it, and told truthfully', async () => {
    upstream.behave.claims['amr'] = ['pwd', 'mfa', 'otp'];
    expect(await idToken()).toMatchObject({ amr: ['fed'], acr: singleFactor });
    await product.app.core.settings.set({ mfa: { policy: 'required' } }, byOperator);
    const page = await signInBy(app, upstream);
    expect(page.text).toContain('id="totp-secret"');
    await addProvider(product, upstream, { policy: { mfa: 'trust' } });
    expect(await idToken()).toMatchObject({ amr: ['fed', 'mfa', 'otp'], acr: multiFactor });
    upstream.behave.claims['amr'] = ['pwd'];
    expect((await signInBy(app, upstream)).text).toContain('id="totp-secret"');
    upstream.behave.claims['acr'] = 'urn:two';
    await addProvider(product, upstream, { policy: { mfa: 'trust', mfa_acr: ['urn:two'] } });
    expect(await idToken()).toMatchObject({ acr: multiFactor });
  });
});

describe('what the app asked for', () => {
  it('is asked of the provider too', async () => {
    const browser = new Browser();
    await signInBy(app, upstream, browser);
    const parameters = { prompt: 'login', max_age: '60', login_hint: emailOf(), ui_locales: 'de en' };
    const way = await setOut(app, upstream, { browser, parameters });
    expect(Object.fromEntries(way.asked.searchParams)).toMatchObject(parameters);
    upstream.behave.claims['auth_time'] = Math.floor(Date.now() / 1000) - 3600;
    const page = await comeBack(way, upstream);
    expect([page.status, (await lastRefusal())?.reason]).toEqual([401, 'not_asked_again']);
    upstream.behave.claims['auth_time'] = Math.floor(Date.now() / 1000);
    expect(isBack((await comeBack(await setOut(app, upstream, { browser, parameters }), upstream)).url)).toBe(true);
  });
});

describe('what people hold', () => {
  it('is in their export, and goes with the account', async () => {
    const browser = new Browser();
    const out = await browser.open(`${product.url}/account`);
    const start = await browser.open(hrefOf(out, 'sign-in-link'));
    const left = await browser.submit(start, 'choose-up', {}, (to) => to.startsWith(upstream.issuer));
    const home = await browser.open(upstream.agree(left.url));
    const { text } = await browser.submit(home, 'export-data');
    expect(JSON.parse(text)).toMatchObject({
      identities: [{ provider: 'up', issuer: upstream.issuer, subject: `sub-${people}`, label: emailOf() }],
    });
    const rows = () => product.database.prisma.federatedIdentity.count({ where: { subject: `sub-${people}` } });
    expect(await rows()).toBe(1);
    await browser.submit(await browser.submit(home, 'delete-account'), 'delete-account');
    advance(40 * days);
    await product.app.deletions.eraseDue();
    expect(await rows()).toBe(0);
  });
});
