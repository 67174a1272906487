import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { accountPage, enter } from '../account/kit.ts';
import { race } from '../kit/barrier.ts';
import { Browser, formOf, type Page, textOf } from '../kit/browser.ts';
import type { Product, TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { hrefOf } from '../mfa/kit.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { type Mailing, mailTo, startMailing } from '../recovery/kit.ts';
import { addProvider, isUpstream, signInBy } from './kit.ts';

type Person = TestUser & { readonly id: string };

let mailing: Mailing;
let product: Product;
let upstream: Scripted;
let app: RelyingApp;
let people = 0;

beforeAll(async () => {
  standStill();
  [mailing, upstream] = await Promise.all([startMailing(), startScripted()]);
  ({ product } = mailing);
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => Promise.all([mailing.stop(), upstream.stop()]));
beforeEach(async () => {
  advance(61);
  upstream.reset();
  people += 1;
  upstream.behave.claims = { sub: `sub-${people}`, email: `elsewhere${people}@upstream.example`, email_verified: true };
  await addProvider(product, upstream);
});

const events = async (type: string, id: string) => (await product.events(type)).filter(({ subject }) => subject === id);
const cookiesOf = (browser: Browser) =>
  browser
    .cookies()
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');

/** Goes to the provider from the account page, as far as the page there. */
async function leaveFrom(browser: Browser, page: Page): Promise<string> {
  const left = await browser.submit(page, 'identity-link-up', {}, isUpstream(upstream));
  expect(isUpstream(upstream)(left.url)).toBe(true);
  return left.url;
}

async function link(browser: Browser, page: Page): Promise<Page> {
  return browser.open(upstream.agree(await leaveFrom(browser, page)));
}

/** Somebody who has never had anything but an identity at the provider. */
async function newcomer(): Promise<{ browser: Browser; page: Page }> {
  const browser = new Browser();
  const start = await browser.open(hrefOf(await accountPage(product, browser), 'sign-in-link'));
  const left = await browser.submit(start, 'choose-up', {}, isUpstream(upstream));
  return { browser, page: await browser.open(upstream.agree(left.url)) };
}

describe('connecting an identity', () => {
  it('lets it in from then on, and tells the person', async () => {
    const user: Person = await product.addUser();
    const { browser, page } = await enter(product, user);
    const done = await link(browser, page);
    expect([done.status, done.text]).toEqual([200, expect.stringContaining('The account is connected.')]);
    expect(done.text).toContain(`elsewhere${people}@upstream.example`);
    expect(await events('identity.linked', user.id)).toMatchObject([{ actor: { kind: 'user', id: user.id } }]);
    expect((await mailTo(mailing.server, user.email, /A way to sign in was added/)).text).toContain('was connected');
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
    expect(await events('identity.verified', user.id)).toHaveLength(1);
  });

  it('has the person choose whom, and asks nothing that the app’s request would', async () => {
    const { browser, page } = await enter(product, await product.addUser());
    expect(new URL(await leaveFrom(browser, page)).searchParams.get('prompt')).toBe('select_account');
  });

  it('needs a fresh sign-in', async () => {
    const { browser, page } = await enter(product, await product.addUser());
    advance(11 * 60);
    const asked = await browser.submit(page, 'identity-link-up');
    expect(asked.text).toContain('id="login-submit"');
    expect(upstream.asked).toEqual([]);
  });

  it('takes no identity that another account has', async () => {
    await signInBy(app, upstream);
    const user: Person = await product.addUser();
    const { browser, page } = await enter(product, user);
    const refused = await link(browser, page);
    expect([refused.status, textOf(refused, 'problem')]).toEqual([
      409,
      'This account of OpenID Connect is connected to another account here.',
    ]);
    expect(await events('identity.linked', user.id)).toEqual([]);
  });

  it('counts in the session that set out, and in no other', async () => {
    const [own, foreign] = [await product.addUser(), await product.addUser()];
    const first = await enter(product, own);
    const back = await first.browser.get(upstream.agree(await leaveFrom(first.browser, first.page)));
    const returned = new URL(back.headers.get('location') ?? '', product.url).href;
    // A stranger is led to the address, or somebody else signs in in this browser meanwhile.
    const other = await enter(product, foreign);
    expect((await other.browser.open(returned)).url).toBe(`${product.url}/account`);
    expect((await new Browser().open(returned)).text).toContain('id="sign-in-link"');
    expect(await events('identity.linked', foreign.id)).toEqual([]);
    expect((await first.browser.open(returned)).text).toContain('The account is connected.');
    expect((await first.browser.open(returned)).url).toBe(`${product.url}/account`);
    expect(await events('identity.linked', own.id)).toHaveLength(1);
  });

  it('is won by one of two people who race for one identity', async () => {
    const racers = await Promise.all(
      [await product.addUser(), await product.addUser()].map(async (user: Person) => {
        const { browser, page } = await enter(product, user);
        const back = await browser.get(upstream.agree(await leaveFrom(browser, page)));
        return { user, request: { path: back.headers.get('location') ?? '', headers: { cookie: cookiesOf(browser) } } };
      }),
    );
    const origin = product.url;
    const answers = await race(racers.map(({ request }) => ({ origin, method: 'GET' as const, ...request })));
    expect(answers.filter(({ headers }) => headers.includes('done=identity-linked'))).toHaveLength(1);
    const linked = await Promise.all(racers.map(({ user }) => events('identity.linked', user.id)));
    expect(linked.flat()).toHaveLength(1);
    expect(await product.database.prisma.federatedIdentity.count({ where: { subject: `sub-${people}` } })).toBe(1);
  });

  it('comes to nothing where the person says no there, and says so', async () => {
    const { browser, page } = await enter(product, await product.addUser());
    const back = new URL(upstream.agree(await leaveFrom(browser, page)));
    back.searchParams.delete('code');
    back.searchParams.set('error', 'access_denied');
    const refused = await browser.open(back.href);
    expect([refused.status, textOf(refused, 'problem')]).toEqual([
      400,
      'OpenID Connect did not sign you in. Try again, or go on another way.',
    ]);
  });
});

describe('taking an identity off', () => {
  it('shuts that way, and tells the person', async () => {
    const user: Person = await product.addUser();
    const { browser, page } = await enter(product, user);
    const done = await browser.submit(await link(browser, page), 'identity-unlink');
    expect(done.text).toContain('The account is disconnected.');
    expect(await events('identity.unlinked', user.id)).toMatchObject([{ details: { provider: 'up' } }]);
    await mailTo(mailing.server, user.email, /A way to sign in was removed/);
    expect((await product.app.core.users.findByLogin(`elsewhere${people}@upstream.example`))?.id).toBeUndefined();
    await signInBy(app, upstream);
    expect(await events('identity.verified', user.id)).toEqual([]);
  });

  it('is not done to the last way in', async () => {
    const { browser, page } = await newcomer();
    expect(page.text).toContain('id="password-set"');
    const refused = await browser.submit(page, 'identity-unlink');
    expect([refused.status, textOf(refused, 'problem')]).toEqual([
      409,
      'This is the only way into your account. Set a password or add a passkey before you disconnect it.',
    ]);
    const user = await product.app.core.users.findByLogin(`elsewhere${people}@upstream.example`);
    const operations = await product.app.core.passwords.set(user?.id ?? '', 'a long enough password', {}, byOperator);
    await product.database.commit({ operations, fallback: [] });
    expect((await browser.submit(refused, 'identity-unlink')).text).toContain('The account is disconnected.');
  });

  it('leaves one of two that are taken off at once', async () => {
    const second = await startScripted();
    second.behave.claims = { ...upstream.behave.claims, sub: `second-${people}` };
    await addProvider(product, second, { name: 'second' });
    const { browser, page } = await newcomer();
    const left = await browser.submit(page, 'identity-link-second', {}, isUpstream(second));
    const both = await browser.open(second.agree(left.url));
    const ids = [...both.text.matchAll(/name="identity" value="([^"]+)"/g)].map(([, id = '']) => id);
    expect(ids).toHaveLength(2);
    const headers = { cookie: cookiesOf(browser), 'sec-fetch-site': 'same-origin' };
    const at = { origin: product.url, method: 'POST', path: '/account/identities/unlink', headers } as const;
    await race(ids.map((identity) => ({ ...at, form: { identity } })));
    const where = { subject: { in: [`sub-${people}`, `second-${people}`] } };
    expect(await product.database.prisma.federatedIdentity.count({ where })).toBe(1);
    await addProvider(product, second, { name: 'second', disabled: true });
    await second.stop();
  });

  it('is done to one’s own only, after a fresh sign-in', async () => {
    const owner = await newcomer();
    const { fields } = formOf(owner.page, 'identity-unlink');
    const thief = await enter(product, await product.addUser());
    await thief.browser.post(`${product.url}/account/identities/unlink`, { ...fields });
    expect(await product.database.prisma.federatedIdentity.count({ where: { subject: `sub-${people}` } })).toBe(1);
    advance(11 * 60);
    expect((await owner.browser.submit(owner.page, 'identity-unlink')).text).toContain('id="login-submit"');
  });
});
