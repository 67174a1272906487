import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Authenticator, type Bend } from '../kit/authenticator.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import {
  enrol,
  isCodePage,
  isEnrolmentPage,
  isSignInPage,
  multiFactor,
  setPolicy,
  singleFactor,
  typePassword,
} from '../mfa/kit.ts';
import { operatorOf } from '../protocol/kit/operator.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance } from '../protocol/kit/time.ts';
import { addOn, enrolPasskey, type Person, signedForm, signOn } from './kit.ts';

let product: Product;
let app: RelyingApp;
let user: Person;
let key: Authenticator;

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  await setPolicy(product, 'optional');
  await setVerification('preferred');
  user = await product.addUser();
  key = await enrolPasskey(product, user);
  advance(900);
});
afterAll(() => product.stop());

async function setVerification(userVerification: 'required' | 'preferred' | 'discouraged') {
  await product.app.core.settings.set({ mfa: { passkeys: { userVerification } } }, byOperator);
  await product.app.core.settings.reload();
}

/** The sign-in page of an app's request. */
async function atSignIn(parameters: Record<string, string> = {}, browser = new Browser()) {
  const { url, verifier } = app.request(parameters);
  return { browser, page: await browser.open(url, isBack), verifier };
}

/** The page behind the password. */
async function afterPassword(person: Person = user, parameters: Record<string, string> = {}) {
  const { browser, page, verifier } = await atSignIn(parameters);
  return { browser, page: await typePassword(browser, page, person), verifier };
}

async function claimsBehind(page: Page, verifier: string): Promise<Record<string, unknown>> {
  const code = new URL(page.url).searchParams.get('code') ?? '';
  return decodeJwt(String((await app.exchange(code, verifier)).body['id_token']));
}

const eventsOf = async (type: string, subject: string | undefined = user.id) =>
  (await product.events(type)).filter((event) => event.subject === subject);
const reasonsOf = async (subject: string | undefined = user.id) =>
  (await eventsOf('signin.failed', subject)).map(({ reason }) => reason);

describe('sign-in by passkey', () => {
  it('is kept from strangers who forge it again and again, and from its owner nowhere that they signed in before', async () => {
    const own = (await atSignIn()).browser;
    const signIn = async (browser: Browser, bend: Bend = {}) => {
      const { page } = await atSignIn({ prompt: 'login' }, browser);
      return signOn(browser, page, 'passkey-sign-in', [key, bend]);
    };
    expect(isBack((await signIn(own)).url)).toBe(true);
    const statuses = new Set<number>();
    for (let n = 0; n < 20; n += 1) statuses.add((await signIn(new Browser(), { forged: true })).status);
    expect(statuses).toEqual(new Set([401, 429]));
    expect((await signIn(new Browser())).status).toBe(429);
    expect(isBack((await signIn(own)).url)).toBe(true);
  });

  it('is two factors in one where the passkey has checked its person', async () => {
    const { browser, page, verifier } = await atSignIn({ acr_values: multiFactor });
    expect(page.text).toContain('autocomplete="username webauthn"');
    expect(page.text).toMatch(/<script type="module" src="\/assets\/passkeys\.\w+\.js">/);
    const back = await signOn(browser, page, 'passkey-sign-in', [key]);
    expect(isBack(back.url)).toBe(true);
    const claims = await claimsBehind(back, verifier);
    expect(claims).toMatchObject({ sub: user.id, acr: multiFactor, amr: ['pop', 'hwk', 'user', 'mfa'] });
    expect(claims['auth_time']).toBe(Math.floor(Date.now() / 1000));
    const shown = await eventsOf('factor.verified');
    expect(shown.map(({ details }) => details['method'])).toEqual(['passkey']);
  });

  it('tells of a key that may be copied', async () => {
    const other = await product.addUser();
    const synced = await enrolPasskey(product, other, new Authenticator(product.url, { synced: true }));
    for (const _ of ['first', 'second']) {
      const { browser, page, verifier } = await atSignIn();
      const back = await signOn(browser, page, 'passkey-sign-in', [synced]);
      expect(await claimsBehind(back, verifier)).toMatchObject({ sub: other.id, amr: ['pop', 'swk', 'user', 'mfa'] });
    }
  });

  it('is one factor without that: the password comes next, and nothing else will do', async () => {
    const { browser, page, verifier } = await atSignIn();
    const next = await signOn(browser, page, 'passkey-sign-in', [key, { verified: false }]);
    expect([next.status, isSignInPage(next)]).toEqual([200, true]);
    expect(next.text).toContain(user.email);
    expect(next.text).not.toContain('id="passkey-sign-in"');
    // A code is one more thing that the person holds, as the key is.
    const { secret } = await enrol(product, user);
    const interaction = `${product.url}${new URL(next.url).pathname}`;
    for (const step of ['code', 'passkey', 'enrolment', 'passkey/enrolment']) {
      const early = await browser.post(`${interaction}/${step}`, { code: secret });
      expect([early.status, early.headers.get('location')]).toEqual([303, new URL(interaction).pathname]);
    }
    const back = await typePassword(browser, next, user);
    expect(isBack(back.url)).toBe(true);
    const claims = await claimsBehind(back, verifier);
    expect(claims).toMatchObject({ sub: user.id, acr: multiFactor, amr: ['pop', 'hwk', 'user', 'pwd', 'mfa'] });
  });

  it('of one person and a password of another are two sign-ins, of one factor each', async () => {
    const other = await product.addUser();
    const { browser, page, verifier } = await atSignIn();
    const next = await signOn(browser, page, 'passkey-sign-in', [key, { verified: false }]);
    const back = await typePassword(browser, next, other);
    expect(await claimsBehind(back, verifier)).toMatchObject({ sub: other.id, acr: singleFactor, amr: ['pwd'] });
  });

  it('is enough without that where no second factor is asked for, and says so', async () => {
    await setPolicy(product, 'off');
    const { browser, page, verifier } = await atSignIn();
    const back = await signOn(browser, page, 'passkey-sign-in', [key, { verified: false }]);
    expect(await claimsBehind(back, verifier)).toMatchObject({ acr: singleFactor, amr: ['pop', 'hwk', 'user'] });
  });

  it('needs a key that checks its person where the operator says so', async () => {
    await setVerification('required');
    const { browser, page } = await atSignIn();
    expect((await signOn(browser, page, 'passkey-sign-in', [key, { verified: false }])).status).toBe(401);
    expect(await reasonsOf()).toEqual(['passkey_not_verified']);
    expect(isBack((await signOn(browser, await browser.open(page.url), 'passkey-sign-in', [key])).url)).toBe(true);
  });

  const refusals: [string, Bend, string][] = [
    ['another key', { forged: true }, 'wrong_passkey'],
    ['another host', { rpId: 'evil.example' }, 'wrong_passkey'],
    ['another page', { origin: 'https://evil.example' }, 'wrong_passkey'],
    ['another challenge', { challenge: 'AAAA' }, 'wrong_passkey'],
    ['another person', { userHandle: 'AAAA' }, 'wrong_passkey'],
  ];
  it.each(refusals)('refuses a signature of %s, and tells nobody which', async (_, bend, reason) => {
    const { browser, page } = await atSignIn();
    const refused = await signOn(browser, page, 'passkey-sign-in', [key, bend]);
    expect([refused.status, isSignInPage(refused), refused.text.includes('was not taken')]).toEqual([401, true, true]);
    expect(await reasonsOf()).toEqual([reason]);
  });

  it('refuses a counter that goes back, which tells of a copy', async () => {
    const first = await atSignIn();
    expect(isBack((await signOn(first.browser, first.page, 'passkey-sign-in', [key, { counter: 7 }])).url)).toBe(true);
    for (const counter of [7, 6, 0]) {
      const { browser, page } = await atSignIn();
      expect((await signOn(browser, page, 'passkey-sign-in', [key, { counter }])).status).toBe(401);
    }
    expect(await reasonsOf()).toEqual(['passkey_counter', 'passkey_counter', 'passkey_counter']);
  });

  it('answers unknown keys, known ones and disabled people alike', async () => {
    const unknown = new Authenticator(product.url);
    unknown.create(JSON.stringify({ challenge: 'AAAA', rp: { id: 'localhost' }, user: { id: 'AAAA' } }));
    const disabled = await product.addUser();
    const own = await enrolPasskey(product, disabled);
    await operatorOf(product).disableUser(disabled.id);
    const answers = [];
    for (const [one, bend] of [
      [unknown, {}],
      [key, { forged: true }],
      [own, {}],
    ] as [Authenticator, Bend][]) {
      const { browser, page } = await atSignIn();
      const answer = await signOn(browser, page, 'passkey-sign-in', [one, bend]);
      const uid = new URL(page.url).pathname.split('/')[2] ?? '';
      const sealed = /s1\.[\w.-]+/g;
      const text = answer.text
        .replaceAll(uid, 'UID')
        .replaceAll(sealed, 'SEALED')
        .replaceAll(/challenge&quot;:&quot;[\w-]+/g, 'CHALLENGE');
      answers.push([answer.status, text, [...answer.headers.keys()].sort()]);
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    expect(await reasonsOf(disabled.id)).toEqual(['account_disabled']);
  });

  it('takes an answer once, in its own sign-in, within five minutes', async () => {
    const { browser, page } = await atSignIn();
    const form = signedForm(page, 'passkey-sign-in', key);
    const other = await atSignIn();
    const elsewhere = await other.browser.submit(other.page, 'passkey-sign-in', form);
    expect([elsewhere.status, elsewhere.text.includes('too long')]).toEqual([400, true]);
    advance(301);
    const late = await browser.submit(page, 'passkey-sign-in', form);
    expect([late.status, isSignInPage(late), late.text.includes('too long')]).toEqual([400, true, true]);
    const again = signedForm(late, 'passkey-sign-in', key);
    const twin = browser.copy();
    expect(isBack((await browser.submit(late, 'passkey-sign-in', again, isBack)).url)).toBe(true);
    const replayed = await twin.submit(late, 'passkey-sign-in', again, isBack);
    expect([isBack(replayed.url), replayed.status]).toEqual([false, 400]);
  });

  it.each([
    ['nothing', '', 400],
    ['no JSON', '{', 401],
    ['something else', '{"id":"x"}', 401],
    ['a list', '[]', 401],
    ['a deep answer', JSON.stringify({ id: { a: 1 }, rawId: [], type: 'public-key', response: 'x' }), 401],
    ['too much', `{"id":"${'a'.repeat(40_000)}"}`, 401],
  ])('is not upset by %s', async (_, credential, status) => {
    const { browser, page } = await atSignIn();
    const answer = await browser.submit(page, 'passkey-sign-in', { credential });
    expect([answer.status, isSignInPage(answer)]).toEqual([status, true]);
  });

  it('counts what is refused, by address', async () => {
    const limited = await startProduct({ settings: { limits: { failuresPerAddress: 5 } } });
    const shop = await addWebApp(limited, { first_party: true });
    const person = await limited.addUser();
    const statuses: number[] = [];
    for (let tries = 0; tries < 7; tries += 1) {
      const stranger = new Authenticator(limited.url);
      stranger.create(JSON.stringify({ challenge: 'AAAA', rp: { id: 'localhost' }, user: { id: 'AAAA' } }));
      const browser = new Browser();
      const page = await browser.open(shop.request().url, isBack);
      statuses.push((await signOn(browser, page, 'passkey-sign-in', [stranger])).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const browser = new Browser();
    const page = await browser.open(shop.request().url, isBack);
    expect((await typePassword(browser, page, person)).status).toBe(429);
    await limited.stop();
  });

  it('signs in again, and as somebody else, where the app wants that', async () => {
    const { browser, page, verifier } = await atSignIn();
    await claimsBehind(await signOn(browser, page, 'passkey-sign-in', [key]), verifier);
    advance(60);
    const again = await atSignIn({ prompt: 'login', max_age: '0' }, browser);
    expect(isSignInPage(again.page)).toBe(true);
    const back = await signOn(browser, again.page, 'passkey-sign-in', [key]);
    const claims = await claimsBehind(back, again.verifier);
    expect(claims['auth_time']).toBe(Math.floor(Date.now() / 1000));
  });
});

describe('a passkey as the second step', () => {
  it('comes after the password, and the app is told', async () => {
    const { browser, page, verifier } = await afterPassword();
    expect([page.status, isCodePage(page)]).toEqual([200, true]);
    expect(page.text).not.toContain('id="code-submit"');
    const back = await signOn(browser, page, 'passkey-submit', [key, { verified: false, userHandle: undefined }]);
    expect(isBack(back.url)).toBe(true);
    const claims = await claimsBehind(back, verifier);
    expect(claims).toMatchObject({ sub: user.id, acr: multiFactor, amr: ['pwd', 'pop', 'hwk', 'user', 'mfa'] });
  });

  it('must be the person’s own', async () => {
    const other = await product.addUser();
    const foreign = await enrolPasskey(product, other);
    const { browser, page } = await afterPassword();
    const refused = await signOn(browser, page, 'passkey-submit', [foreign]);
    expect([refused.status, isCodePage(refused)]).toEqual([401, true]);
    // Nor is an answer to the first question one to the second.
    const start = await atSignIn();
    const form = signedForm(start.page, 'passkey-sign-in', key);
    const second = await typePassword(start.browser, start.page, user);
    expect((await start.browser.submit(second, 'passkey-submit', form)).status).toBe(400);
  });

  it('steps a session up', async () => {
    const person = await product.addUser();
    const { browser } = await app.signIn(person);
    const own = await enrolPasskey(product, person);
    const { url, verifier } = app.request({ acr_values: multiFactor });
    const page = await browser.open(url, isBack);
    expect(isCodePage(page)).toBe(true);
    const back = await signOn(browser, page, 'passkey-submit', [own]);
    expect(await claimsBehind(back, verifier)).toMatchObject({ acr: multiFactor });
  });

  it('gives way to a recovery code, with or without scripts', async () => {
    const person = await product.addUser();
    await setPolicy(product, 'required');
    const { browser, page } = await afterPassword(person);
    expect(isEnrolmentPage(page)).toBe(true);
    const own = new Authenticator(product.url);
    const shown = await addOn(browser, page, own);
    const codes = [...shown.text.matchAll(/<code>([^<]+)<\/code>/g)].map(([, code = '']) => code);
    expect([shown.status, codes.length]).toEqual([200, 10]);
    advance(60);
    const next = await afterPassword(person);
    expect(next.page.text).toContain('<noscript>');
    const recovery = await next.browser.submit(next.page, 'use-another-way');
    expect(recovery.text).toContain('Enter a recovery code');
    const back = await next.browser.submit(recovery, 'code-submit', { code: codes[0] ?? '' }, isBack);
    expect(await claimsBehind(back, next.verifier)).toMatchObject({ acr: multiFactor, amr: ['pwd', 'otp', 'mfa'] });
    const around = await next.browser.submit(recovery, 'use-another-way');
    expect(isCodePage(around)).toBe(false);
  });

  it('is set up where one is required, and lets the person on', async () => {
    await setPolicy(product, 'required');
    const person = await product.addUser();
    const { browser, page, verifier } = await afterPassword(person);
    const own = new Authenticator(product.url);
    const shown = await addOn(browser, page, own);
    expect(shown.text).toContain('id="recovery-codes"');
    const href = /id="recovery-done"[^>]*href="([^"]*)"|href="([^"]*)"[^>]*id="recovery-done"/.exec(shown.text);
    const back = await browser.open(new URL(href?.[1] ?? href?.[2] ?? '', page.url).href, isBack);
    const claims = await claimsBehind(back, verifier);
    expect(claims).toMatchObject({ acr: multiFactor, amr: ['pwd', 'pop', 'hwk', 'user', 'mfa'] });
    const [added] = await eventsOf('factor.added', person.id);
    expect(added?.details).toMatchObject({ method: 'passkey' });
    const next = await afterPassword(person);
    expect(isBack((await signOn(next.browser, next.page, 'passkey-submit', [own])).url)).toBe(true);
    // Whoever has a factor shows it: a second one is no way around it.
    const last = await afterPassword(person);
    const interaction = `${product.url}${new URL(last.page.url).pathname}`;
    const sneaky = await last.browser.post(`${interaction}/passkey/enrolment`, { credential: '{}', challenge: 'x' });
    expect([sneaky.status, sneaky.headers.get('location')]).toEqual([303, new URL(interaction).pathname]);
  });

  it('that was not made here, or for another, is not taken', async () => {
    await setPolicy(product, 'required');
    const person = await product.addUser();
    const { browser, page } = await afterPassword(person);
    for (const [credential, status] of [
      ['', 400],
      ['{}', 401],
    ] as const) {
      const answer = await browser.submit(page, 'passkey-add', { credential });
      expect([answer.status, isEnrolmentPage(answer)]).toEqual([status, true]);
    }
    const far = new Authenticator('https://evil.example');
    expect((await addOn(browser, page, far)).status).toBe(401);
    expect(await rows(product.database, 'SELECT id FROM passkeys WHERE user_id = ?1', [person.id])).toEqual([]);
    // One that belongs to somebody already.
    expect((await addOn(browser, page, key)).status).toBe(409);
  });
});

describe('of any number of racers with one answer of a passkey', () => {
  it.each(['a key that counts', 'a key that does not'])('one signs in: %s', async (which) => {
    const person = await product.addUser();
    const own = new Authenticator(product.url, { synced: which === 'a key that does not' });
    await enrolPasskey(product, person, own);
    const { browser, page } = await atSignIn();
    const form = signedForm(page, 'passkey-sign-in', own);
    const racers = Array.from({ length: 64 }, () => browser.copy());
    const pages = await Promise.all(racers.map((one) => one.submit(page, 'passkey-sign-in', form, isBack)));
    const won = (await eventsOf('factor.verified', person.id)).filter(({ outcome }) => outcome === 'success');
    expect(won).toHaveLength(1);
    expect(pages.filter(({ status }) => status >= 500)).toEqual([]);
  });
});

describe('a reset by the operator', () => {
  it('takes passkeys away as well', async () => {
    const by = { actor: { kind: 'system' as const }, facts: {} };
    expect(await product.app.core.mfa.has(user.id)).toBe(true);
    expect(await product.app.core.mfa.reset(user.id, by)).toBe(true);
    expect(await product.app.core.mfa.reset(user.id, by)).toBe(false);
    expect(isBack((await afterPassword()).page.url)).toBe(true);
    const { browser, page } = await atSignIn();
    expect((await signOn(browser, page, 'passkey-sign-in', [key])).status).toBe(401);
  });
});

describe('what browsers find out about', () => {
  it('are related origins and the pages of passkeys', async () => {
    const get = async (path: string) => {
      const answer = await fetch(`${product.url}${path}`);
      return { type: answer.headers.get('content-type'), status: answer.status, body: await answer.json() };
    };
    const type = expect.stringContaining('application/json') as unknown;
    expect(await get('/.well-known/webauthn')).toEqual({ type, status: 200, body: { origins: [product.url] } });
    const relatedOrigins = ['https://shop.example'];
    await product.app.core.settings.set({ mfa: { passkeys: { relatedOrigins } } }, byOperator);
    await product.app.core.settings.reload();
    expect((await get('/.well-known/webauthn')).body).toEqual({ origins: [product.url, 'https://shop.example'] });
    const { browser, page } = await atSignIn();
    const related = await signOn(browser, page, 'passkey-sign-in', [key, { origin: 'https://shop.example' }]);
    expect(isBack(related.url)).toBe(true);
    expect((await get('/.well-known/passkey-endpoints')).body).toEqual({
      enroll: `${product.url}/account/passkeys/add`,
      manage: `${product.url}/account`,
    });
  });
});
