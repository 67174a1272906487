import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, formOf, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { enrolPasskey, signedForm } from '../passkeys/kit.ts';
import { operatorOf } from '../protocol/kit/operator.ts';
import { advance, days } from '../protocol/kit/time.ts';
import { makeResetLink } from '../recovery/kit.ts';
import { codeOf, enrol, isCodePage, type Kept, multiFactor, type Person, singleFactor, typePassword } from './kit.ts';

let product: Product;
let app: RelyingApp;
let user: Person;
let kept: Kept;

const operator = { actor: { kind: 'system' }, facts: {} } as const;
async function set(settings: object): Promise<void> {
  await product.app.core.settings.set(settings, operator);
  await product.app.core.settings.reload();
  product.app.protocol.rebuild();
}

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  await set({ mfa: { policy: 'optional', rememberDays: 30 } });
  user = await product.addUser();
  advance(900);
  kept = await enrol(product, user);
  advance(60);
});
afterAll(() => product.stop());

const account = (browser: Browser): Promise<Page> => browser.open(`${product.url}/account`);
const leave = async (browser: Browser): Promise<Page> => browser.submit(await account(browser), 'sign-out');
const afterPassword = async (browser: Browser, parameters: Record<string, string> = {}): Promise<Page> =>
  typePassword(browser, await browser.open(app.request(parameters).url), user);
/** Whether the password is enough. */
const isSpared = async (browser: Browser, parameters: Record<string, string> = {}): Promise<boolean> =>
  isBack((await afterPassword(browser, parameters)).url);

/** Signs in with a code, says that this browser need not ask again, and signs out. */
async function remember(browser = new Browser()): Promise<Browser> {
  const fields = { code: codeOf(kept.secret), remember_device: 'yes' };
  const back = await browser.submit(await afterPassword(browser), 'code-submit', fields, isBack);
  expect(isBack(back.url)).toBe(true);
  advance(60);
  await leave(browser);
  return browser;
}

describe('a browser that need not ask for the second step', () => {
  it('does not, for as long as it was said, and apps are told the truth', async () => {
    const browser = await remember();
    const { url, verifier } = app.request();
    const back = await typePassword(browser, await browser.open(url), user);
    const { body } = await app.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
    expect(decodeJwt(String(body['id_token']))).toMatchObject({ acr: singleFactor, amr: ['pwd'] });
    // The session that began so serves other requests, and the account page.
    expect(isBack((await browser.open(app.request().url, isBack)).url)).toBe(true);
    expect((await leave(browser)).text).not.toContain('sign-out');
    advance(30 * days);
    expect(isCodePage(await afterPassword(browser))).toBe(true);
  });

  it('is this one, for this person, and none that did not say so', async () => {
    const browser = await remember();
    expect(isCodePage(await afterPassword(new Browser()))).toBe(true);
    const other = await product.addUser();
    const owner = user;
    await enrol(product, other);
    user = other;
    expect(isCodePage(await afterPassword(browser))).toBe(true);
    user = owner;
    const plain = new Browser();
    await plain.submit(await afterPassword(plain), 'code-submit', { code: codeOf(kept.secret) }, isBack);
    await leave(plain);
    expect(isCodePage(await afterPassword(plain))).toBe(true);
  });

  it('is never enough where an app asks for a factor, or for the person again', async () => {
    const browser = await remember();
    expect(isCodePage(await afterPassword(browser, { acr_values: multiFactor }))).toBe(true);
    expect(isCodePage(await afterPassword(browser, { prompt: 'login' }))).toBe(true);
    expect(await isSpared(browser)).toBe(true);
    // Step-up in the session that went without (RFC 9470).
    const stepUp = await browser.open(app.request({ acr_values: multiFactor }).url, isBack);
    expect([isCodePage(stepUp), stepUp.text.includes('remember-device')]).toEqual([true, false]);
    const silent = await browser.open(app.request({ acr_values: multiFactor, prompt: 'none' }).url, isBack);
    expect(new URL(silent.url).searchParams.get('error')).toBe('login_required');
    advance(5);
    expect(isCodePage(await afterPassword(browser, { max_age: '1' }))).toBe(true);
    await set({ mfa: { policy: 'required' } });
    expect(isCodePage(await browser.open(app.request().url, isBack))).toBe(true);
  });

  it('is said to with a passkey behind the password as with a code', async () => {
    const key = await enrolPasskey(product, user);
    const browser = new Browser();
    const asked = await afterPassword(browser);
    const page = asked.text.includes('id="passkey-submit"')
      ? asked
      : await browser.submit(asked, 'use-another-way', { way: 'passkey' });
    expect(page.text).toContain('id="remember-device"');
    const form = { ...signedForm(page, 'passkey-submit', key), remember_device: 'yes' };
    expect(isBack((await browser.submit(page, 'passkey-submit', form, isBack)).url)).toBe(true);
    await leave(browser);
    expect(await isSpared(browser)).toBe(true);
  });

  it('cannot be said to where everybody needs a factor, and does not count there', async () => {
    const browser = await remember();
    await set({ mfa: { policy: 'required' } });
    const page = await afterPassword(browser);
    expect([isCodePage(page), page.text.includes('remember-device')]).toEqual([true, false]);
    advance(60);
    const back = await browser.submit(
      page,
      'code-submit',
      { code: codeOf(kept.secret), remember_device: 'yes' },
      isBack,
    );
    expect(isBack(back.url)).toBe(true);
    expect((await product.events('device.remembered')).filter(({ subject }) => subject === user.id)).toHaveLength(1);
  });

  it('cannot be said to where an operator says no', async () => {
    const browser = await remember();
    await set({ mfa: { rememberDays: 0 } });
    const page = await afterPassword(browser);
    expect([isCodePage(page), page.text.includes('remember-device')]).toEqual([true, false]);
    const fields = { code: codeOf(kept.secret), remember_device: 'yes' };
    await browser.submit(page, 'code-submit', fields, isBack);
    await set({ mfa: { rememberDays: 30 } });
    expect((await product.events('device.remembered')).filter(({ subject }) => subject === user.id)).toHaveLength(1);
  });

  it('is listed on the account page, and asked again from there', async () => {
    const browser = await remember();
    const remembered = () => product.app.core.devices.remembered(user.id);
    const [device] = await remembered();
    const owner = user;
    user = await product.addUser();
    const stranger = new Browser();
    await afterPassword(stranger);
    await stranger.post(`${product.url}/account/devices/forget`, { device: device?.id ?? '' });
    user = owner;
    expect(await remembered()).toHaveLength(1);
    expect(await isSpared(browser)).toBe(true);
    const page = await account(browser);
    expect(formOf(page, 'device-forget').fields['device']).toBe(device?.id);
    const done = await browser.submit(page, 'device-forget');
    // The session that went without has to show the factor now.
    expect(done.text).toContain('sign-in-link');
    const asked = await browser.open(app.request().url, isBack);
    expect([await remembered(), isCodePage(asked)]).toEqual([[], true]);
    expect((await product.events('device.forgotten')).filter(({ subject }) => subject === user.id)).toHaveLength(1);
  });

  it.each<[string, (browser: Browser) => Promise<unknown>]>([
    [
      'a reset',
      async (browser) => {
        const page = await browser.open(await makeResetLink(product, user.id));
        await browser.submit(page, 'reset-submit', { password: 'an altogether different password' });
        user = { ...user, password: 'an altogether different password' };
      },
    ],
    [
      'a change of password',
      async (browser) => {
        await isSpared(browser);
        const wanted = { current_password: user.password, new_password: 'an altogether different password' };
        await browser.submit(await account(browser), 'password-change', wanted);
        user = { ...user, password: wanted.new_password };
        await leave(browser).catch(() => undefined);
      },
    ],
    [
      'new recovery codes',
      async (browser) => {
        await isSpared(browser);
        await browser.submit(await account(browser), 'recovery-regenerate');
        await leave(browser).catch(() => undefined);
      },
    ],
    [
      'signing out everywhere',
      async (browser) => {
        await isSpared(browser);
        await browser.submit(await account(browser), 'sessions-end-all');
      },
    ],
    ['an operator who signs the person out', () => operatorOf(product).signOutUser(user.id)],
  ])('ends with %s', async (_, change) => {
    const browser = await remember();
    expect(await product.app.core.devices.remembered(user.id)).toHaveLength(1);
    await change(browser);
    expect(await product.app.core.devices.remembered(user.id)).toEqual([]);
    const page = await browser.open(app.request().url, isBack);
    expect(isCodePage(page) || isCodePage(await typePassword(browser, page, user))).toBe(true);
  });
});

describe('staying signed in', () => {
  const sessionIn = ({ headers }: Pick<Page, 'headers'>): string =>
    headers.getSetCookie().find((line) => line.startsWith('session=')) ?? '';
  const cookieOf = async (fields: Record<string, string>): Promise<string> => {
    const plain = await product.addUser();
    const browser = new Browser();
    const page = await browser.open(app.request().url);
    const typed = { login: plain.email, password: plain.password, ...fields };
    const { action, fields: hidden } = formOf(page, 'login-submit');
    return sessionIn(await browser.post(new URL(action, page.url).href, { ...hidden, ...typed }));
  };

  it('is for who ticks the box: otherwise the cookie ends with the browser', async () => {
    expect(await cookieOf({})).not.toMatch(/expires=|max-age=/i);
    expect(await cookieOf({ remember_me: 'yes' })).toMatch(/expires=/i);
    await set({ sessions: { rememberMe: 'off' } });
    expect((await new Browser().open(app.request().url)).text).not.toContain('remember-me');
    expect(await cookieOf({ remember_me: 'yes' })).not.toMatch(/expires=|max-age=/i);
    await set({ sessions: { rememberMe: 'on' } });
  });

  it('outlives the second step', async () => {
    const browser = new Browser();
    const page = await browser.open(app.request().url);
    const typed = { login: user.email, password: user.password, remember_me: 'yes' };
    const asked = await browser.submit(page, 'login-submit', typed);
    const isProved = (url: string) => url.includes('/interaction/');
    const proved = await browser.submit(asked, 'code-submit', { code: codeOf(kept.secret) }, isProved);
    expect(sessionIn(await browser.get(proved.url))).toMatch(/expires=/i);
  });
});
