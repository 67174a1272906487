import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { accountPage, enter } from '../account/kit.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { codeOf, enrol, hrefOf, isCodePage, isSignInPage, type Person, typeCode, typePassword } from '../mfa/kit.ts';
import { advance } from '../protocol/kit/time.ts';
import { from, writeTowns } from './kit.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const safari =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15';
const folder = mkdtempSync(join(tmpdir(), 'postern-signals-'));
let product: Product;
let app: RelyingApp;
let user: Person;

beforeAll(async () => {
  product = await startProduct({
    settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } },
    env: { POSTERN_GEOIP__FILE: writeTowns(folder), POSTERN_TRUST_PROXY: '127.0.0.1' },
  });
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  user = await product.addUser();
  advance(900);
});
afterAll(async () => {
  await product.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function onRisk(policy: 'audit' | 'challenge'): Promise<void> {
  await product.app.core.settings.set({ sessions: { onRisk: policy } }, byOperator);
  await product.app.core.settings.reload();
}
const signals = async () =>
  (await product.events('signal.raised'))
    .filter(({ subject }) => subject === user.id)
    .map(({ outcome, reason }) => `${outcome} ${reason}`);
const inCologne = () => new Browser({ ...from.cologne, 'user-agent': firefox });
const authorize = (browser: Browser, parameters: Record<string, string> = {}) =>
  browser.open(app.request(parameters).url, isBack);
const isSignedOut = (page: Page) => page.text.includes('sign-in-link');

describe('under the policy audit', () => {
  beforeAll(() => onRisk('audit'));

  it('a journey that nobody makes is written down, at an app as on the account page, and stops nobody', async () => {
    const { browser } = await app.signIn(user, { browser: inCologne() });
    advance(1800);
    const thief = browser.with(from.santiago);
    expect(isBack((await authorize(thief)).url)).toBe(true);
    expect(await signals()).toEqual(['success impossible_travel']);
    user = await product.addUser();
    const { browser: own } = await enter(product, user, { browser: inCologne() });
    advance(1800);
    expect(isSignedOut(await accountPage(product, own.with(from.santiago6)))).toBe(false);
    expect(await signals()).toHaveLength(1);
    // It is there now: the next page is no journey.
    await accountPage(product, own.with(from.santiago6));
    expect(await signals()).toHaveLength(1);
    const [event] = await product.events('signal.raised');
    expect(event).toMatchObject({ actor: { kind: 'system', name: 'signals' }, details: { from: '192.0.2.10' } });
  });

  it('a sign-in far from where its person was a moment ago is written down, and one after a flight is not', async () => {
    await app.signIn(user, { browser: inCologne() });
    advance(600);
    await app.signIn(user, { browser: new Browser(from.santiago) });
    expect(await signals()).toEqual(['success impossible_travel']);
    await app.signIn(user, { browser: new Browser(from.santiago6) });
    await app.signIn(user, { browser: new Browser() });
    expect(await signals()).toHaveLength(1);
    const other = await product.addUser();
    await app.signIn(other, { browser: new Browser(from.cologne) });
    expect((await product.events('signal.raised')).filter(({ subject }) => subject === other.id)).toEqual([]);
  });

  it('nobody travels by the next town, or by IPv6 beside IPv4', async () => {
    const { browser } = await enter(product, user, { browser: inCologne() });
    for (const headers of [from.bonn, from.cologne6, from.cologne, from.bonn, from.cologne6]) {
      advance(5);
      expect(isSignedOut(await accountPage(product, browser.with(headers)))).toBe(false);
    }
    expect(await signals()).toEqual([]);
  });

  it('one session in two places at once, and in another browser, is written down', async () => {
    const { browser } = await enter(product, user, { browser: inCologne() });
    advance(60);
    await accountPage(product, browser.with(from.santiago));
    advance(60);
    await accountPage(product, browser);
    expect(await signals()).toEqual(['success impossible_travel', 'success concurrent_use']);
    await accountPage(product, browser.with({ 'user-agent': safari }));
    expect((await signals()).at(-1)).toBe('success user_agent_changed');
    await accountPage(product, browser.with({ 'user-agent': safari.replace('17.5', '18.0') }));
    expect(await signals()).toHaveLength(3);
    const activity = await browser.open(`${product.url}/account/activity`);
    expect(activity.text).toContain('used in an unusual way');
  });

  it('a header that no trusted proxy wrote moves nobody', async () => {
    const direct = await startProduct({ env: { POSTERN_GEOIP__FILE: writeTowns(folder) } });
    try {
      const person = await direct.addUser();
      const { browser } = await enter(direct, person, { browser: inCologne() });
      await accountPage(direct, browser.with(from.santiago));
      expect(await direct.events('signal.raised')).toEqual([]);
    } finally {
      await direct.stop();
    }
  });

  it('a page of ours notes the use of a session, once a minute while nothing changes', async () => {
    const { browser } = await enter(product, user, { browser: inCologne() });
    const seen = async () => (await product.app.protocol.sessions.list(user.id))[0];
    const first = await seen();
    advance(30);
    await accountPage(product, browser);
    expect((await seen())?.lastSeenAt).toBe(first?.lastSeenAt);
    advance(31);
    await accountPage(product, browser);
    expect((await seen())?.lastSeenAt).toBe((first?.lastSeenAt ?? 0) + 61_000);
    await accountPage(product, browser.with(from.bonn));
    expect(await seen()).toMatchObject({ address: '198.51.100.10', place: { country: 'DE', city: { en: 'Bonn' } } });
    expect((await seen())?.startedAt).toBe(first?.startedAt);
  });

  it('what a browser says of itself beside its user agent names it in the list', async () => {
    const hints = { 'sec-ch-ua': '"Chromium";v="130", "Brave";v="130"', 'sec-ch-ua-platform': '"Haiku"' };
    const { browser } = await enter(product, user, { browser: new Browser(hints) });
    expect((await accountPage(product, browser)).text).toContain('Brave on Haiku');
  });
});

describe('under the policy challenge', () => {
  beforeAll(() => onRisk('challenge'));

  /** The session's cookie in a thief's hands: another place, another browser. */
  const steal = (browser: Browser) => browser.with({ ...from.santiago, 'user-agent': safari });

  it('asks for a second factor that was shown before, and leaves the owner whole', async () => {
    const { secret } = await enrol(product, user);
    const browser = inCologne();
    const asked = await typePassword(browser, await authorize(browser), user);
    expect(isBack((await typeCode(browser, asked, codeOf(secret))).url)).toBe(true);
    advance(60);
    const thief = steal(browser);
    const page = await authorize(thief);
    expect(isCodePage(page)).toBe(true);
    expect(page.text).toContain('used in an unusual way');
    expect(await signals()).toEqual(['denied impossible_travel', 'denied user_agent_changed']);
    // Nor by another way: the account page, silently, at another app, or by the address of a later step.
    expect(isSignedOut(await accountPage(product, thief))).toBe(true);
    const silent = await authorize(thief, { prompt: 'none' });
    expect(new URL(silent.url).searchParams.get('error')).toBe('login_required');
    const { pathname } = new URL(page.url);
    for (const step of ['consent', 'enrolment', 'new-password', 'passkey/enrolment']) {
      const answer = await thief
        .with({ origin: product.url })
        .post(`${product.url}${pathname}/${step}`, { code: '123456' });
      expect([step, answer.status < 500, isBack(answer.headers.get('location') ?? '')]).toEqual([step, true, false]);
    }
    expect(isCodePage(await thief.open(page.url))).toBe(true);
  });

  it('goes on with the factor, once, in the same session and with another cookie', async () => {
    const { secret } = await enrol(product, user);
    const { browser } = await enter(product, user, { browser: inCologne(), code: () => codeOf(secret) });
    const [before] = await product.app.protocol.sessions.list(user.id);
    const cookie = (of: Browser) => of.cookies().find(({ name }) => name === 'session')?.value;
    advance(60);
    const moved = browser.with(from.santiago);
    const start = await accountPage(product, moved);
    expect(isSignedOut(start)).toBe(true);
    expect(cookie(moved)).not.toBe(cookie(browser));
    const asked = await moved.open(hrefOf(start, 'sign-in-link'));
    expect(isCodePage(asked)).toBe(true);
    const page = await typeCode(moved, asked, codeOf(secret));
    expect([page.status, isSignedOut(page)]).toEqual([200, false]);
    expect((await product.app.protocol.sessions.list(user.id)).map(({ id }) => id)).toEqual([before?.id]);
    expect(isSignedOut(await accountPage(product, moved))).toBe(false);
    expect(isBack((await authorize(moved)).url)).toBe(true);
    // The former cookie, which somebody may have copied, is worth nothing once its grace is over.
    advance(11);
    expect(isSignedOut(await accountPage(product, browser))).toBe(true);
  });

  it('asks who has no second factor for everything, and lets nobody set one up instead', async () => {
    const { browser } = await app.signIn(user, { browser: inCologne() });
    advance(60);
    const thief = steal(browser);
    const page = await authorize(thief, { acr_values: 'urn:postern:acr:2fa' });
    expect(isSignInPage(page)).toBe(true);
    expect(page.text).toContain('used in an unusual way');
    const { pathname } = new URL(page.url);
    const own = thief.with({ origin: product.url });
    const enrolment = await own.post(`${product.url}${pathname}/enrolment`, { code: '123456' });
    expect(enrolment.headers.get('location')).toBe(pathname);
    expect(isSignInPage(await thief.open(page.url))).toBe(true);
    expect((await product.events('factor.added')).filter(({ subject }) => subject === user.id)).toEqual([]);
  });

  it('goes on with the password of who has nothing else, and where nobody may have two sign-ins', async () => {
    await product.app.core.settings.set({ sessions: { maximum: 1 } }, byOperator);
    await product.app.core.settings.reload();
    const { browser } = await app.signIn(user, { browser: inCologne() });
    advance(60);
    const moved = browser.with(from.santiago);
    const page = await authorize(moved);
    expect(isSignInPage(page)).toBe(true);
    expect(isBack((await typePassword(moved, page, user)).url)).toBe(true);
    expect(isBack((await authorize(moved)).url)).toBe(true);
    expect(isSignedOut(await accountPage(product, moved))).toBe(false);
  });

  it('is not met by what was asked before it came up', async () => {
    const { secret } = await enrol(product, user);
    const { browser } = await enter(product, user, { browser: inCologne(), code: () => codeOf(secret) });
    advance(60);
    const moved = browser.with(from.santiago);
    const asked = await authorize(moved);
    expect(isCodePage(asked)).toBe(true);
    advance(60);
    // Meanwhile somebody else uses the session, by the cookie that it has now.
    await accountPage(product, moved.with({ 'user-agent': safari, ...from.cologne }));
    const back = await typeCode(moved, asked, codeOf(secret));
    expect([isBack(back.url), isCodePage(back) || isSignInPage(back) || back.status >= 400]).toEqual([false, true]);
  });

  it('asks a remembered browser for the factor as well, where its person cannot be', async () => {
    const { secret } = await enrol(product, user);
    const browser = inCologne();
    const asked = await typePassword(browser, await authorize(browser), user);
    const fields = { code: codeOf(secret), remember_device: 'yes' };
    expect(isBack((await browser.submit(asked, 'code-submit', fields, isBack)).url)).toBe(true);
    advance(60);
    /** The browser that is remembered, where nobody is signed in any more. */
    const signIn = async (of: Browser) => typePassword(of, await authorize(of), user);
    const remembered = new Browser({ 'user-agent': firefox });
    remembered.take(browser.cookies().filter(({ name }) => name.startsWith('device')));
    expect(isCodePage(await signIn(remembered.with(from.santiago)))).toBe(true);
    expect(isBack((await signIn(remembered.with(from.bonn))).url)).toBe(true);
  });

  it('leaves refresh tokens as they are, which no browser holds', async () => {
    const { answer, verifier, browser } = await app.signIn(user, {
      browser: inCologne(),
      parameters: { scope: 'openid offline_access', prompt: 'consent' },
    });
    const tokens = await app.exchange(answer.get('code') ?? '', verifier);
    advance(60);
    expect(isSignedOut(await accountPage(product, steal(browser)))).toBe(true);
    expect((await app.refresh(tokens.body['refresh_token'])).status).toBe(200);
  });

  it('ends with the policy', async () => {
    const { browser } = await enter(product, user, { browser: inCologne() });
    advance(60);
    const moved = browser.with(from.santiago);
    expect(isSignedOut(await accountPage(product, moved))).toBe(true);
    await onRisk('audit');
    expect(isSignedOut(await accountPage(product, moved))).toBe(false);
    await onRisk('challenge');
  });
});
