import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, formOf, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, redirectUri, send } from '../kit/relying-app.ts';
import { addPublicApp } from './kit/apps.ts';
import { foreignKey, forge, partsOf, unsigned } from './kit/forge.ts';
import { advance, standStill } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  standStill();
  product = await startProduct();
  app = await addWebApp(product);
  user = await product.addUser({ claims: { name: 'Ada Lovelace', locale: 'en' } });
});
afterAll(() => product.stop());

const open = (browser: Browser, parameters: Record<string, string>, more = '') =>
  browser.open(app.request(parameters).url + more, isBack);
const answerOf = ({ url }: Page) => new URL(url).searchParams;
/** What the app is told, or that a page of ours is shown. */
const resultOf = (page: Page) =>
  isBack(page.url) ? (answerOf(page).get('error') ?? 'code') : (textOf(page, 'error-code') ?? 'page');
const signedIn = async (person: TestUser = user) => (await app.signIn(person)).browser;
const idTokenOf = async (person: TestUser = user, parameters: Record<string, string> = {}) =>
  String((await app.tokens(person, parameters)).body['id_token']);

describe('the parameters of an authorization request', () => {
  it('are left out when they have no value, and ignored when they are unknown (RFC 6749 §3.1)', async () => {
    const browser = await signedIn();
    const page = await open(browser, { state: '', nonce: '', prompt: '', max_age: '', claims: '' }, '&colour=red');
    expect(resultOf(page)).toBe('code');
    expect(answerOf(page).has('state')).toBe(false);
  });

  it('stand once each (RFC 6749 §3.1)', async () => {
    for (const more of ['&state=other', '&scope=email', '&nonce=1&nonce=2', '&response_type=code']) {
      const page = await open(new Browser(), {}, more);
      expect([more, resultOf(page)]).toEqual([more, 'invalid_request']);
    }
    const twice = await open(new Browser(), {}, `&redirect_uri=${encodeURIComponent('https://evil.example/')}`);
    expect([twice.status, isBack(twice.url)]).toEqual([400, false]);
  });

  it('name a response type that is known, and a redirect URI', async () => {
    expect(resultOf(await open(new Browser(), { response_type: '' }))).toBe('invalid_request');
    expect(resultOf(await open(new Browser(), { response_type: 'banana' }))).toBe('unsupported_response_type');
    const nowhere = await open(new Browser(), { redirect_uri: '' });
    expect([nowhere.status, isBack(nowhere.url)]).toEqual([400, false]);
  });

  it('name scopes that may be spelled so, of which unknown ones are ignored (OpenID Connect Core §3.1.2.1)', async () => {
    expect(resultOf(await open(new Browser(), { scope: 'openid "' }))).toBe('invalid_scope');
    const { body } = await app.tokens(user, { scope: 'openid email nonsense' });
    expect(body['scope']).toBe('openid email');
  });

  it('that name no scope are refused at once (RFC 6749 §3.3)', async () => {
    expect(resultOf(await open(new Browser(), { scope: '' }))).toBe('invalid_scope');
    const pushed = await app.post('/par', Object.fromEntries(new URL(app.request({ scope: '' }).url).searchParams));
    expect(pushed.body['error']).toBe('invalid_scope');
  });

  it('that are not supported are refused by name (OpenID Connect Core §3.1.2.6)', async () => {
    expect(resultOf(await open(new Browser(), { registration: '{}' }))).toBe('registration_not_supported');
    expect(resultOf(await open(new Browser(), { request_uri: 'https://app.example/request' }))).toBe(
      'request_uri_not_supported',
    );
  });

  it('that only suggest something never fail (OpenID Connect Core §15.1)', async () => {
    const browser = await signedIn();
    const page = await open(browser, {
      display: 'touch',
      ui_locales: 'xx fr-CA',
      claims_locales: 'de',
      login_hint: 'nobody@example.org',
      acr_values: 'urn:unknown',
    });
    expect(resultOf(page)).toBe('code');
  });

  it('that ask for no page get none (OpenID Connect Core §3.1.2.1)', async () => {
    expect(resultOf(await open(new Browser(), { prompt: 'none' }))).toBe('login_required');
    expect(resultOf(await open(await signedIn(), { prompt: 'none' }))).toBe('code');
    const person = await product.addUser();
    const browser = await signedIn(person);
    expect(resultOf(await open(browser, { prompt: 'none', scope: 'openid email' }))).toBe('consent_required');
    expect(resultOf(await open(browser, { prompt: 'none login' }))).toBe('invalid_request');
  });

  it('that ask for an account to be chosen are told that this cannot be done (OpenID Connect Core §3.1.2.1)', async () => {
    expect(resultOf(await open(await signedIn(), { prompt: 'select_account' }))).toBe('invalid_request');
  });

  it('that ask for a new sign-in get one, whoever is signed in', async () => {
    const browser = await signedIn();
    advance(60);
    const asked = Math.floor(Date.now() / 1000);
    for (const parameters of [{ prompt: 'login' }, { max_age: '30' }, { max_age: '0' }] as Record<string, string>[]) {
      const { url, verifier } = app.request(parameters);
      const page = await browser.open(url, isBack);
      expect(page.text).toContain('id="login-submit"');
      const back = await browser.submit(page, 'login-submit', { login: user.email, password: user.password }, isBack);
      const { body } = await app.exchange(answerOf(back).get('code') ?? '', verifier);
      expect(decodeJwt(String(body['id_token']))['auth_time']).toBeGreaterThanOrEqual(asked);
      advance(60);
    }
    expect(resultOf(await open(browser, { max_age: 'soon' }))).toBe('invalid_request');
    expect(resultOf(await open(browser, { max_age: '10', prompt: 'none' }))).toBe('login_required');
  });
});

describe('an ID token that comes along as a hint', () => {
  it('is for whoever is signed in, and for nobody else (OpenID Connect Core §3.1.2.2)', async () => {
    const other = await product.addUser();
    const [mine, theirs] = [await idTokenOf(), await idTokenOf(other)];
    const browser = await signedIn();
    expect(resultOf(await open(browser, { id_token_hint: mine, prompt: 'none' }))).toBe('code');
    expect(resultOf(await open(browser, { id_token_hint: theirs, prompt: 'none' }))).toBe('login_required');
    expect((await open(browser, { id_token_hint: theirs })).text).toContain('id="login-submit"');
    const claims = JSON.stringify({ id_token: { sub: { value: other.id } } });
    expect(resultOf(await open(browser, { claims, prompt: 'none' }))).toBe('login_required');
  });

  it('never lets in somebody else than it is for', async () => {
    const other = await product.addUser();
    const browser = new Browser();
    const page = await open(browser, { id_token_hint: await idTokenOf(other) });
    const next = await browser.submit(page, 'login-submit', { login: user.email, password: user.password }, isBack);
    expect(isBack(next.url) && answerOf(next).has('code')).toBe(false);
  });

  it('is ours', async () => {
    const { header, claims } = partsOf(await idTokenOf());
    const wrong = [
      'x',
      forge(header, claims, foreignKey()),
      unsigned({ alg: 'none' }, claims),
      forge(header, { ...claims, iss: 'https://evil.example' }, foreignKey()),
    ];
    const browser = await signedIn();
    for (const hint of wrong) {
      expect(resultOf(await open(browser, { id_token_hint: hint, prompt: 'none' }))).toBe('invalid_request');
    }
  });

  it('may have expired', async () => {
    const hint = await idTokenOf();
    advance(7200);
    expect(resultOf(await open(await signedIn(), { id_token_hint: hint, prompt: 'none' }))).toBe('code');
  });
});

describe('claims that are asked for one by one (OpenID Connect Core §5.5)', () => {
  const ask = (claims: object) => ({ claims: JSON.stringify(claims) });

  it('come where they were asked for, with leave of the person', async () => {
    const { body } = await app.tokens(
      user,
      ask({ id_token: { name: null }, userinfo: { email: { essential: true } } }),
    );
    expect(decodeJwt(String(body['id_token']))['name']).toBe('Ada Lovelace');
    const { body: told } = await app.userinfo(body['access_token']);
    expect(Object.keys(told).toSorted()).toEqual(['email', 'sub']);
  });

  it('fail nothing where there are none, whatever they are', async () => {
    const claims = ask({ id_token: { phone_number: { essential: true }, nonsense: null }, unknown: {} });
    const { status, body } = await app.tokens(user, claims);
    expect(status).toBe(200);
    expect(decodeJwt(String(body['id_token']))).not.toHaveProperty('phone_number');
  });

  it('are refused when they are none', async () => {
    for (const claims of ['{', '[]', '{"id_token":1}'])
      expect(resultOf(await open(new Browser(), { claims }))).toBe('invalid_request');
  });

  it('of a context that cannot be reached are answered by an error where it is essential (§5.5.1.1)', async () => {
    const acr = { essential: true, values: ['urn:nobody:reaches:this'] };
    const page = await open(await signedIn(), { ...ask({ id_token: { acr } }), prompt: 'none' });
    expect(answerOf(page).get('code')).toBeNull();
    const voluntary = await open(await signedIn(), ask({ id_token: { acr: { values: acr.values } } }));
    expect(resultOf(voluntary)).toBe('code');
  });
});

describe('offline access (OpenID Connect Core §11)', () => {
  it('is ignored unless consent is asked for, and where there is no code', async () => {
    const { body } = await app.tokens(user, { scope: 'openid offline_access' });
    expect(String(body['scope']).split(' ')).not.toContain('offline_access');
    const { body: asked } = await app.tokens(user, { scope: 'openid offline_access', prompt: 'consent' });
    expect(String(asked['scope']).split(' ')).toContain('offline_access');
  });

  it('is ignored where there is no code', async () => {
    const own = await addWebApp(product, {
      grant_types: ['implicit'],
      response_types: ['id_token'],
      scope: 'openid offline_access',
    });
    const wish = { response_type: 'id_token', nonce: 'n', scope: 'openid offline_access', prompt: 'consent' };
    const browser = new Browser();
    const consent = await browser.submit(
      await browser.open(own.request(wish).url, isBack),
      'login-submit',
      { login: user.email, password: user.password },
      isBack,
    );
    const back = await browser.submit(consent, 'consent-allow', {}, isBack);
    const answer = new URLSearchParams(new URL(back.url).hash.slice(1));
    expect([...answer.keys()].toSorted()).toEqual(['id_token', 'iss', 'state']);
    expect(consent.text).not.toContain('offline');
  });
});

describe('a code', () => {
  it('is good for a minute (RFC 6749 §4.1.2)', async () => {
    const { answer, verifier } = await app.signIn(user);
    advance(61);
    const late = await app.exchange(answer.get('code') ?? '', verifier);
    expect([late.status, late.body['error']]).toEqual([400, 'invalid_grant']);
  });

  it('belongs to its client and its redirect URI (RFC 6749 §4.1.3)', async () => {
    const second = 'https://app.example/second';
    const two = await addWebApp(product, { redirect_uris: [redirectUri, second] });
    const { answer, verifier } = await two.signIn(user);
    const code = answer.get('code') ?? '';
    const refused = [
      await app.exchange(code, verifier),
      await two.exchange(code, verifier, { redirect_uri: second }),
      await two.exchange(code, verifier, { redirect_uri: `${redirectUri}/` }),
      await two.exchange(code, verifier, { redirect_uri: '' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(refused.slice(0, 3).map(({ body }) => body['error'])).toEqual(Array(3).fill('invalid_grant'));
    expect((await two.exchange(code, verifier)).status).toBe(200);
  });

  it('of an app without a secret is for who names that app (RFC 6749 §3.2.1)', async () => {
    const [app1, app2] = [await addPublicApp(product), await addPublicApp(product)];
    const { answer, verifier } = await app1.signIn(user);
    const code = answer.get('code') ?? '';
    expect((await app2.exchange(code, verifier)).body['error']).toBe('invalid_grant');
    const grant = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
    const nameless = await send(`${product.url}/token`, { method: 'POST', body: new URLSearchParams(grant) });
    expect([nameless.status, nameless.body['error']]).toEqual([400, 'invalid_request']);
    expect((await app1.exchange(code, verifier)).status).toBe(200);
  });

  it('that comes again after its window ends what it had brought (RFC 6749 §4.1.2)', async () => {
    const { answer, verifier } = await app.signIn(user);
    const code = answer.get('code') ?? '';
    const { body } = await app.exchange(code, verifier);
    advance(30);
    expect((await app.exchange(code, verifier)).body['error']).toBe('invalid_grant');
    expect((await app.introspect(body['access_token'])).body).toEqual({ active: false });
  });
});

describe('a redirect URI', () => {
  it('keeps its query, and gets the answer beside it (RFC 6749 §3.1.2)', async () => {
    const uri = 'https://app.example/callback?tenant=a%20b';
    const own = await addWebApp(product, { redirect_uris: [uri] });
    const { url } = own.request({ redirect_uri: uri, prompt: 'none' });
    const page = await new Browser().open(url, isBack);
    expect([answerOf(page).get('tenant'), answerOf(page).get('error')]).toEqual(['a b', 'login_required']);
  });

  it('is compared letter by letter (RFC 9700 §2.1)', async () => {
    const near = [
      `${redirectUri}/`,
      `${redirectUri}?x=1`,
      `${redirectUri}/..`,
      'https://APP.example/callback',
      'https://app.example:443/callback',
      'https://app.example/Callback',
      'http://app.example/callback',
      'https://app.example.evil.example/callback',
    ];
    for (const uri of near) {
      const page = await new Browser().open(app.request({ redirect_uri: uri }).url, () => true);
      expect([uri, page.status, textOf(page, 'error-code')]).toEqual([uri, 400, 'invalid_redirect_uri']);
    }
  });
});

describe('what comes back', () => {
  it('leaves the password behind: by 303, which repeats no form (RFC 9700 §4.12)', async () => {
    const browser = new Browser();
    const own = await addWebApp(product, { first_party: true });
    const page = await browser.open(own.request().url);
    const { action, fields } = formOf(page, 'login-submit');
    const typed = { ...fields, login: user.email, password: user.password };
    const answer = await browser.post(new URL(action, page.url).href, typed);
    expect(answer.status).toBe(303);
    expect(isBack(answer.headers.get('location') ?? '')).toBe(true);
  });

  it('says who answers, in every answer and error (RFC 9207 §2)', async () => {
    const browser = await signedIn();
    for (const parameters of [{}, { prompt: 'none login' }, { scope: 'openid "' }, { response_type: 'none' }]) {
      const answer = answerOf(await open(browser, { ...parameters, state: 'st' }));
      expect([answer.get('iss'), answer.get('state')]).toEqual([product.url, 'st']);
    }
  });
});
