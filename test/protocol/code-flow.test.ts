import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, textOf } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, redirectUri } from '../kit/relying-app.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser;

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product);
  user = await product.addUser({ claims: { name: 'Ada Lovelace', given_name: 'Ada' } });
});
afterAll(() => product.stop());

describe('the authorization code flow', () => {
  it('brings code, state and issuer back to the app (RFC 9207)', async () => {
    const { answer } = await app.signIn(user, { parameters: { state: 'my state' } });
    expect(answer.get('state')).toBe('my state');
    expect(answer.get('iss')).toBe(product.url);
    expect(answer.get('code')).toMatch(/^[\w-]{43}$/);
  });

  it('gives tokens for the code and its verifier', async () => {
    const { status, body, headers } = await app.tokens(user, { nonce: 'n-1', scope: 'openid email' });
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body['token_type']).toBe('Bearer');
    const claims = decodeJwt(String(body['id_token']));
    expect(claims).toMatchObject({ iss: product.url, aud: app.credentials.clientId, nonce: 'n-1' });
  });

  it('tells userinfo what was allowed and nothing else', async () => {
    const { body } = await app.tokens(user, { scope: 'openid email' });
    const { status, body: claims } = await app.userinfo(body['access_token']);
    expect(status).toBe(200);
    expect(Object.keys(claims).toSorted()).toEqual(['email', 'email_verified', 'sub']);
  });

  it('asks nobody twice who is signed in and has allowed it', async () => {
    const { browser } = await app.signIn(user);
    const page = await browser.open(app.request().url, isBack);
    expect(isBack(page.url)).toBe(true);
  });

  it('refuses a second use of a code at once, and leaves the first one’s tokens alone', async () => {
    const { answer, verifier } = await app.signIn(user);
    const code = answer.get('code') ?? '';
    const first = await app.exchange(code, verifier);
    const second = await app.exchange(code, verifier);
    expect([first.status, second.status]).toEqual([200, 400]);
    expect(second.body['error']).toBe('invalid_grant');
    expect((await app.introspect(first.body['access_token'])).body['active']).toBe(true);
  });

  it('refuses a wrong verifier, and the right one still works', async () => {
    const { answer, verifier } = await app.signIn(user);
    const code = answer.get('code') ?? '';
    expect((await app.exchange(code, 'x'.repeat(43))).body['error']).toBe('invalid_grant');
    expect((await app.exchange(code, verifier)).status).toBe(200);
  });

  it('refuses a request without PKCE', async () => {
    const { url } = app.request();
    const bare = new URL(url);
    bare.searchParams.delete('code_challenge');
    bare.searchParams.delete('code_challenge_method');
    const page = await new Browser().open(bare.href, isBack);
    expect(new URL(page.url).searchParams.get('error')).toBe('invalid_request');
  });

  it('takes the request by POST as well (OpenID Connect Core §3.1.2.1)', async () => {
    const { url } = app.request();
    const page = await new Browser({ 'sec-fetch-site': 'cross-site' }).post(
      `${product.url}/authorize`,
      Object.fromEntries(new URL(url).searchParams),
    );
    expect(page.status).toBe(303);
    expect(new URL(page.headers.get('location') ?? '', product.url).searchParams.get('client_id')).toBe(
      app.credentials.clientId,
    );
  });

  it('shows a page, and redirects nowhere, when the redirect URI is not registered', async () => {
    const { url } = app.request({ redirect_uri: 'https://evil.example/callback' });
    const page = await new Browser().open(url);
    expect(page.status).toBe(400);
    expect(textOf(page, 'error-code')).toBe('invalid_redirect_uri');
    expect(textOf(page, 'error-reference')).toBe(page.headers.get('x-request-id'));
  });

  it('lets the person go back to the app', async () => {
    const browser = new Browser();
    const page = await browser.open(app.request().url);
    const back = await browser.submit(page, 'deny', {}, isBack);
    expect(new URL(back.url).searchParams.get('error')).toBe('access_denied');
  });

  it('answers prompt=none without a page', async () => {
    const page = await new Browser().open(app.request({ prompt: 'none' }).url, isBack);
    expect(new URL(page.url).searchParams.get('error')).toBe('login_required');
  });

  it('posts the answer when form_post is asked for', async () => {
    const { browser } = await app.signIn(user);
    const page = await browser.open(app.request({ response_mode: 'form_post' }).url);
    expect(page.status).toBe(200);
    expect(page.text).toContain(`action="${redirectUri}"`);
    expect(page.text).toMatch(/<input type="hidden" name="code" value="[\w-]+">/);
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self' https://app.example;");
  });

  it('writes the story of a sign-in into the audit', async () => {
    const fresh = await product.addUser();
    await app.tokens(fresh);
    const events = await product.app.core.audit.search({ client: app.credentials.clientId, limit: 1000 });
    const own = events.filter((event) => event.subject === (fresh as { id?: string }).id).map(({ type }) => type);
    expect(own).toEqual(['session.started', 'consent.granted', 'token.issued']);
  });
});

describe('what a person has allowed', () => {
  it('is remembered in their next sign-in, and only that', async () => {
    const person = await product.addUser();
    await app.signIn(person, { parameters: { scope: 'openid email' } });
    const again = await walkTo(new Browser(), { scope: 'openid' }, person);
    expect(isBack(again.url)).toBe(true);
    const more = await walkTo(new Browser(), { scope: 'openid email profile' }, person);
    expect(more.text).toContain('id="consent-allow"');
    expect(more.text).not.toContain('See your e-mail address');
  });

  it('is asked again when the app wants it asked', async () => {
    const person = await product.addUser();
    await app.signIn(person);
    const page = await walkTo(new Browser(), { prompt: 'consent' }, person);
    expect(page.text).toContain('id="consent-allow"');
  });
});

/** Signs in with the password and stops at whatever comes next. */
async function walkTo(browser: Browser, parameters: Record<string, string>, person: TestUser) {
  const page = await browser.open(app.request(parameters).url, isBack);
  return browser.submit(page, 'login-submit', { login: person.email, password: person.password }, isBack);
}
