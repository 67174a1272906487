import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, formOf, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, isBack, type RelyingApp, walk } from '../kit/relying-app.ts';
import { addApi, api, isActive } from './kit/apps.ts';
import { type Listener, startListener } from './kit/listener.ts';
import { operatorOf } from './kit/operator.ts';
import { deliverDue } from './kit/outbox.ts';
import { rows } from './kit/tables.ts';
import { advance, standStill } from './kit/time.ts';

const goodbye = 'https://app.example/goodbye';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };
let listener: Listener;

beforeAll(async () => {
  // The job that delivers must not come between: the clock stands.
  standStill();
  product = await startProduct();
  listener = await startListener();
  await addApi(product);
  app = await addWebApp(product, { post_logout_redirect_uris: [goodbye], resources: [api] });
  user = await product.addUser();
});
beforeEach(() => {
  listener.calls.length = 0;
  listener.status = 200;
});
afterAll(async () => {
  await product.stop();
  await listener.close();
});

const logoutUrl = (parameters: Record<string, string>): string =>
  `${product.url}/logout?${new URLSearchParams(parameters)}`;
const isGone = (url: string): boolean => url.startsWith(goodbye);
const isSignedIn = async (browser: Browser): Promise<boolean> => {
  const page = await browser.open(app.request({ prompt: 'none' }).url, isBack);
  return new URL(page.url).searchParams.has('code');
};
const confirm = (browser: Browser, page: Page): Promise<Page> => browser.submit(page, 'logout-yes', {}, isGone);

describe('logout that an app asks for (RP-initiated)', () => {
  it('asks the person, ends the session and goes back to the app with its state', async () => {
    const { browser, body } = await app.tokens(user);
    const asked = await browser.open(
      logoutUrl({ id_token_hint: String(body['id_token']), post_logout_redirect_uri: goodbye, state: 's 1' }),
    );
    expect(asked.status).toBe(200);
    expect(asked.text).toContain(user.email);
    expect(await isSignedIn(browser)).toBe(true);
    const again = await browser.open(
      logoutUrl({ id_token_hint: String(body['id_token']), post_logout_redirect_uri: goodbye, state: 's 1' }),
    );
    const gone = await confirm(browser, again);
    expect(new URL(gone.url).searchParams.get('state')).toBe('s 1');
    expect(isGone(gone.url)).toBe(true);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('takes the client_id in place of the hint, and POST in place of GET', async () => {
    const { browser } = await app.signIn(user);
    const parameters = { client_id: app.credentials.clientId, post_logout_redirect_uri: goodbye };
    const posted = await browser.with({ 'sec-fetch-site': 'cross-site' }).post(`${product.url}/logout`, parameters);
    expect(posted.status).toBe(303);
    const page = await browser.open(new URL(posted.headers.get('location') ?? '', product.url).href);
    expect(isGone((await confirm(browser, page)).url)).toBe(true);
  });

  it('ends on a page of ours where no address is named', async () => {
    const { browser } = await app.signIn(user);
    const done = await confirm(browser, await browser.open(`${product.url}/logout`));
    expect(done.status).toBe(200);
    expect(done.text).toContain('id="logged-out"');
  });

  it('goes to registered addresses only, compared letter by letter', async () => {
    const { browser } = await app.signIn(user);
    const near = [
      `${goodbye}/`,
      `${goodbye}?x=1`,
      `${goodbye}#x`,
      'https://app.example/GOODBYE',
      'https://evil.example/',
      '//evil.example',
      'javascript:alert(1)',
    ];
    for (const uri of near) {
      const page = await browser.open(
        logoutUrl({ client_id: app.credentials.clientId, post_logout_redirect_uri: uri }),
        () => true,
      );
      expect([uri, page.status, textOf(page, 'error-code')]).toEqual([uri, 400, 'invalid_request']);
    }
    const nameless = await confirm(
      browser,
      await browser.open(logoutUrl({ post_logout_redirect_uri: 'https://evil.example/' })),
    );
    expect(nameless.text).toContain('id="logged-out"');
  });

  it('refuses a hint that somebody else signed, or that is for another app', async () => {
    const other = await addWebApp(product, { post_logout_redirect_uris: [goodbye] });
    const { browser, body } = await app.tokens(user);
    const forged = `${String(body['id_token']).slice(0, -6)}AAAAAA`;
    for (const parameters of [
      { id_token_hint: forged },
      { id_token_hint: 'x' },
      { id_token_hint: String(body['id_token']), client_id: other.credentials.clientId },
    ]) {
      const page = await browser.open(logoutUrl({ ...parameters, post_logout_redirect_uri: goodbye }));
      expect(page.status).toBe(400);
    }
  });

  it('takes an old hint: the app may have slept for a week', async () => {
    const { body } = await app.tokens(user);
    advance(6 * 24 * 3600);
    const { browser } = await app.signIn(user);
    const page = await browser.open(
      logoutUrl({ id_token_hint: String(body['id_token']), post_logout_redirect_uri: goodbye }),
    );
    expect(isGone((await confirm(browser, page)).url)).toBe(true);
  });

  it('ends tokens that hang on the session, JWTs included, and no offline ones', async () => {
    const person = await product.addUser();
    const { url, verifier } = app.request({ scope: 'openid orders:read', resource: api });
    const browser = new Browser();
    const back = await walk(browser, await browser.open(url, isBack), person);
    const bound = await app.exchange(codeOf(back), verifier, { resource: api });
    const keeper = await addWebApp(product);
    const offline = keeper.request({ scope: 'openid offline_access', prompt: 'consent' });
    const kept = await keeper.exchange(
      codeOf(await walk(browser, await browser.open(offline.url, isBack), person)),
      offline.verifier,
    );
    expect([bound.status, kept.status]).toEqual([200, 200]);
    await confirm(browser, await browser.open(`${product.url}/logout`));
    expect(await isActive(app, bound.body['access_token'])).toBe(false);
    expect((await app.refresh(bound.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await keeper.refresh(kept.body['refresh_token'])).status).toBe(200);
  });

  it('leaves the session alone when the person stays, and when another site presses the button', async () => {
    const { browser } = await app.signIn(user);
    const page = await browser.open(`${product.url}/logout`);
    const { action, fields } = formOf(page, 'logout-yes');
    const target = new URL(action, product.url).href;
    const foreign = await browser.with({ 'sec-fetch-site': 'cross-site' }).post(target, { ...fields });
    expect(foreign.status).toBe(403);
    const guessed = await browser.post(target, { xsrf: 'guessed', logout: 'yes' });
    expect([guessed.status, new URL(guessed.headers.get('location') ?? '', product.url).pathname]).toEqual([
      303,
      '/logout',
    ]);
    expect(await isSignedIn(browser)).toBe(true);
    await browser.submit(await browser.open(`${product.url}/logout`), 'logout-no');
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('in one browser leaves the others signed in', async () => {
    const [one, two] = [await app.signIn(user), await app.signIn(user)];
    await confirm(one.browser, await one.browser.open(`${product.url}/logout`));
    expect(await isSignedIn(one.browser)).toBe(false);
    expect(await isSignedIn(two.browser)).toBe(true);
  });

  it('works for somebody who is signed out already', async () => {
    const browser = new Browser();
    const page = await browser.open(
      logoutUrl({ client_id: app.credentials.clientId, post_logout_redirect_uri: goodbye }),
      isGone,
    );
    expect([200, 303]).toContain(page.status);
  });

  it('is audited once', async () => {
    const person = await product.addUser();
    const { browser } = await app.signIn(person);
    await confirm(browser, await browser.open(logoutUrl({ client_id: app.credentials.clientId })));
    const events = await product.app.core.audit.search({ user: person.id, type: 'session.ended', limit: 10 });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      outcome: 'success',
      client: app.credentials.clientId,
      actor: { kind: 'user', id: person.id },
    });
  });
});

describe('back-channel logout', () => {
  let told: RelyingApp;
  beforeAll(async () => {
    const logout = { backchannel_logout_uri: `${listener.url}/logout`, backchannel_logout_session_required: true };
    told = await addWebApp(product, logout);
  });

  const outbox = () => rows(product.database, 'SELECT * FROM outbox_messages ORDER BY id');
  const signOut = async (browser: Browser) => confirm(browser, await browser.open(`${product.url}/logout`));
  const sidOf = ({ body }: Answer) => decodeJwt(String(body['id_token'])).sid;

  it('tells the app with a token that it can verify (OpenID Connect Back-Channel Logout §2.4)', async () => {
    const tokens = await told.tokens(user);
    await signOut(tokens.browser);
    expect(listener.calls).toHaveLength(0);
    await deliverDue(product);
    expect(listener.calls).toHaveLength(1);
    const [call] = listener.calls;
    expect([call?.path, call?.contentType]).toEqual([
      '/logout',
      expect.stringContaining('application/x-www-form-urlencoded'),
    ]);
    const keys = createRemoteJWKSet(new URL(`${product.url}/jwks`));
    const { payload } = await jwtVerify(call?.form.get('logout_token') ?? '', keys, {
      issuer: product.url,
      audience: told.credentials.clientId,
      typ: 'logout+jwt',
      algorithms: ['ES256'],
    });
    expect(payload['events']).toEqual({ 'http://schemas.openid.net/event/backchannel-logout': {} });
    expect(payload.sub).toBe(user.id);
    expect(payload['sid']).toBe(sidOf(tokens));
    expect(payload.jti).toBeTypeOf('string');
    expect(Number(payload.exp) - Number(payload.iat)).toBeLessThanOrEqual(120);
    expect(payload).not.toHaveProperty('nonce');
  });

  it('happens at every way out: on our own page, by an operator, and when the account is disabled', async () => {
    const home = await told.tokens(user);
    await home.browser.submit(await home.browser.open(`${product.url}/`), 'sign-out');
    await deliverDue(product);
    const person = await product.addUser();
    const two = [await told.tokens(person), await told.tokens(person)];
    await operatorOf(product).signOutUser(person.id);
    await deliverDue(product);
    const last = await told.tokens(person);
    await operatorOf(product).disableUser(person.id);
    await deliverDue(product);
    const sids = listener.calls.map(({ form }) => decodeJwt(form.get('logout_token') ?? '')['sid']);
    expect(sids.toSorted()).toEqual([home, ...two, last].map(sidOf).toSorted());
  });

  it('tells only apps that took part in this session', async () => {
    const quiet = await addWebApp(product, { backchannel_logout_uri: `${listener.url}/quiet` });
    await quiet.signIn(user);
    const { browser } = await told.signIn(user);
    await signOut(browser);
    await deliverDue(product);
    expect(listener.calls.map(({ path }) => path)).toEqual(['/logout']);
  });

  it('keeps the query of its address, and is signed as the app’s ID tokens are (OpenID Connect Back-Channel Logout §2.2, §2.4)', async () => {
    const uri = `${listener.url}/logout?tenant=a%20b`;
    const own = await addWebApp(product, { backchannel_logout_uri: uri, id_token_signed_response_alg: 'RS256' });
    const { browser } = await own.signIn(user);
    await signOut(browser);
    await deliverDue(product);
    expect(listener.calls.map(({ path }) => path)).toEqual(['/logout?tenant=a%20b']);
    const token = listener.calls[0]?.form.get('logout_token') ?? '';
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'RS256', typ: 'logout+jwt' });
  });

  it('takes 204 for an answer as well (OpenID Connect Back-Channel Logout §2.8)', async () => {
    listener.status = 204;
    const person = await product.addUser();
    const { browser } = await told.signIn(person);
    await signOut(browser);
    await deliverDue(product);
    expect(listener.calls).toHaveLength(1);
    const events = await product.app.core.audit.search({ user: person.id, type: 'logout.notice_delivered', limit: 10 });
    expect(events).toHaveLength(1);
  });

  it('is tried again after a failing answer, later and later, until it arrives, and is audited', async () => {
    listener.status = 500;
    const person = await product.addUser();
    const { browser } = await told.signIn(person);
    await signOut(browser);
    await deliverDue(product);
    await deliverDue(product);
    expect(listener.calls).toHaveLength(1);
    advance(6);
    await deliverDue(product);
    expect(listener.calls).toHaveLength(2);
    listener.status = 200;
    advance(31);
    await deliverDue(product);
    expect(listener.calls).toHaveLength(3);
    advance(3600);
    await deliverDue(product);
    expect(listener.calls).toHaveLength(3);
    const events = await product.app.core.audit.search({ user: person.id, type: 'logout.notice_delivered', limit: 10 });
    expect(events).toHaveLength(1);
    expect(decodeJwt(listener.calls[2]?.form.get('logout_token') ?? '').exp).toBeGreaterThan(Date.now() / 1000 - 3600);
  });

  it('is given up after about a day, and that is audited', async () => {
    listener.status = 500;
    const person = await product.addUser();
    const { browser } = await told.signIn(person);
    await signOut(browser);
    for (let turn = 0; turn < 14; turn += 1) {
      await deliverDue(product);
      advance(5.1 * 3600);
    }
    expect(listener.calls).toHaveLength(10);
    const events = await product.app.core.audit.search({ user: person.id, type: 'logout.notice_failed', limit: 10 });
    expect(events).toHaveLength(1);
  });

  it('never calls what only this server can reach', async () => {
    const strict = await startProduct({ env: { POSTERN_OUTBOUND__ALLOW: '192.0.2.0/24' } });
    const lured = await addWebApp(strict, { backchannel_logout_uri: `${listener.url}/secret` });
    const person = await strict.addUser();
    const { browser } = await lured.signIn(person);
    await browser.submit(await browser.open(`${strict.url}/`), 'sign-out');
    await deliverDue(strict);
    expect(listener.calls).toHaveLength(0);
    const [message] = await rows(strict.database, 'SELECT last_error FROM outbox_messages');
    expect(String(message?.['last_error'])).toContain('may not be called');
    await strict.stop();
  });

  it('waits in the outbox unreadable', async () => {
    const { browser } = await told.signIn(user);
    await signOut(browser);
    const stored = JSON.stringify(await outbox());
    expect(stored).not.toContain(user.id);
    await deliverDue(product);
  });

  it('is not sent to an app that was disabled meanwhile', async () => {
    const leaving = await addWebApp(product, { backchannel_logout_uri: `${listener.url}/leaving` });
    const { browser } = await leaving.signIn(user);
    await signOut(browser);
    await operatorOf(product).disableClient(leaving.credentials.clientId);
    await deliverDue(product);
    expect(listener.calls).toHaveLength(0);
  });
});

const codeOf = (page: Page): string => new URL(page.url).searchParams.get('code') ?? '';
