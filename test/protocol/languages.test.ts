import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, send } from '../kit/relying-app.ts';
import { addDevice, startDevice } from './kit/device.ts';
import { advance, hours } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser;

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product);
  user = await product.addUser();
});
afterAll(() => product.stop());

/** What one language calls something, by its key. */
function words(language: string, key: string): string {
  const file = join(import.meta.dirname, `../../views/locales/${language}.json`);
  const found = key
    .split('.')
    .reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], JSON.parse(readFileSync(file, 'utf8')));
  return String(found);
}

const languageOf = ({ text }: Page): string | undefined => /<html lang="([^"]+)"/.exec(text)?.[1];
const reads = (acceptLanguage: string) => new Browser({ 'accept-language': acceptLanguage });
const begin = (browser: Browser, parameters: Record<string, string> = {}): Promise<Page> =>
  browser.open(app.request(parameters).url, isBack);
const signIn = (browser: Browser, page: Page, password = user.password): Promise<Page> =>
  browser.submit(page, 'login-submit', { login: user.email, password }, isBack);

describe('the language of the pages', () => {
  it.each([
    ['ja', 'de', 'ja'],
    ['xx pt-BR fr', 'de', 'pt'],
    ['xx', 'de-CH, en;q=0.5', 'de'],
    [undefined, 'zh-CN,zh;q=0.9,en;q=0.8', 'zh-Hans'],
    [undefined, 'es-MX', 'es'],
    [undefined, 'xx', 'en'],
  ])('is what the app asks for (%s), then what the browser does (%s): %s', async (asked, accepts, expected) => {
    const page = await begin(reads(accepts), asked === undefined ? {} : { ui_locales: asked });
    expect(languageOf(page)).toBe(expected);
    expect(page.text).toContain(words(expected, 'signIn.title'));
  });

  it('is published', async () => {
    const { body } = await send(`${product.url}/.well-known/openid-configuration`);
    expect(body['ui_locales_supported']).toEqual(['ar', 'de', 'en', 'es', 'fr', 'ja', 'pt', 'zh-Hans']);
  });

  it('is the browser’s where no app asks: at home and where there is no page', async () => {
    expect(languageOf(await reads('fr').open(`${product.url}/`))).toBe('fr');
    const missing = await reads('ar').open(`${product.url}/nowhere`);
    expect([missing.status, languageOf(missing)]).toEqual([404, 'ar']);
    expect(missing.text).toContain('dir="rtl"');
    expect(missing.text).toContain(words('ar', 'error.notFoundTitle'));
  });
});

describe('the language that an app asked for', () => {
  it('stays after a wrong password and on the consent page', async () => {
    const browser = reads('fr');
    const page = await begin(browser, { ui_locales: 'de', prompt: 'consent', scope: 'openid email' });
    const wrong = await signIn(browser, page, 'not the right one');
    expect([wrong.status, languageOf(wrong)]).toEqual([401, 'de']);
    expect(wrong.text).toContain(words('de', 'signIn.wrong'));
    const consent = await signIn(browser, wrong);
    expect(languageOf(consent)).toBe('de');
    expect(consent.text).toContain(words('de', 'consent.scopes.email.title'));
    expect(isBack((await browser.submit(consent, 'consent-allow', {}, isBack)).url)).toBe(true);
  });

  it('stays when the person changes the account, and comes with a pushed request', async () => {
    const browser = reads('fr');
    const { body } = await app.post(
      '/par',
      Object.fromEntries(new URL(app.request({ ui_locales: 'ja', prompt: 'consent' }).url).searchParams),
    );
    const query = new URLSearchParams({
      client_id: app.credentials.clientId,
      request_uri: String(body['request_uri']),
    });
    const page = await browser.open(`${product.url}/authorize?${query}`, isBack);
    expect(languageOf(page)).toBe('ja');
    const switched = await browser.submit(await signIn(browser, page), 'not-you');
    expect(switched.text).toContain('id="login-page"');
    expect(languageOf(switched)).toBe('ja');
  });

  it('holds for what the app did wrong, also when it asked by POST', async () => {
    const wrong = await begin(reads('fr'), { ui_locales: 'es', redirect_uri: 'https://evil.example/' });
    expect([wrong.status, languageOf(wrong)]).toEqual([400, 'es']);
    const form = Object.fromEntries(new URL(app.request({ ui_locales: 'pt' }).url).searchParams);
    const browser = reads('fr');
    const posted = await browser.with({ 'sec-fetch-site': 'cross-site' }).post(`${product.url}/authorize`, form);
    const page = await browser.open(new URL(posted.headers.get('location') ?? '', product.url).href);
    expect(languageOf(page)).toBe('pt');
  });

  it('stays at a step that is over', async () => {
    const browser = reads('fr');
    const page = await begin(browser, { ui_locales: 'de' });
    await signIn(browser, page);
    const finished = await signIn(browser, page);
    expect([finished.status, languageOf(finished)]).toEqual([400, 'de']);
    expect(finished.text).toContain(words('de', 'startAgain.finishedTitle'));
  });

  it('stays while a device is connected', async () => {
    const device = await addDevice(product);
    const browser = reads('fr');
    const { userCode } = await startDevice(device, { ui_locales: 'de' });
    const input = await browser.open(`${product.url}/device?ui_locales=ja`);
    expect(languageOf(input)).toBe('ja');
    const wrong = await browser.submit(input, 'device-submit', { user_code: 'BCDF-GHJK' });
    expect([wrong.status, languageOf(wrong)]).toEqual([400, 'ja']);
    const confirm = await browser.submit(wrong, 'device-submit', { user_code: userCode });
    expect(languageOf(confirm)).toBe('de');
    const login = await browser.submit(confirm, 'device-confirm');
    expect(languageOf(login)).toBe('de');
    const consent = await signIn(browser, login);
    const done = await browser.submit(consent, 'consent-allow');
    expect(languageOf(done)).toBe('de');
    expect(done.text).toContain(words('de', 'device.connectedTitle'));
  });

  it('stays through a logout', async () => {
    const { browser } = await app.signIn(user, { browser: reads('fr') });
    const asked = await browser.open(`${product.url}/logout?ui_locales=es`);
    expect(languageOf(asked)).toBe('es');
    const done = await browser.submit(asked, 'logout-yes');
    expect(languageOf(done)).toBe('es');
    expect(done.text).toContain(words('es', 'logout.doneTitle'));
  });

  it('stays when the sign-in has expired', async () => {
    const browser = reads('fr');
    const page = await begin(browser, { ui_locales: 'de' });
    advance(2 * hours);
    const late = await signIn(browser, page);
    expect([late.status, languageOf(late)]).toEqual([400, 'de']);
    expect(late.text).toContain(words('de', 'startAgain.expiredTitle'));
  });
});
