import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, formOf, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import {
  codeOf,
  enrol,
  hrefOf,
  isCodePage,
  isSignInPage,
  multiFactor,
  type Person,
  recoveryCodesOn,
  setPolicy,
  typeCode,
  typePassword,
  wrongCodeOf,
} from '../mfa/kit.ts';
import { isActive } from '../protocol/kit/apps.ts';
import { advance } from '../protocol/kit/time.ts';
import { makeResetLink } from '../recovery/kit.ts';

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

const account = (browser: Browser): Promise<Page> => browser.open(`${product.url}/account`);
const has = (page: Page, id: string): boolean => page.text.includes(`id="${id}"`);
const eventsOf = async (type: string) => (await product.events(type)).filter(({ subject }) => subject === user.id);

/** Signs in on the account page itself, by whatever it asks for. */
async function enter(code?: () => string, browser = new Browser()): Promise<{ browser: Browser; page: Page }> {
  const start = await account(browser);
  let page = await typePassword(browser, await browser.open(hrefOf(start, 'sign-in-link')), user);
  if (isCodePage(page)) page = await typeCode(browser, page, code?.() ?? '');
  return { browser, page };
}

/** A recovery code keeps the steps of the app for what is tested. */
const byRecovery = (codes: readonly string[]) => {
  const left = [...codes];
  return () => left.shift() ?? '';
};

describe('the account page', () => {
  it('leads to the front door and back', async () => {
    const signedOut = await account(new Browser());
    expect([signedOut.status, has(signedOut, 'sign-in-link'), has(signedOut, 'sign-out')]).toEqual([200, true, false]);
    const { page } = await enter();
    expect([page.status, page.url, has(page, 'sign-out')]).toEqual([200, `${product.url}/account`, true]);
    expect(page.text).toContain(user.email);
    expect(page.headers.get('cache-control')).toBe('no-store');
    const { browser } = await enter();
    expect(has(await browser.open(`${product.url}/`), 'account-link')).toBe(true);
  });

  it('is what password managers find', async () => {
    const found = await new Browser().get(`${product.url}/.well-known/change-password`);
    expect([found.status, found.headers.get('location')]).toEqual([303, '/account']);
  });

  it('leads nowhere else, whatever a link to it says', async () => {
    for (const query of ['iss=x&state=https://evil.example', 'iss=x&state=constructor', 'error=x', 'iss=x&state=']) {
      const answer = await new Browser().get(`${product.url}/account?${query}`);
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account']);
    }
  });

  it('does nothing for whoever is not signed in', async () => {
    const forms = ['password', 'sessions/end', 'sessions/end-all', 'authenticator', 'authenticator/remove'];
    for (const form of [...forms, 'recovery-codes']) {
      const answer = await new Browser().post(`${product.url}/account/${form}`, { code: '123456' });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account']);
    }
    const page = await new Browser().get(`${product.url}/account/authenticator`);
    expect(page.headers.get('location')).toBe('/account');
  });
});

describe('a second step', () => {
  it('is set up, and the session has shown it', async () => {
    const { browser, page } = await enter();
    const form = await browser.open(hrefOf(page, 'factor-add'));
    const secret = textOf(form, 'totp-secret') ?? '';
    const wrong = await browser.submit(form, 'code-submit', { code: wrongCodeOf(secret) });
    expect([wrong.status, textOf(wrong, 'totp-secret')]).toEqual([401, secret]);
    const shown = await browser.submit(wrong, 'code-submit', { code: codeOf(secret) });
    const codes = recoveryCodesOn(shown);
    expect(new Set(codes).size).toBe(10);
    const after = await browser.open(hrefOf(shown, 'recovery-done'));
    expect([has(after, 'factor-remove'), after.text.includes('10 of them are left')]).toEqual([true, true]);
    expect((await eventsOf('factor.added')).map(({ actor }) => actor)).toEqual([{ kind: 'user', id: user.id }]);

    const { url, verifier } = app.request({ acr_values: multiFactor });
    const back = await browser.open(url, isBack);
    const { body } = await app.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
    expect(decodeJwt(String(body['id_token']))).toMatchObject({ acr: multiFactor, amr: ['pwd', 'otp', 'mfa'] });
    // There is one to a person: the page is no way to a second.
    expect((await browser.get(`${product.url}/account/authenticator`)).headers.get('location')).toBe('/account');
  });

  it('is set up after a fresh sign-in only, which leads on to it', async () => {
    const { browser, page } = await enter();
    advance(601);
    const again = await browser.open(hrefOf(page, 'factor-add'));
    expect([isSignInPage(again), again.text.includes('again')]).toEqual([true, true]);
    const form = await typePassword(browser, again, user);
    expect([form.url, has(form, 'totp-secret')]).toEqual([`${product.url}/account/authenticator`, true]);
  });

  it('is removed by a code, after a fresh sign-in', async () => {
    const kept = await enrol(product, user);
    const recovery = byRecovery(kept.recoveryCodes);
    const first = await enter(recovery);
    advance(601);
    expect(isSignInPage(await first.browser.submit(first.page, 'factor-remove'))).toBe(true);
    const { browser, page } = await enter(recovery);
    const asked = await browser.submit(page, 'factor-remove');
    expect([asked.status, has(asked, 'code-submit')]).toEqual([200, true]);
    expect((await browser.submit(asked, 'code-submit', { code: '' })).status).toBe(400);
    expect((await browser.submit(asked, 'code-submit', { code: wrongCodeOf(kept.secret) })).status).toBe(401);
    expect(await product.app.core.mfa.has(user.id)).toBe(true);
    const removed = await browser.submit(asked, 'code-submit', { code: codeOf(kept.secret) });
    expect([has(removed, 'factor-add'), removed.text.includes('is removed')]).toEqual([true, true]);
    expect(await product.app.core.mfa.factors(user.id)).toEqual({ passkeys: [], recoveryCodesLeft: 0 });
    expect((await eventsOf('factor.removed')).length).toBe(1);
    expect((await eventsOf('signin.failed')).map(({ reason }) => reason)).toEqual(['wrong_code']);
  });

  it('is removed once by two tabs with one code', async () => {
    const kept = await enrol(product, user);
    const { browser, page } = await enter(byRecovery(kept.recoveryCodes));
    const asked = await browser.submit(page, 'factor-remove');
    const code = codeOf(kept.secret);
    const answers = await Promise.all([1, 2].map(() => browser.copy().submit(asked, 'code-submit', { code })));
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    const outcomes = (await eventsOf('factor.removed')).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'success')).toHaveLength(1);
  });

  it('has new recovery codes, and the former ones end', async () => {
    const kept = await enrol(product, user);
    const recovery = byRecovery(kept.recoveryCodes);
    const { browser, page } = await enter(recovery);
    const shown = await browser.submit(page, 'recovery-regenerate');
    const codes = recoveryCodesOn(shown);
    expect(codes.filter((code) => kept.recoveryCodes.includes(code))).toEqual([]);
    expect((await eventsOf('recovery.regenerated')).length).toBe(1);
    const former = await enter(recovery);
    expect([former.page.status, isCodePage(former.page)]).toEqual([401, true]);
    expect((await enter(byRecovery(codes))).page.url).toBe(`${product.url}/account`);
    advance(601);
    expect(isSignInPage(await browser.submit(await account(browser), 'recovery-regenerate'))).toBe(true);
  });

  it('is not offered where there are to be none', async () => {
    await setPolicy(product, 'off');
    const { browser, page } = await enter();
    expect([has(page, 'factor-add'), has(page, 'second-step')]).toEqual([false, false]);
    expect((await browser.get(`${product.url}/account/authenticator`)).headers.get('location')).toBe('/account');
  });
});

describe('a password', () => {
  const wanted = 'a quite different password';
  const change = (browser: Browser, page: Page, current: string, next: string) =>
    browser.submit(page, 'password-change', { current_password: current, new_password: next });

  it('is changed by who knows the current one, and others are signed out', async () => {
    const other = await enter();
    const { body } = await app.tokens(user);
    const { browser, page } = await enter();
    const link = await makeResetLink(product, user.id);
    const done = await change(browser, page, user.password, wanted);
    expect([done.status, done.text.includes('Your password is changed')]).toEqual([200, true]);
    expect(has(await account(browser), 'sign-out')).toBe(true);
    expect(has(await account(other.browser), 'sign-out')).toBe(false);
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect((await enter()).page.status).toBe(401);
    user = { ...user, password: wanted };
    expect((await new Browser().get(link)).status).toBe(410);
    expect((await enter()).page.url).toBe(`${product.url}/account`);
    expect((await eventsOf('password.changed')).at(-1)?.actor).toEqual({ kind: 'user', id: user.id });
    expect((await eventsOf('session.ended')).length).toBe(2);
  });

  it('takes those along who were about to sign in with the former one', async () => {
    const { browser, page } = await enter();
    const slow = new Browser();
    // Such an answer is a page, to which the browser is sent on: there it may be late.
    const start = await slow.open(app.request({ response_mode: 'form_post' }).url);
    const { action, fields } = formOf(start, 'login-submit');
    const typed = { ...fields, login: user.email, password: user.password };
    const answer = await slow.post(new URL(action, start.url).href, typed);
    expect(answer.status).toBe(303);
    await change(browser, page, user.password, wanted);
    const late = await slow.open(new URL(answer.headers.get('location') ?? '', start.url).href);
    expect(late.text).not.toContain('name="code"');
    expect(isBack((await slow.open(app.request().url, isBack)).url)).toBe(false);
  });

  it.each([
    ['', wanted, 400, 'current_password'],
    ['not the current one', wanted, 401, 'current_password'],
    ['right', 'short', 400, 'new_password'],
    ['right', 'own', 400, 'new_password'],
  ])('is not changed with %j to %j', async (current, next, status, marked) => {
    const { browser, page } = await enter();
    const now = current === 'right' ? user.password : current;
    const refused = await change(browser, page, now, next === 'own' ? user.email : next);
    expect(refused.status).toBe(status);
    expect(new RegExp(`<input[^>]*id="${marked}"[^>]*>`).exec(refused.text)?.[0]).toContain('aria-invalid="true"');
    expect((await enter()).page.url).toBe(`${product.url}/account`);
  });

  it('is held back after too many wrong ones, as at the sign-in', async () => {
    const { browser, page } = await enter();
    const statuses: number[] = [];
    for (let tries = 0; tries < 6; tries += 1) statuses.push((await change(browser, page, 'wrong', wanted)).status);
    expect(statuses).toEqual([...Array(5).fill(401), 429]);
    const held = await change(browser, page, user.password, wanted);
    expect([held.status, Number(held.headers.get('retry-after')) > 0]).toEqual([429, true]);
  });
});

describe('sign-ins', () => {
  const endingOf = (page: Page, index: number) =>
    [...page.text.matchAll(/name="session" value="([^"]*)"/g)].map(([, id = '']) => id)[index] ?? '';

  it('are listed, and ended one by one', async () => {
    const other = await enter();
    const { browser: third } = await app.signIn(user);
    advance(5);
    const { browser, page } = await enter();
    expect(page.text.match(/id="session-end"/g)).toHaveLength(3);
    expect(page.text.match(/this browser/g)).toHaveLength(1);
    // The one in use stands first.
    const { action } = formOf(page, 'session-end');
    const answer = await browser.post(new URL(action, page.url).href, { session: endingOf(page, 1) });
    expect(answer.headers.get('location')).toBe('/account?done=session');
    const left = await account(browser);
    expect(left.text.match(/id="session-end"/g)).toHaveLength(2);
    const alive = [other.browser, third].map(async (one) => has(await account(one), 'sign-out'));
    expect((await Promise.all(alive)).sort()).toEqual([false, true]);
    const own = await browser.submit(left, 'session-end');
    expect(has(own, 'sign-in-link')).toBe(true);
    expect((await eventsOf('session.ended')).length).toBe(2);
  });

  it('of others are nobody’s to end', async () => {
    const { browser } = await enter();
    const owner = user;
    const target = endingOf(await account(browser), 0);
    user = await product.addUser();
    const stranger = await enter();
    const { action } = formOf(stranger.page, 'session-end');
    for (const session of [target, '', 'nothing']) {
      await stranger.browser.post(new URL(action, stranger.page.url).href, { session });
    }
    user = owner;
    expect(has(await account(browser), 'sign-out')).toBe(true);
    expect(await eventsOf('session.ended')).toEqual([]);
  });

  it('end everywhere at once, tokens included', async () => {
    const { body } = await app.tokens(user, { scope: 'openid offline_access', prompt: 'consent' });
    const other = await enter();
    const { browser, page } = await enter();
    const out = await browser.submit(page, 'sessions-end-all');
    expect([out.url, has(out, 'sign-in-link')]).toEqual([`${product.url}/account`, true]);
    expect(has(await account(other.browser), 'sign-in-link')).toBe(true);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await eventsOf('user.signed_out')).map(({ actor }) => actor)).toEqual([{ kind: 'user', id: user.id }]);
  });
});
