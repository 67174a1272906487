import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accountPage, enter } from '../account/kit.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { hrefOf } from '../mfa/kit.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { addProvider, comeBack, setOut, signInBy } from './kit.ts';

const goodbye = 'https://app.example/goodbye';
const everywhere = { policy: { logout: 'everywhere' } } as const;

let product: Product;
let upstream: Scripted;
let app: RelyingApp;

beforeAll(async () => {
  standStill();
  [product, upstream] = await Promise.all([startProduct(), startScripted()]);
  app = await addWebApp(product, { first_party: true, post_logout_redirect_uris: [goodbye] });
});
afterAll(() => Promise.all([product.stop(), upstream.stop()]));
beforeEach(async () => {
  advance(61);
  upstream.reset();
  endSession(`${upstream.issuer}/end?realm=1`);
  await addProvider(product, upstream, everywhere);
});

/** What its metadata names as the place to sign out. */
function endSession(address: string | undefined): void {
  upstream.behave.metadata = (metadata) => ({ ...metadata, end_session_endpoint: address });
}

const same = { 'sec-fetch-site': 'same-origin' };
const signOut = (browser: Browser): Promise<Page> => browser.post(`${product.url}/sign-out`, {});
const isSignedIn = async (browser: Browser): Promise<boolean> =>
  (await accountPage(product, browser)).text.includes('id="sign-out"');
const isGone = (url: string): boolean => url.startsWith(goodbye);
const backAt = (browser: Browser, query: Record<string, string>, name = 'up'): Promise<Page> =>
  browser.get(`${product.url}/federation/${name}/logged-out?${new URLSearchParams(query)}`);
const locationOf = ({ status, headers }: Page): string => {
  expect(status).toBe(303);
  return new URL(headers.get('location') ?? '', product.url).href;
};

async function signedIn(): Promise<Browser> {
  const browser = new Browser(same);
  expect(isBack((await signInBy(app, upstream, browser)).url)).toBe(true);
  return browser;
}

/** Signs out as far as the page that goes on to the provider; the address it goes on to. */
async function signedOut(browser: Browser): Promise<URL> {
  const page = await signOut(browser);
  expect(page.status).toBe(200);
  const href = hrefOf(page, 'leaving-go');
  expect(page.headers.get('refresh')).toBe(`0; url=${href}`);
  return new URL(href);
}
const newestSignIn =
  'SELECT id, id_token FROM federated_sign_ins WHERE sign_in_id IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT 1';
const stateOf = (url: URL): string => url.searchParams.get('state') ?? '';

describe('a sign-out of somebody who came by a provider', () => {
  it('stays here unless the operator says otherwise', async () => {
    await addProvider(product, upstream);
    const browser = await signedIn();
    expect(locationOf(await signOut(browser))).toBe(`${product.url}/`);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('goes on to the provider once it has ended here, and comes back', async () => {
    const browser = await signedIn();
    const there = await signedOut(browser);
    expect(await isSignedIn(browser)).toBe(false);
    expect(there.origin + there.pathname).toBe(`${upstream.issuer}/end`);
    const { state, ...told } = Object.fromEntries(there.searchParams);
    expect(state).toMatch(/^[\w-]{43}$/);
    expect(told).toEqual({
      realm: '1',
      id_token_hint: expect.any(String),
      client_id: 'postern-at-up',
      post_logout_redirect_uri: `${product.url}/federation/up/logged-out`,
    });
    expect(locationOf(await backAt(browser, { state: stateOf(there) }))).toBe(`${product.url}/`);
  });

  it('hints with the ID token, which is kept sealed, and gone with the sign-in', async () => {
    const signed: string[] = [];
    upstream.behave.signToken = (claims) => {
      const token = upstream.keys.signAs(claims);
      signed.push(token);
      return token;
    };
    const browser = await signedIn();
    const [before] = await rows(product.database, newestSignIn);
    expect(before?.['id_token']).toEqual(expect.any(String));
    expect(JSON.stringify(before)).not.toContain(signed[0]);
    expect((await signedOut(browser)).searchParams.get('id_token_hint')).toBe(signed[0]);
    expect((await rows(product.database, newestSignIn)).map(({ id }) => id)).not.toContain(before?.['id']);
    // Nowhere else: not in what an operator reads, nor with what is brought back once it is taken up.
    const seen = JSON.stringify([product.log.lines, await product.events()]);
    expect(seen).not.toContain(signed[0]);
    expect(await rows(product.database, 'SELECT id FROM federation_attempts WHERE arrival IS NOT NULL')).toEqual([]);
  });

  it('keeps no ID token where a sign-out stays here, and hints with none that is too long for an address', async () => {
    await addProvider(product, upstream);
    await signedIn();
    expect(await rows(product.database, newestSignIn)).toMatchObject([{ id_token: null }]);
    await addProvider(product, upstream, everywhere);
    upstream.behave.claims = { ...upstream.behave.claims, groups: 'x'.repeat(4096) };
    expect((await signedOut(await signedIn())).searchParams.has('id_token_hint')).toBe(false);
  });

  it('goes back to the app that asked for it, with its state', async () => {
    const browser = await signedIn();
    const { clientId } = app.credentials;
    const asked = { client_id: clientId, post_logout_redirect_uri: goodbye, state: 's 1' };
    const confirm = await browser.open(`${product.url}/logout?${new URLSearchParams(asked)}`);
    const page = await browser.submit(confirm, 'logout-yes', {}, isGone);
    const there = new URL(hrefOf(page, 'leaving-go'));
    expect(there.href).not.toContain('goodbye');
    expect(await isSignedIn(browser)).toBe(false);
    const gone = new URL(locationOf(await backAt(browser, { state: stateOf(there) })));
    expect([gone.origin + gone.pathname, gone.searchParams.get('state')]).toEqual([goodbye, 's 1']);
    // Its cookie is gone: the same address leads nowhere a second time.
    expect(locationOf(await backAt(browser, { state: stateOf(there) }))).toBe(`${product.url}/`);
  });

  it('ends on our own page where the app names no address', async () => {
    const browser = await signedIn();
    const page = await browser.submit(await browser.open(`${product.url}/logout`), 'logout-yes');
    const done = await browser.open(
      `${product.url}/federation/up/logged-out?state=${stateOf(new URL(hrefOf(page, 'leaving-go')))}`,
    );
    expect(done.text).toContain('id="logged-out"');
  });

  it('leaves who said no signed in, here and there', async () => {
    const browser = await signedIn();
    const page = await browser.submit(await browser.open(`${product.url}/logout`), 'logout-no');
    expect(page.text).not.toContain('leaving-go');
    expect(await isSignedIn(browser)).toBe(true);
  });

  it.each<[string, () => void]>([
    ['names no place for it', () => endSession(undefined)],
    ['names one that is no address of the web', () => endSession('javascript:alert(1)')],
    [
      'is down',
      () => {
        upstream.behave.interfere = (_, response) => {
          response.writeHead(500).end();
          return true;
        };
      },
    ],
  ])('is whole without a provider that %s', async (_, goWrong) => {
    const browser = await signedIn();
    // What is known of its metadata is old by then.
    advance(601);
    goWrong();
    expect(locationOf(await signOut(browser))).toBe(`${product.url}/`);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('goes on there from the list of sign-ins too, for this browser alone', async () => {
    const [first, second, third] = [await signedIn(), await signedIn(), await signedIn()];
    // Another browser's session at the provider cannot be ended by a redirect of this one.
    const page = await accountPage(product, first);
    const [own = '', ...others] = [...page.text.matchAll(/name="session" value="([^"]+)"/g)].map(([, id = '']) => id);
    for (const session of others) {
      const ended = await first.post(`${product.url}/account/sessions/end`, { session });
      expect([ended.status, ended.headers.get('refresh')]).toEqual([303, null]);
    }
    expect(await Promise.all([first, second, third].map(isSignedIn))).toEqual([true, false, false]);
    const ending = [
      [first, 'end', { session: own }],
      [await signedIn(), 'end-all', {}],
    ] as const;
    for (const [browser, how, form] of ending) {
      const ended = await browser.post(`${product.url}/account/sessions/${how}`, form);
      const there = new URL(hrefOf(ended, 'leaving-go'));
      expect([await isSignedIn(browser), there.searchParams.has('id_token_hint')]).toEqual([false, true]);
      expect(locationOf(await backAt(browser, { state: stateOf(there) }))).toBe(`${product.url}/account`);
    }
  });

  it('leads nobody away who came by a password, or whose provider was disabled', async () => {
    const { browser } = await enter(product, await product.addUser(), { browser: new Browser(same) });
    expect(locationOf(await signOut(browser))).toBe(`${product.url}/`);
    const other = await signedIn();
    await addProvider(product, upstream, { ...everywhere, disabled: true });
    expect(locationOf(await signOut(other))).toBe(`${product.url}/`);
  });

  it('is none when somebody signs in as somebody else', async () => {
    const browser = await signedIn();
    const user = await product.addUser();
    const start = await browser.open(app.request({ prompt: 'login' }).url, isBack);
    const { page: end } = await typeIn(browser, start, user);
    expect(end.text).not.toContain('leaving-go');
    expect(isBack(end.url)).toBe(true);
  });
});

/** Signs in by password where another person is signed in; the library's page that signs that one out posts itself. */
async function typeIn(browser: Browser, start: Page, { email, password }: { email: string; password: string }) {
  const page = await browser.submit(start, 'login-submit', { login: email, password }, isBack);
  const action = /<form id="hand-over" method="post" action="([^"]+)">/.exec(page.text)?.[1];
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1];
  if (action === undefined || xsrf === undefined) throw new Error(`nobody is signed out here:\n${page.text}`);
  const posted = await browser.post(action, { xsrf, logout: 'yes' });
  if (posted.status !== 303) return { page: posted };
  return { page: await browser.open(new URL(posted.headers.get('location') ?? '', product.url).href, isBack) };
}

describe('the way back from a sign-out', () => {
  it.each<[string, (state: string) => Record<string, string>]>([
    ['no state', () => ({})],
    ['a forged state', () => ({ state: 'forged' })],
    ['a forged state and an address', () => ({ state: 'forged', post_logout_redirect_uri: 'https://evil.example/' })],
    ['a part of the state', (state) => ({ state: state.slice(0, -1) })],
  ])('leads home with %s', async (_, query) => {
    const browser = await signedIn();
    const there = await signedOut(browser);
    const page = await backAt(browser, query(stateOf(there)));
    expect(locationOf(page)).toBe(`${product.url}/`);
    expect(page.headers.get('set-cookie')).toBeNull();
  });

  it('takes no address from its own', async () => {
    const browser = await signedIn();
    const state = stateOf(await signedOut(browser));
    const evil = 'https://evil.example/';
    const page = await backAt(browser, { state, onward: evil, post_logout_redirect_uri: evil, redirect_uri: evil });
    expect(locationOf(page)).toBe(`${product.url}/`);
  });

  it('is of the browser that signed out, of its provider, and of half an hour', async () => {
    await addProvider(product, upstream, { ...everywhere, name: 'other' });
    const { clientId } = app.credentials;
    const asked = new URLSearchParams({ client_id: clientId, post_logout_redirect_uri: goodbye });
    const leave = async (browser: Browser): Promise<string> => {
      const confirm = await browser.open(`${product.url}/logout?${asked}`);
      return stateOf(new URL(hrefOf(await browser.submit(confirm, 'logout-yes', {}, isGone), 'leaving-go')));
    };
    const [first, second, third] = [await signedIn(), await signedIn(), await signedIn()];
    const state = await leave(first);
    expect(locationOf(await backAt(new Browser(), { state }))).toBe(`${product.url}/`);
    expect(locationOf(await backAt(first, { state: await leave(second) }))).toBe(`${product.url}/`);
    expect(locationOf(await backAt(first, { state }, 'other'))).toBe(`${product.url}/`);
    const late = await leave(third);
    advance(1801);
    expect(locationOf(await backAt(third, { state: late }))).toBe(`${product.url}/`);
  });

  it('does nothing for who is signed in again by then', async () => {
    const browser = await signedIn();
    const state = stateOf(await signedOut(browser));
    await comeBack(await setOut(app, upstream, { browser }), upstream);
    expect(await isSignedIn(browser)).toBe(true);
    await backAt(browser, { state });
    expect(await isSignedIn(browser)).toBe(true);
  });
});
