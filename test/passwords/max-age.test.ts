import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { codeOf, enrol, enrolOnPage, hrefOf, isCodePage, type Person, setPolicy, typePassword } from '../mfa/kit.ts';
import { isActive } from '../protocol/kit/apps.ts';
import { advance, days, hours, standStill } from '../protocol/kit/time.ts';

const wanted = 'a lighthouse keeper at dawn';

let product: Product;
let app: RelyingApp;
let old: Person;
let guarded: Person & { readonly secret: string };

beforeAll(async () => {
  standStill();
  product = await startProduct();
  app = await addWebApp(product, { first_party: true });
  old = await product.addUser();
  const other = await product.addUser();
  guarded = { ...other, ...(await enrol(product, other)) };
  advance(31 * days);
  await product.app.core.settings.set({ password: { maxAge: 30 * days } }, byOperator);
});
afterAll(() => product.stop());

const isAsked = ({ text }: Page): boolean => text.includes('id="new-password-page"');
const begin = async (person: Person) => {
  const browser = new Browser();
  const start = await browser.open(app.request().url);
  return { browser, start, page: await typePassword(browser, start, person) };
};
const choose = (browser: Browser, page: Page, password: string) =>
  browser.submit(page, 'password-submit', { password }, isBack);
const isOf =
  ({ id }: Person) =>
  ({ subject }: { readonly subject?: string | undefined }) =>
    subject === id;
const isRight = async ({ id }: Person, password: string) => (await product.app.core.passwords.check(id, password)).ok;

describe('a password that is older than operators allow', () => {
  it('gives way to another one before anything is handed out', async () => {
    const { browser, start, page } = await begin(old);
    expect(isAsked(page)).toBe(true);
    for (const url of [start.url, app.request().url]) expect(isBack((await browser.open(url, isBack)).url)).toBe(false);
    for (const [password, says] of [
      ['', 'Choose a password'],
      ['too short', 'too short'],
      [old.password, 'used this password here before'],
    ] as const) {
      const refused = await choose(browser, await browser.open(start.url), password);
      expect([refused.status, isAsked(refused), refused.text.includes(says)]).toEqual([400, true, true]);
    }
    expect(await isRight(old, old.password)).toBe(true);
    const back = await choose(browser, await browser.open(start.url), wanted);
    expect(isBack(back.url)).toBe(true);
    expect(await isRight(old, wanted)).toBe(true);
    expect((await product.events('password.changed')).at(-1)?.actor).toEqual({ kind: 'user', id: old.id });
    expect(isBack((await begin({ ...old, password: wanted })).page.url)).toBe(true);
  });

  it('is not replaced by who knows nothing else, where a second factor is due', async () => {
    const { browser, start, page } = await begin(guarded);
    expect(isCodePage(page)).toBe(true);
    const early = await browser.post(`${start.url}/new-password`, { password: wanted });
    expect([early.status, early.headers.get('location')]).toEqual([303, new URL(start.url).pathname]);
    expect(await isRight(guarded, guarded.password)).toBe(true);
    const asked = await browser.open(start.url);
    const form = { code: codeOf(guarded.secret), remember_device: 'on' };
    const next = await browser.submit(asked, 'code-submit', form, isBack);
    expect(isAsked(next)).toBe(true);
    expect(await product.app.core.devices.remembered(guarded.id)).toHaveLength(1);
    expect(isBack((await choose(browser, next, wanted)).url)).toBe(true);
    expect(await product.app.core.devices.remembered(guarded.id)).toEqual([]);
  });

  it('takes the other sign-ins along, and what they handed out, but not the one that it gives way in', async () => {
    const person = await product.addUser();
    advance(30 * days - hours);
    const { body } = await app.tokens(person);
    const { browser } = await app.signIn(person);
    advance(2 * hours);
    const sessions = () => product.events('session.ended').then((all) => all.filter(isOf(person)));
    const asked = await typePassword(browser, await browser.open(app.request({ prompt: 'login' }).url), person);
    expect([isAsked(asked), await sessions()]).toEqual([true, []]);
    expect(isBack((await choose(browser, asked, wanted)).url)).toBe(true);
    expect((await sessions()).map(({ details }) => details['by'])).toEqual(['password']);
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(isBack((await browser.open(app.request().url, isBack)).url)).toBe(true);
  });

  it('gives way in a sign-in that owes a second factor, once that is set up', async () => {
    const person = await product.addUser();
    advance(30 * days - hours);
    const { browser } = await app.signIn(person);
    advance(2 * hours);
    await setPolicy(product, 'required');
    const { page } = await enrolOnPage(browser, await browser.open(app.request().url));
    const asked = await browser.open(hrefOf(page, 'recovery-done'), isBack);
    await setPolicy(product, 'optional');
    expect(isAsked(asked)).toBe(true);
    expect(isBack((await choose(browser, asked, wanted)).url)).toBe(true);
  });

  it('is remembered as a former one, whichever way it was replaced', async () => {
    await product.app.core.settings.set({ password: { history: 3 } }, byOperator);
    const person = await product.addUser();
    advance(31 * days);
    const { browser, page } = await begin(person);
    expect(isBack((await choose(browser, page, wanted)).url)).toBe(true);
    advance(31 * days);
    const next = await begin({ ...person, password: wanted });
    const refused = await choose(next.browser, next.page, person.password);
    expect([refused.status, refused.text.includes('used this password here before')]).toEqual([400, true]);
    expect(isBack((await choose(next.browser, next.page, 'yet another of these words')).url)).toBe(true);
  });

  it('is left alone by a stranger, before anybody signed in', async () => {
    const browser = new Browser();
    const start = await browser.open(app.request().url);
    const answer = await browser.post(`${start.url}/new-password`, { password: wanted });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, new URL(start.url).pathname]);
  });
});
