import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Authenticator } from '../kit/authenticator.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import {
  codeOf,
  enrol,
  hrefOf,
  isSignInPage,
  multiFactor,
  recoveryCodesOn,
  setPolicy,
  typePassword,
} from '../mfa/kit.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance } from '../protocol/kit/time.ts';
import { addOn, enrolPasskey, type Person, signOn } from './kit.ts';

let product: Product;
let app: RelyingApp;
let user: Person;

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  await setPolicy(product, 'optional');
  user = await product.addUser();
  advance(900);
});
afterAll(() => product.stop());

const has = (page: Page, id: string): boolean => page.text.includes(`id="${id}"`);
const eventsOf = async (type: string) => (await product.events(type)).filter(({ subject }) => subject === user.id);
const account = (browser: Browser): Promise<Page> => browser.open(`${product.url}/account`);
const keysOf = () => rows(product.database, 'SELECT name FROM passkeys WHERE user_id = ?1 ORDER BY id', [user.id]);

/** Signs in on the account page, by password or by a passkey. */
async function enter(key?: Authenticator, browser = new Browser()): Promise<{ browser: Browser; page: Page }> {
  const start = await browser.open(hrefOf(await account(browser), 'sign-in-link'));
  const page = await (key ? signOn(browser, start, 'passkey-sign-in', [key]) : typePassword(browser, start, user));
  return { browser, page };
}

describe('passkeys on the account page', () => {
  it('are added, and the session has shown one; the first brings recovery codes', async () => {
    const { browser, page } = await enter();
    const key = new Authenticator(product.url);
    const shown = await addOn(browser, page, key, 'Laptop');
    expect(new Set(recoveryCodesOn(shown)).size).toBe(10);
    const after = await account(browser);
    expect([has(after, 'factor-remove'), after.text.includes('Laptop')]).toEqual([true, true]);
    expect(after.text).toContain('10 of them are left');
    const [added] = await eventsOf('factor.added');
    expect([added?.actor, added?.details['method']]).toEqual([{ kind: 'user', id: user.id }, 'passkey']);

    const { url, verifier } = app.request({ acr_values: multiFactor });
    const back = await browser.open(url, isBack);
    const { body } = await app.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
    const amr = ['pwd', 'pop', 'hwk', 'user', 'mfa'];
    expect(decodeJwt(String(body['id_token']))).toMatchObject({ acr: multiFactor, amr });

    const second = await addOn(browser, after, new Authenticator(product.url, { synced: true }));
    expect([second.url, has(second, 'recovery-codes')]).toEqual([`${product.url}/account?done=passkey-added`, false]);
    expect(await keysOf()).toEqual([{ name: 'Laptop' }, { name: '' }]);
  });

  it('are added after a fresh sign-in only, which leads back', async () => {
    const { browser } = await enter();
    const fresh = await account(browser);
    advance(601);
    const stale = await account(browser);
    expect([has(stale, 'passkey-add'), stale.text.includes('data-passkey="create"')]).toEqual([true, false]);
    const late = await addOn(browser, fresh, new Authenticator(product.url));
    expect(isSignInPage(late)).toBe(true);
    expect(await keysOf()).toEqual([]);
    const again = await browser.open(`${product.url}/account/passkeys/add`);
    const page = await typePassword(browser, again, user);
    expect([page.url.split('#')[0], page.text.includes('data-passkey="create"')]).toEqual([
      `${product.url}/account`,
      true,
    ]);
  });

  it('are not taken when something is wrong with them, and nothing is changed', async () => {
    const { browser, page } = await enter();
    const foreign = await enrolPasskey(product, await product.addUser());
    const empty = await browser.submit(page, 'passkey-add', { credential: '' });
    const wrong = await browser.submit(empty, 'passkey-add', { credential: '{"id":1}' });
    const old = await browser.submit(wrong, 'passkey-add', { challenge: 's1.x.y', credential: '{}' });
    const taken = await addOn(browser, old, foreign);
    expect([empty, wrong, old, taken].map(({ status }) => status)).toEqual([400, 401, 400, 409]);
    expect(taken.text).toContain('belongs to an account already');
    expect(await keysOf()).toEqual([]);
    expect(await eventsOf('factor.added')).toEqual([]);
  });

  it('get names, of their own person’s giving', async () => {
    await enrolPasskey(product, user);
    const other = await product.addUser();
    await enrolPasskey(product, other);
    const [foreign] = await product.app.core.passkeys.list(other.id);
    const [own] = await product.app.core.passkeys.list(user.id);
    const { browser, page } = await enter(await enrolPasskey(product, user));
    const renamed = await browser.submit(page, 'passkey-rename', { name: '<b>Blue</b> key' });
    expect([renamed.status, renamed.text.includes('&lt;b&gt;Blue&lt;/b&gt; key')]).toEqual([200, true]);
    expect((await eventsOf('factor.renamed')).map(({ details }) => details['passkey'])).toEqual([own?.id]);
    await browser.post(`${product.url}/account/passkeys/rename`, { passkey: foreign?.id ?? '', name: 'mine' });
    await browser.post(`${product.url}/account/passkeys/remove`, { passkey: foreign?.id ?? '', code: 'x' });
    expect((await product.app.core.passkeys.list(other.id))[0]?.name).toBe('');
  });

  it('go by showing a factor, and with the last one the recovery codes', async () => {
    const key = new Authenticator(product.url);
    const first = await enter();
    const codes = recoveryCodesOn(await addOn(first.browser, first.page, key));
    const { browser, page } = await enter(key);
    const ask = await browser.submit(page, 'factor-remove');
    expect([has(ask, 'remove-page'), ask.text.includes('Your password alone')]).toEqual([true, true]);
    expect((await browser.submit(ask, 'code-submit', { code: 'wrong-wrong' })).status).toBe(401);
    const forged = await signOn(browser, ask, 'passkey-submit', [key, { forged: true }]);
    expect([forged.status, has(forged, 'remove-page')]).toEqual([401, true]);
    expect(await keysOf()).toHaveLength(1);
    const gone = await signOn(browser, forged, 'passkey-submit', [key]);
    expect(gone.url).toBe(`${product.url}/account?done=passkey-removed`);
    expect(await keysOf()).toEqual([]);
    expect(await rows(product.database, 'SELECT id FROM recovery_codes WHERE user_id = ?1', [user.id])).toEqual([]);
    expect((await eventsOf('factor.removed')).map(({ details }) => details['method'])).toEqual(['passkey']);
    expect(codes).toHaveLength(10);
  });

  it('go by a recovery code as well, and leave the codes while another factor is there', async () => {
    const first = await enter();
    const codes = recoveryCodesOn(await addOn(first.browser, first.page, new Authenticator(product.url)));
    await addOn(first.browser, await account(first.browser), new Authenticator(product.url));
    const ask = await first.browser.submit(await account(first.browser), 'factor-remove');
    const gone = await first.browser.submit(ask, 'code-submit', { code: codes[0] ?? '' });
    expect(gone.url).toBe(`${product.url}/account?done=passkey-removed`);
    expect(gone.text).toContain('9 of them are left');
    expect(await keysOf()).toHaveLength(1);
  });

  it('stand beside an app, whose codes keep the recovery codes that there are', async () => {
    const { browser, page } = await enter();
    await addOn(browser, page, new Authenticator(product.url));
    const form = await browser.open(hrefOf(await account(browser), 'factor-add'));
    const secret = /id="totp-secret"[^>]*>([^<]*)</.exec(form.text)?.[1] ?? '';
    const done = await browser.submit(form, 'code-submit', { code: codeOf(secret) });
    expect(done.url).toBe(`${product.url}/account?done=factor-added`);
    expect(done.text).toContain('10 of them are left');
    advance(60);
    const ask = await browser.submit(done, 'factor-remove');
    const gone = await browser.submit(ask, 'code-submit', { code: codeOf(secret) });
    expect(gone.url).toBe(`${product.url}/account?done=factor-removed`);
    expect(gone.text).toContain('10 of them are left');
  });

  it('of somebody who signs in by app only are none', async () => {
    await enrol(product, user);
    const { browser } = await app.signIn(await product.addUser());
    const answer = await browser.post(`${product.url}/account/passkeys/remove`, { passkey: 'x', code: '1' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account']);
  });

  it('are nobody’s who is not signed in', async () => {
    for (const form of ['passkeys', 'passkeys/rename', 'passkeys/remove']) {
      const answer = await new Browser().post(`${product.url}/account/${form}`, { credential: '{}' });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account']);
    }
    const add = await new Browser().get(`${product.url}/account/passkeys/add`);
    expect(add.headers.get('location')).toBe('/account');
  });

  it('open the account where second steps are off', async () => {
    await setPolicy(product, 'off');
    const key = await enrolPasskey(product, user);
    const { page } = await enter(key);
    expect([has(page, 'sign-out'), has(page, 'passkey-add'), has(page, 'factor-add')]).toEqual([true, true, false]);
  });
});
