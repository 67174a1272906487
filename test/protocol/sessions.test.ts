import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, formOf, type Page } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, walk } from '../kit/relying-app.ts';
import { isActive, offlineTokens } from './kit/apps.ts';
import { operatorOf } from './kit/operator.ts';
import { rows } from './kit/tables.ts';
import { advance, days, hours, standStill } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  // Or what runs between two steps would count as well, and on a slow machine decide.
  standStill();
  product = await startProduct();
  app = await addWebApp(product, {
    backchannel_logout_uri: 'https://app.example/logout',
    backchannel_logout_session_required: true,
  });
  user = await product.addUser();
});
afterAll(() => product.stop());

/** Whether this browser is let through without a question. */
const isSignedIn = async (browser: Browser): Promise<boolean> => {
  const page = await browser.open(app.request({ prompt: 'none' }).url, isBack);
  return new URL(page.url).searchParams.has('code');
};
const cookieOf = (browser: Browser): string | undefined =>
  browser.cookies().find(({ name }) => name === 'session')?.value;
const answers = (pages: readonly Page[]) =>
  pages.map((page) => (isBack(page.url) ? 'back' : `${page.status} at ${new URL(page.url).pathname}`));

describe('a sign-in session', () => {
  it('gets a new id at sign-in, and the id from before stays worth nothing (session fixation)', async () => {
    const attacker = new Browser();
    const page = await attacker.open(app.request().url);
    const planted = attacker.copy();
    await walk(attacker, page, user);
    expect(cookieOf(attacker)).toBeDefined();
    expect(cookieOf(attacker)).not.toBe(cookieOf(planted));
    expect(await isSignedIn(planted)).toBe(false);
  });

  it('has a cookie that scripts cannot read and other sites do not send', async () => {
    const browser = new Browser();
    const first = await browser.open(app.request().url);
    const { action } = formOf(first, 'login-submit');
    const posted = await browser.post(new URL(action, product.url).href, {
      login: user.email,
      password: user.password,
    });
    // The answer to the form leads to the app at once, and brings the session along.
    expect(isBack(posted.headers.get('location') ?? '')).toBe(true);
    const cookies = posted.headers
      .getSetCookie()
      .filter((line) => /^session(\.sig)?=./.test(line) && !line.includes('1970'));
    expect(cookies.length).toBeGreaterThan(0);
    for (const line of cookies) expect(line.toLowerCase()).toMatch(/; path=\/;.*samesite=lax; httponly/);
  });

  it('ends when it was not used for the idle time', async () => {
    const { browser } = await app.signIn(user);
    advance(12 * hours - 1);
    expect(await isSignedIn(browser)).toBe(true);
    advance(12 * hours);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('ends after the absolute time, however often it is used', async () => {
    const { browser } = await app.signIn(user);
    for (let half = 1; half < 16; half += 1) {
      advance(10.5 * hours);
      expect(await isSignedIn(browser)).toBe(true);
    }
    advance(10.5 * hours);
    expect(await isSignedIn(browser)).toBe(false);
    expect(7 * days).toBe(16 * 10.5 * hours);
  });

  it('is stored as a hash only', async () => {
    const { browser } = await app.signIn(user);
    const stored = JSON.stringify([
      await rows(product.database, 'SELECT * FROM artifacts'),
      await rows(product.database, 'SELECT * FROM sign_in_sessions'),
    ]);
    expect(stored).not.toContain(cookieOf(browser));
  });

  it('goes with a forged or unknown cookie no further than without one', async () => {
    const { browser } = await app.signIn(user);
    const cookie = `session=${'x'.repeat(43)}; session.sig=${'y'.repeat(27)}`;
    expect(await isSignedIn(new Browser({ cookie }))).toBe(false);
    const unsigned = `session=${cookieOf(browser)}`;
    expect(await isSignedIn(new Browser({ cookie: unsigned }))).toBe(false);
  });
});

describe('two tabs of one browser', () => {
  it('may both be signing in, and both get back to their app', async () => {
    for (let round = 0; round < 3; round += 1) {
      const browser = new Browser();
      const first = await browser.open(app.request({ state: 'one' }).url);
      const second = await browser.open(app.request({ state: 'two' }).url);
      const done = await Promise.all([first, second].map((page) => walk(browser, page, user)));
      expect(answers(done)).toEqual(['back', 'back']);
      expect(done.map((page) => new URL(page.url).searchParams.get('state'))).toEqual(['one', 'two']);
      expect(done.every((page) => new URL(page.url).searchParams.has('code'))).toBe(true);
      expect(await isSignedIn(browser)).toBe(true);
    }
  });

  it('get tokens that stay alive, whichever of them was first', async () => {
    const browser = new Browser();
    const requests = [app.request(), app.request()];
    const pages = [await browser.open(requests[0]?.url ?? ''), await browser.open(requests[1]?.url ?? '')];
    const done = await Promise.all(pages.map((page) => walk(browser, page, user)));
    for (const [n, page] of done.entries()) {
      const { status, body } = await app.exchange(
        new URL(page.url).searchParams.get('code') ?? '',
        requests[n]?.verifier ?? '',
      );
      expect(status).toBe(200);
      expect(await isActive(app, body['access_token'])).toBe(true);
    }
  });

  it('keep their tokens when the second allows the app after the first has got them', async () => {
    const browser = new Browser();
    const person = await product.addUser();
    const requests = [app.request(), app.request()];
    const signIn = await browser.open(requests[0]?.url ?? '');
    const first = await browser.submit(signIn, 'login-submit', { login: person.email, password: person.password });
    const second = await browser.open(requests[1]?.url ?? '');
    const codes: { status: number; body: Record<string, unknown> }[] = [];
    for (const [n, page] of [first, second].entries()) {
      const back = await browser.submit(page, 'consent-allow', {}, isBack);
      codes.push(await app.exchange(new URL(back.url).searchParams.get('code') ?? '', requests[n]?.verifier ?? ''));
    }
    expect(codes.map(({ status }) => status)).toEqual([200, 200]);
    for (const { body } of codes) expect(await isActive(app, body['access_token'])).toBe(true);
    const sids = codes.map(({ body }) => decodeJwt(String(body['id_token'])).sid);
    expect(new Set(sids).size).toBe(1);
  });

  it('may open two apps at once, and both apps’ tokens stay alive until the person signs out', async () => {
    const own = await Promise.all([1, 2, 3].map(() => addWebApp(product, { first_party: true })));
    const { browser } = await app.signIn(user);
    const requests = own.map((one) => one.request());
    const pages = await Promise.all(requests.map(({ url }) => browser.open(url, isBack)));
    const tokens: unknown[] = [];
    for (const [n, page] of pages.entries()) {
      const { status, body } = await (own[n] as RelyingApp).exchange(
        new URL(page.url).searchParams.get('code') ?? '',
        requests[n]?.verifier ?? '',
      );
      expect(status).toBe(200);
      tokens.push(body['access_token']);
    }
    const alive = () => Promise.all(own.map((one, n) => isActive(one, tokens[n])));
    expect(await alive()).toEqual([true, true, true]);
    await browser.submit(await browser.open(`${product.url}/`), 'sign-out');
    expect(await alive()).toEqual([false, false, false]);
    const grants = await rows(
      product.database,
      `SELECT ended_at FROM grants WHERE client_id IN (${own.map((_, n) => `?${n + 1}`)})`,
      own.map((one) => one.credentials.clientId),
    );
    expect(grants.map((row) => row['ended_at'] === null)).toEqual([false, false, false]);
  });

  it('do not sign the person out when one of them still sends the cookie that was just replaced', async () => {
    const { browser } = await app.signIn(user);
    const late = browser.copy();
    const other = await addWebApp(product);
    await walk(browser, await browser.open(other.request().url, isBack), user);
    expect(cookieOf(browser)).not.toBe(cookieOf(late));
    expect(await isSignedIn(late)).toBe(true);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('cannot go on with a replaced cookie for long', async () => {
    standStill();
    const { browser } = await app.signIn(user);
    const late = browser.copy();
    const other = await addWebApp(product);
    await walk(browser, await browser.open(other.request().url, isBack), user);
    advance(11);
    expect(await isSignedIn(late)).toBe(false);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('take a double click on the sign-in button as one', async () => {
    const browser = new Browser();
    const page = await browser.open(app.request().url);
    const fields = { login: user.email, password: user.password };
    const done = await Promise.all([1, 2].map(() => browser.submit(page, 'login-submit', fields, isBack)));
    const best = done.map((end) => end.status);
    expect(best.every((status) => status < 500)).toBe(true);
    const consent = done.find((end) => end.text.includes('id="consent-allow"') || isBack(end.url));
    expect(consent).toBeDefined();
    expect(isBack((await walk(browser, consent as Page, user)).url)).toBe(true);
  });
});

describe('signing out', () => {
  it('ends this browser’s session, and its old cookie is dead', async () => {
    const { browser } = await app.signIn(user);
    const { browser: elsewhere } = await app.signIn(user);
    const kept = browser.copy();
    const home = await browser.open(`${product.url}/`);
    await browser.submit(home, 'sign-out');
    expect(await isSignedIn(browser)).toBe(false);
    expect(await isSignedIn(kept)).toBe(false);
    expect(await isSignedIn(elsewhere)).toBe(true);
  });

  it('takes the cookie from the browser and is audited once', async () => {
    const person = await product.addUser();
    const { browser } = await app.signIn(person);
    const home = await browser.open(`${product.url}/`);
    const done = await browser.submit(home, 'sign-out');
    expect(done.status).toBe(200);
    expect(cookieOf(browser)).toBeUndefined();
    await browser.with({ origin: product.url }).post(`${product.url}/sign-out`, {});
    const events = await product.app.core.audit.search({ user: person.id, type: 'session.ended', limit: 10 });
    expect(events).toHaveLength(1);
  });

  it('ends tokens that hang on the session, and leaves offline access alone', async () => {
    const person = await product.addUser();
    const bound = await app.tokens(person);
    const offline = await addWebApp(product);
    const { url, verifier } = offline.request({ scope: 'openid offline_access', prompt: 'consent' });
    const back = await walk(bound.browser, await bound.browser.open(url, isBack), person);
    const kept = await offline.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
    await bound.browser.submit(await bound.browser.open(`${product.url}/`), 'sign-out');
    expect(await isActive(app, bound.body['access_token'])).toBe(false);
    expect((await app.refresh(bound.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await isActive(offline, kept.body['access_token'])).toBe(true);
    expect((await offline.refresh(kept.body['refresh_token'])).status).toBe(200);
  });

  it('by an operator ends every session and token of the person at once', async () => {
    const person = await product.addUser();
    const [one, two] = [await offlineTokens(app, person), await app.tokens(person)];
    await operatorOf(product).signOutUser(person.id);
    for (const { browser, body } of [one, two]) {
      expect(await isSignedIn(browser)).toBe(false);
      expect(await isActive(app, body['access_token'])).toBe(false);
      expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    }
    expect((await app.tokens(person)).status).toBe(200);
  });
});

describe('disabling a person', () => {
  it('ends session, tokens and sign-ins in progress, and refuses the next one', async () => {
    const person = await product.addUser();
    const tokens = await offlineTokens(app, person);
    const { answer, verifier } = await app.signIn(person);
    const waiting = new Browser();
    const page = await waiting.open(app.request({ prompt: 'consent' }).url);
    const consent = await waiting.submit(page, 'login-submit', { login: person.email, password: person.password });
    await operatorOf(product).disableUser(person.id);
    expect(await isSignedIn(tokens.browser)).toBe(false);
    expect(await isActive(app, tokens.body['access_token'])).toBe(false);
    expect((await app.refresh(tokens.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await app.exchange(answer.get('code') ?? '', verifier)).body['error']).toBe('invalid_grant');
    const end = await waiting.submit(consent, 'consent-allow', {}, isBack);
    expect(end.status).toBeLessThan(500);
    expect(isBack(end.url) && new URL(end.url).searchParams.has('code')).toBe(false);
    const again = new Browser();
    const refused = await again.submit(await again.open(app.request().url), 'login-submit', {
      login: person.email,
      password: person.password,
    });
    expect(refused.status).toBe(401);
  });
});

describe('coming back as somebody else', () => {
  it('keeps nothing of the former person', async () => {
    const [ada, bob] = [await product.addUser(), await product.addUser()];
    const { browser } = await app.signIn(ada);
    const page = await browser.open(app.request({ prompt: 'login' }).url);
    const end = await browser.submit(page, 'login-submit', { login: bob.email, password: bob.password }, isBack);
    // The library asks by a page that posts itself to sign the former person out first.
    const noscript = end.text.includes('id="hand-over"') ? await postItself(browser, end) : end;
    const { searchParams } = new URL((await walk(browser, noscript, bob)).url);
    expect(searchParams.has('code')).toBe(true);
    const home = await browser.open(`${product.url}/`);
    expect(home.text).toContain(bob.email);
    expect(home.text).not.toContain(ada.email);
  });
});

async function postItself(browser: Browser, page: Page): Promise<Page> {
  const action = /action="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const fields = Object.fromEntries(
    [...page.text.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [String(name), String(value)]),
  );
  const answer = await browser.post(action, fields);
  return browser.open(new URL(answer.headers.get('location') ?? '', product.url).href, isBack);
}
