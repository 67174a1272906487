import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { addApi, api } from '../protocol/kit/apps.ts';
import { addDevice, poll, startDevice, typeCode as typeUserCode } from '../protocol/kit/device.ts';
import { operatorOf } from '../protocol/kit/operator.ts';
import { advance } from '../protocol/kit/time.ts';
import {
  codeOf,
  enrol,
  isCodePage,
  isEnrolmentPage,
  isSignInPage,
  type Kept,
  multiFactor,
  type Person,
  setPolicy,
  singleFactor,
  typeCode,
  typePassword,
} from './kit.ts';

let product: Product;
let app: RelyingApp;
let user: Person;

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  await addApi(product);
  app = await addWebApp(product, { first_party: true, resources: [api] });
});
beforeEach(async () => {
  await setPolicy(product, 'optional');
  user = await product.addUser();
  advance(900);
});
afterAll(() => product.stop());

const isBackWithCode = ({ url }: Page): boolean => isBack(url) && new URL(url).searchParams.has('code');
const errorOf = ({ url }: Page) => new URL(url).searchParams.get('error');
const open = (browser: Browser, parameters: Record<string, string> = {}) =>
  browser.open(app.request(parameters).url, isBack);

/** A browser with a session of a password alone, of a person who then gets an authenticator app. */
async function signedInBefore(): Promise<{ browser: Browser; kept: Kept }> {
  const { browser } = await app.signIn(user);
  const kept = await enrol(product, user);
  return { browser, kept };
}

async function stepUp(browser: Browser, kept: Kept, parameters: Record<string, string> = {}) {
  const { url, verifier } = app.request(parameters);
  const page = await browser.open(url, isBack);
  const back = isCodePage(page) ? await typeCode(browser, page, codeOf(kept.secret)) : page;
  const { resource } = parameters;
  const code = new URL(back.url).searchParams.get('code') ?? '';
  const { body } = await app.exchange(code, verifier, resource === undefined ? {} : { resource });
  return { asked: isCodePage(page), claims: decodeJwt(String(body['id_token'])), body };
}

describe('an app that asks for a second factor (RFC 9470)', () => {
  const essential = JSON.stringify({ id_token: { acr: { essential: true, values: [multiFactor] } } });
  const ways = { acr_values: { acr_values: multiFactor }, 'an essential claim': { claims: essential } };

  it.each(Object.entries(ways))('by %s gets it from a session without, once', async (_, parameters) => {
    const { browser, kept } = await signedInBefore();
    const before = Math.floor(Date.now() / 1000);
    advance(60);
    const first = await stepUp(browser, kept, parameters);
    expect(first.asked).toBe(true);
    expect(first.claims).toMatchObject({ acr: multiFactor, amr: ['pwd', 'otp', 'mfa'] });
    // The password was typed when it was typed: the code does not make it younger.
    expect(first.claims['auth_time']).toBeLessThanOrEqual(before);
    const second = await stepUp(browser, kept, parameters);
    expect(second.asked).toBe(false);
    expect(second.claims).toMatchObject({ acr: multiFactor, auth_time: first.claims['auth_time'] });
  });

  it('leads a person without one to setting it up', async () => {
    const { browser } = await app.signIn(user);
    expect(isEnrolmentPage(await open(browser, { acr_values: multiFactor }))).toBe(true);
    expect(isBackWithCode(await open(browser))).toBe(true);
  });

  it('by default_acr_values gets it as well', async () => {
    const strict = await addWebApp(product, { first_party: true, default_acr_values: [multiFactor] });
    const { browser } = await app.signIn(user);
    expect(isEnrolmentPage(await browser.open(strict.request().url, isBack))).toBe(true);
  });

  it('that would do with less gets what there is', async () => {
    const { browser } = await app.signIn(user);
    expect(isBackWithCode(await open(browser, { acr_values: `${multiFactor} ${singleFactor}` }))).toBe(true);
    expect(isBackWithCode(await open(browser, { acr_values: 'urn:other' }))).toBe(true);
  });

  it('lets its API see how and when the person signed in (RFC 9470 §6)', async () => {
    const { browser, kept } = await signedInBefore();
    const parameters = { acr_values: multiFactor, scope: 'openid orders:read', resource: api };
    const { body } = await stepUp(browser, kept, parameters);
    expect(decodeJwt(String(body['access_token']))).toMatchObject({
      acr: multiFactor,
      auth_time: expect.any(Number) as number,
    });
    const opaque = await stepUp(browser, kept, { acr_values: multiFactor });
    expect((await app.introspect(opaque.body['access_token'])).body).toMatchObject({ active: true, acr: multiFactor });
    const refreshed = await app.refresh(opaque.body['refresh_token']);
    expect((await app.introspect(refreshed.body['access_token'])).body).toMatchObject({ acr: multiFactor });
  });

  it('and for the person anew gets the password first, then the code', async () => {
    const { browser, kept } = await signedInBefore();
    for (const parameters of [{ prompt: 'login' }, { max_age: '0' }] as Record<string, string>[]) {
      advance(60);
      const page = await open(browser, { ...parameters, acr_values: multiFactor });
      expect(isSignInPage(page)).toBe(true);
      const next = await typePassword(browser, page, user);
      expect(isCodePage(next)).toBe(true);
      expect(isBackWithCode(await typeCode(browser, next, codeOf(kept.secret)))).toBe(true);
    }
  });
});

describe('no route to a token leaves out a factor that is due', () => {
  it('not a session from before it was', async () => {
    const { browser, kept } = await signedInBefore();
    const page = await open(browser);
    expect(isCodePage(page)).toBe(true);
    expect(isBackWithCode(await typeCode(browser, page, codeOf(kept.secret)))).toBe(true);
    expect(isBackWithCode(await open(browser))).toBe(true);
  });

  it('not prompt=none', async () => {
    const { browser } = await signedInBefore();
    expect(errorOf(await open(browser, { prompt: 'none' }))).toBe('login_required');
  });

  it('not the address that the engine goes on at', async () => {
    const kept = await enrol(product, user);
    const browser = new Browser();
    const start = await open(browser);
    const page = await typePassword(browser, start, user);
    expect(isCodePage(page)).toBe(true);
    const uid = new URL(page.url).pathname.split('/')[2] ?? '';
    const resumed = await browser.open(`${product.url}/authorize/${uid}`, isBack);
    expect(isBack(resumed.url)).toBe(false);
    expect(isSignInPage(resumed)).toBe(true);
    // The password of the step that was broken off counts for nothing in the next one.
    const code = await browser.post(`${resumed.url}/code`, { code: codeOf(kept.secret) });
    expect(code.headers.get('location')).toBe(new URL(resumed.url).pathname);
  });

  it('not the answer to another question', async () => {
    await enrol(product, user);
    const other = await addWebApp(product);
    const browser = new Browser();
    const page = await typePassword(browser, await browser.open(other.request().url, isBack), user);
    const consent = await browser.post(`${page.url}/consent`, {});
    expect(consent.status).toBe(400);
    expect(isBackWithCode(await browser.open(other.request().url, isBack))).toBe(false);
  });

  it('not a second tab', async () => {
    const kept = await enrol(product, user);
    const browser = new Browser();
    const [one, two] = [await open(browser), await open(browser)];
    const tabs = [await typePassword(browser, one, user), await typePassword(browser, two, user)];
    expect(tabs.map(isCodePage)).toEqual([true, true]);
    const [first, second] = tabs as [Page, Page];
    expect(isBackWithCode(await typeCode(browser, first, codeOf(kept.secret)))).toBe(true);
    // The other tab's question is still open; the session that there is now has shown its factor.
    expect(isCodePage(await browser.open(second.url, isBack))).toBe(true);
    expect(isBackWithCode(await open(browser))).toBe(true);
  });

  it('not a device', async () => {
    const kept = await enrol(product, user);
    const device = await addDevice(product, { first_party: true });
    const codes = await startDevice(device);
    const browser = new Browser();
    const confirm = await typeUserCode(product, browser, codes.userCode);
    const page = await typePassword(browser, await browser.submit(confirm, 'device-confirm'), user);
    expect(isCodePage(page)).toBe(true);
    expect((await poll(device, codes)).body['error']).toBe('authorization_pending');
    await typeCode(browser, page, codeOf(kept.secret));
    const { status, body } = await poll(device, codes);
    expect([status, decodeJwt(String(body['id_token']))['acr']]).toEqual([200, multiFactor]);
  });

  it('not a device at which somebody was signed in before', async () => {
    const { browser } = await signedInBefore();
    const device = await addDevice(product, { first_party: true });
    const codes = await startDevice(device);
    const confirm = await typeUserCode(product, browser, codes.userCode);
    expect(isCodePage(await browser.submit(confirm, 'device-confirm'))).toBe(true);
    expect((await poll(device, codes)).body['error']).toBe('authorization_pending');
  });

  it('not a code, device code or refresh token from before everybody needs one', async () => {
    const device = await addDevice(product, { first_party: true });
    const codes = await startDevice(device);
    const { browser, answer, verifier } = await app.signIn(user);
    const confirm = await typeUserCode(product, browser, codes.userCode);
    await browser.submit(confirm, 'device-confirm');
    const { body } = await app.tokens(user);
    await setPolicy(product, 'required');
    const late = await app.exchange(answer.get('code') ?? '', verifier);
    const refused = [late, await app.refresh(body['refresh_token']), await poll(device, codes)];
    expect(refused.map((one) => [one.status, one.body['error']])).toEqual(Array(3).fill([400, 'invalid_grant']));
    await setPolicy(product, 'optional');
    expect((await app.refresh(body['refresh_token'])).status).toBe(200);
  });

  it('not the pages of our own', async () => {
    const administrator = await product.addUser({ administrator: true });
    const { browser } = await app.signIn(administrator);
    expect((await browser.open(`${product.url}/`)).text).toContain('id="app-submit"');
    await enrol(product, administrator);
    const home = await browser.open(`${product.url}/`);
    expect([home.text.includes('id="app-submit"'), home.text.includes('id="sign-in-link"')]).toEqual([false, true]);
    const posted = await browser.post(`${product.url}/apps`, { name: 'x', redirect_uri: 'https://x.example/' });
    expect(posted.status).toBe(403);
  });

  it('not a person who was disabled while the code was waited for', async () => {
    const kept = await enrol(product, user);
    const browser = new Browser();
    const page = await typePassword(browser, await open(browser), user);
    const operator = operatorOf(product);
    await operator.disableUser(user.id);
    await operator.enableUser(user.id);
    expect((await typeCode(browser, page, codeOf(kept.secret))).status).toBe(400);
  });
});
