import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Browser, formOf, type Page } from '../kit/browser.ts';
import type { Product } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { codeOf, enrol, hrefOf, isSignInPage, type Person, textOfSecret, typePassword } from '../mfa/kit.ts';
import { enrolPasskey, signedForm } from '../passkeys/kit.ts';
import { advance, days, standStill } from '../protocol/kit/time.ts';
import { linkIn, type Mailing, mailTo, startMailing } from '../recovery/kit.ts';

let mailing: Mailing;
let product: Product;
let house: RelyingApp;
let guest: RelyingApp;

const set = async (settings: object): Promise<void> => {
  await product.app.core.settings.set(settings, byOperator);
  await product.app.core.settings.reload();
  product.app.protocol.rebuild();
};
const usual = { mfa: { policy: 'optional' }, signIn: { email: 'off' }, password: { maxAge: 0 } };

beforeAll(async () => {
  standStill();
  mailing = await startMailing({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  ({ product } = mailing);
  house = await addWebApp(product, { first_party: true });
  guest = await addWebApp(product);
});
afterEach(() => set(usual));
afterAll(() => mailing.stop());

/** A person before a step: the form that takes it, filled in right. */
interface Before {
  readonly browser: Browser;
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

type Step = () => Promise<Before>;

const before = (browser: Browser, page: Page, button: string, fields: Record<string, string>): Before => {
  const form = formOf(page, button);
  return { browser, action: new URL(form.action, page.url).href, fields: { ...form.fields, ...fields } };
};

async function start(app = house): Promise<{ browser: Browser; page: Page; user: Person }> {
  advance(60);
  const user = await product.addUser();
  const browser = new Browser();
  return { browser, user, page: await browser.open(app.request().url) };
}

/** Behind the password of a person who has what `give` gives them. */
async function behindPassword<T>(give: (user: Person) => Promise<T>) {
  const { browser, page, user } = await start();
  const kept = await give(user);
  advance(60);
  return { browser, user, kept, page: await typePassword(browser, page, user) };
}

async function mailed(way: 'code' | 'link') {
  await set({ signIn: { email: way } });
  const { browser, page, user } = await start();
  const form = await browser.open(hrefOf(page, 'email-link'));
  const sent = await browser.submit(form, 'email-submit', { email: user.email });
  return { browser, sent, mail: await mailTo(mailing.server, user.email, /./) };
}

const firstSteps: Readonly<Record<string, Step>> = {
  async 'the password'() {
    const { browser, page, user } = await start();
    return before(browser, page, 'login-submit', { login: user.email, password: user.password });
  },
  async 'a passkey alone'() {
    const { browser, page, user } = await start();
    const key = await enrolPasskey(product, user);
    return before(browser, page, 'passkey-sign-in', signedForm(page, 'passkey-sign-in', key));
  },
  async 'a code by mail'() {
    const { browser, sent, mail } = await mailed('code');
    const [code = ''] = /\b[A-Z0-9]{4}-[A-Z0-9]{4}\b/.exec(mail.text) ?? [];
    return before(browser, sent, 'code-submit', { code });
  },
  async 'a link by mail'() {
    const { browser, mail } = await mailed('link');
    return before(browser, await browser.open(linkIn(mail)), 'link-confirm', {});
  },
};

const laterSteps: Readonly<Record<string, Step>> = {
  async 'the code of an app'() {
    const { browser, page, kept } = await behindPassword((user) => enrol(product, user));
    return before(browser, page, 'code-submit', { code: codeOf(kept.secret) });
  },
  async 'a recovery code'() {
    const { browser, page, kept } = await behindPassword((user) => enrol(product, user));
    const asked = await browser.submit(page, 'use-another-way');
    return before(browser, asked, 'code-submit', { code: kept.recoveryCodes[0] ?? '' });
  },
  async 'a passkey behind the password'() {
    const { browser, page, kept } = await behindPassword((user) => enrolPasskey(product, user));
    return before(browser, page, 'passkey-submit', signedForm(page, 'passkey-submit', kept));
  },
  async 'setting a factor up'() {
    await set({ mfa: { policy: 'required' } });
    const { browser, page } = await behindPassword(async () => undefined);
    return before(browser, page, 'code-submit', { code: codeOf(textOfSecret(page)) });
  },
  async 'a new password'() {
    const user = await product.addUser();
    advance(31 * days);
    await set({ password: { maxAge: 30 * days } });
    const browser = new Browser();
    const page = await typePassword(browser, await browser.open(house.request().url), user);
    return before(browser, page, 'password-submit', { password: 'a lighthouse keeper at dawn' });
  },
  async consent() {
    const { browser, page, user } = await start(guest);
    return before(browser, await typePassword(browser, page, user), 'consent-allow', {});
  },
};

/** Posts the step and goes where that leads. */
async function take(browser: Browser, { action, fields }: Before): Promise<Page> {
  const answer = await browser.post(action, { ...fields });
  const location = answer.headers.get('location');
  return location === null ? answer : goTo(browser, new URL(location, action).href);
}

const goTo = async (browser: Browser, url: string): Promise<Page> =>
  isBack(url) ? { url, status: 303, headers: new Headers(), text: '' } : browser.open(url, isBack);

const uidOf = ({ action }: Before): string => new URL(action).pathname.split('/')[2] ?? '';
const interactionOf = (one: Before): string => `${product.url}/interaction/${uidOf(one)}`;
const isTaken = (page: Page): boolean => isBack(page.url) || page.text.includes('id="recovery-codes"');

/** Takes the step, and then again with what the browser held before it. */
async function takeTwice(one: Before): Promise<readonly [Page, Page]> {
  const twin = one.browser.copy();
  return [await take(one.browser, one), await take(twin, one)];
}

describe.each(Object.entries({ ...firstSteps, ...laterSteps }))('%s', (_name, begin) => {
  it('cannot be left out', async () => {
    for (const way of [interactionOf, (one: Before) => `${product.url}/authorize/${uidOf(one)}`]) {
      const one = await begin();
      expect(isTaken(await goTo(one.browser, way(one)))).toBe(false);
      for (const path of ['consent', 'new-password', 'code', 'enrolment', 'email/code']) {
        const forced = { ...one, action: `${interactionOf(one)}/${path}`, fields: { password: 'x', code: '000000' } };
        if (forced.action !== one.action) expect(isTaken(await take(one.browser, forced))).toBe(false);
      }
    }
  });

  it('is taken in the browser that it belongs to, and once', async () => {
    const one = await begin();
    const other = new Browser();
    await other.open(house.request().url);
    for (const browser of [new Browser(), other]) {
      const answer = await browser.post(one.action, { ...one.fields });
      expect([answer.status >= 400, isTaken(answer)]).toEqual([true, false]);
      expect(isTaken(await goTo(browser, house.request().url))).toBe(false);
    }
    const [first, second] = await takeTwice(one);
    expect(isTaken(first)).toBe(true);
    // Where the sign-in is not over yet the same browser is led on, and shown nothing a second time.
    const isOver = isBack(first.url);
    expect(isOver ? isTaken(second) : second.text.includes('id="recovery-codes"')).toBe(false);
  });
});

describe.each(Object.entries(laterSteps))('%s, too early,', (_name, begin) => {
  it('is not taken, and not used up', async () => {
    const one = await begin();
    const early = new Browser();
    const page = await early.open(house.request().url);
    const uid = new URL(page.url).pathname.split('/')[2] ?? '';
    expect(isTaken(await take(early, { ...one, action: one.action.replace(uidOf(one), uid) }))).toBe(false);
    expect(isSignInPage(await early.open(page.url))).toBe(true);
    expect(isTaken(await take(one.browser, one))).toBe(true);
  });
});
