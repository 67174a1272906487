import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ada,
  allowIfAsked,
  authorizationUrl,
  bob,
  grace,
  type Harbour,
  harbourClient,
  openHarbour,
  openStage,
  openWindow,
  people,
  pkce,
  type Stage,
  signIn,
  type Watch,
  watch,
} from './kit.ts';

let stage: Stage;
let harbour: Harbour;
const television = { client_id: 'television', client_secret: 'a secret of the television, 32 long' };

beforeAll(async () => {
  harbour = await openHarbour();
  const own = { ...harbourClient(harbour), client_id: 'own-app', client_name: 'Own app', first_party: true };
  stage = await openStage({
    users: [...people.users, { ...grace, roles: ['super-admin'] }],
    clients: [
      {
        ...television,
        client_name: 'Harbour TV',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
        scope: 'openid email',
      },
      own,
      harbourClient(harbour),
    ],
  });
});
afterAll(async () => {
  await stage?.close();
  await harbour?.close();
});

const answer = (page: Page) => new URL(page.url()).searchParams;
const arrived = (page: Page) => page.waitForURL(`${harbour.callback}?*`);

/** Whose account the code stands for, as the app learns it. */
async function personOf(page: Page, clientId = 'harbour-books'): Promise<unknown> {
  const tokens = await post('/token', clientId, {
    grant_type: 'authorization_code',
    code: answer(page).get('code') ?? '',
    redirect_uri: harbour.callback,
    code_verifier: pkce.verifier,
  });
  const claims = await fetch(`${stage.server.url}/userinfo`, {
    headers: { authorization: `Bearer ${tokens['access_token']}` },
  });
  return ((await claims.json()) as { email?: string }).email;
}

async function post(path: string, clientId: string, form: Record<string, string>): Promise<Record<string, string>> {
  const secret = clientId === television.client_id ? television.client_secret : harbourClient(harbour).client_secret;
  const basic = Buffer.from(`${clientId}:${encodeURIComponent(secret)}`).toString('base64');
  const response = await fetch(stage.server.url + path, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams(form),
  });
  return (await response.json()) as Record<string, string>;
}

/** Without scripts the library's hand-over page shows a button, which scripts press. */
async function goOn(page: Page, { javaScriptEnabled }: { javaScriptEnabled: boolean }): Promise<void> {
  if (!javaScriptEnabled) await page.getByRole('button', { name: 'Continue' }).click();
}

describe.each([{ javaScriptEnabled: true }, { javaScriptEnabled: false }])('with %o', (script) => {
  let observed: Watch;
  const open = async () => {
    const page = await openWindow(stage, script);
    observed = watch(page.context(), [stage.server.url, harbour.url]);
    return page;
  };

  it('a person who allows is let into the app, and is not asked again', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour, { prompt: 'consent' }));
    await signIn(page, ada);
    expect(await page.textContent('h1')).toBe('Harbour Books wants to use your account');
    expect(await page.textContent('.permissions')).toContain(ada.email);
    await page.click('#consent-allow');
    await arrived(page);
    expect(await personOf(page)).toBe(ada.email);
    await page.goto(authorizationUrl(stage, harbour, { state: 'again' }));
    expect(answer(page).get('state')).toBe('again');
    expect(observed.complaints).toEqual([]);
  });

  it('a person who denies, or goes back at the sign-in, is sent back with access_denied', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour, { state: 'early' }));
    await page.click('#deny');
    await arrived(page);
    expect(Object.fromEntries(answer(page))).toMatchObject({
      error: 'access_denied',
      state: 'early',
      iss: stage.server.url,
    });
    await page.goto(authorizationUrl(stage, harbour, { state: 'late', prompt: 'consent' }));
    await signIn(page, ada);
    await page.click('#deny');
    await arrived(page);
    expect(Object.fromEntries(answer(page))).toMatchObject({ error: 'access_denied', state: 'late' });
    expect(observed.complaints).toEqual([]);
  });

  it('"Not you?" lets somebody else in, and the next app meets them too', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour, { prompt: 'consent' }));
    await signIn(page, ada);
    await page.click('#not-you');
    await signIn(page, bob);
    await goOn(page, script);
    expect(await page.textContent('.who')).toContain(bob.email);
    await page.click('#consent-allow');
    await arrived(page);
    expect(await personOf(page)).toBe(bob.email);
    await page.goto(authorizationUrl(stage, harbour, { client_id: 'own-app' }));
    expect(await personOf(page, 'own-app')).toBe(bob.email);
    expect(observed.complaints).toEqual([]);
  });

  it('somebody else who types their password takes over, straight into an app that asks nothing', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour, { client_id: 'own-app' }));
    await signIn(page, ada);
    await arrived(page);
    await page.goto(authorizationUrl(stage, harbour, { client_id: 'own-app', prompt: 'login' }));
    await signIn(page, bob);
    await goOn(page, script);
    await arrived(page);
    expect(await personOf(page, 'own-app')).toBe(bob.email);
    expect(observed.complaints).toEqual([]);
  });

  it('prompt=login asks for the password of the same person, whose session goes on', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour));
    await signIn(page, ada);
    await allowIfAsked(page, () => page.url().startsWith(harbour.callback));
    await page.goto(authorizationUrl(stage, harbour, { prompt: 'login' }));
    expect(await page.textContent('.lead')).toContain('asks for your password again');
    await signIn(page, ada);
    await arrived(page);
    expect(await personOf(page)).toBe(ada.email);
    expect(observed.complaints).toEqual([]);
  });

  it('a wrong password is told once, and says nothing about who has an account', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour));
    await signIn(page, { ...ada, password: 'this is not the one' });
    const known = await page.textContent('#problem');
    expect(await page.inputValue('input[name=login]')).toBe(ada.email);
    expect(await page.inputValue('input[name=password]')).toBe('');
    await signIn(page, { email: 'nobody@example.org', password: 'this is not the one' });
    await page
      .waitForFunction("document.querySelector('input[name=login]')?.value === 'nobody@example.org'")
      .catch(() => {});
    expect(await page.textContent('#problem')).toBe(known);
    expect(observed.complaints).toEqual([]);
  });

  it('a device is connected by one browser, and a second one cannot use its code again', async () => {
    const device = await post('/device/authorize', television.client_id, { scope: 'openid email' });
    const [page, other] = [await open(), await openWindow(stage, script)];
    await page.goto(String(device['verification_uri_complete']));
    expect(await page.inputValue('input[name=user_code]')).toBe(device['user_code']);
    await page.click('#device-submit');
    expect(await page.textContent('#device-code')).toBe(device['user_code']);
    await page.click('#device-confirm');
    await signIn(page, ada);
    await allowIfAsked(page, () => page.locator('#device-done').isVisible());
    expect(await page.textContent('h1')).toBe('The device is connected');

    await other.goto(String(device['verification_uri']));
    await other.fill('input[name=user_code]', String(device['user_code']));
    await other.click('#device-submit');
    expect(await other.textContent('#problem')).toMatch(/^(This code has been used already|There is no such code)/);

    const grant = {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: String(device['device_code']),
    };
    expect((await post('/token', television.client_id, grant))['access_token']).toMatch(/^[\w-]{40,}$/);
    expect(observed.complaints).toEqual([]);
  });

  it('a device that is refused gets nothing', async () => {
    const device = await post('/device/authorize', television.client_id, { scope: 'openid email' });
    const page = await open();
    await page.goto(String(device['verification_uri_complete']));
    await page.click('#device-submit');
    await page.click('#deny');
    expect(await page.textContent('h1')).toBe('The device was not connected');
    const grant = {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: String(device['device_code']),
    };
    expect((await post('/token', television.client_id, grant))['error']).toBe('access_denied');
    expect(observed.complaints).toEqual([]);
  });

  it('signing out leads back to the app, and the next visit asks again', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour, { client_id: 'own-app' }));
    await signIn(page, bob);
    await arrived(page);
    const query = new URLSearchParams({
      client_id: 'own-app',
      post_logout_redirect_uri: `${harbour.url}/`,
      state: 'bye',
    });
    await page.goto(`${stage.server.url}/logout?${query}`);
    expect(await page.textContent('.lead')).toContain(bob.email);
    await page.click('#logout-yes');
    await page.waitForURL(`${harbour.url}/?state=bye`);
    await page.goto(authorizationUrl(stage, harbour, { client_id: 'own-app' }));
    expect(await page.locator('#login-page').count()).toBe(1);
    expect(observed.complaints).toEqual([]);
  });

  it('staying signed in at the sign-out page stays signed in', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour, { client_id: 'own-app' }));
    await signIn(page, bob);
    await arrived(page);
    await page.goto(`${stage.server.url}/logout`);
    await page.click('#logout-no');
    await page.waitForLoadState();
    await page.goto(authorizationUrl(stage, harbour, { client_id: 'own-app', state: 'still' }));
    expect(answer(page).get('state')).toBe('still');
  });

  it('an answer by form_post reaches the app', async () => {
    const page = await open();
    await page.goto(authorizationUrl(stage, harbour, { client_id: 'own-app', response_mode: 'form_post' }));
    await signIn(page, bob);
    await goOn(page, script);
    await page.waitForURL(harbour.callback);
    expect(observed.complaints).toEqual([]);
  });

  it.each([
    ['an unknown app', { client_id: 'nobody' }, 'invalid_client'],
    ['a redirect URI that is not registered', { redirect_uri: 'https://evil.example/' }, 'invalid_redirect_uri'],
  ])('%s gets an error page with a reference that finds the log line', async (_what, parameters, code) => {
    const page = await open();
    const response = await page.goto(authorizationUrl(stage, harbour, parameters));
    expect(response?.status()).toBe(400);
    expect(await page.textContent('#error-code')).toBe(code);
    const reference = (await page.textContent('#error-reference')) ?? '';
    await expect.poll(() => stage.server.stdout()).toContain(reference);
    expect(observed.complaints).toEqual([]);
  });
});

describe('the account of an ordinary person', () => {
  it('signs in at the start page and out again', async () => {
    const page = await openWindow(stage);
    await page.goto(`${stage.server.url}/`);
    await page.click('#sign-in-link');
    await signIn(page, ada);
    await page.waitForURL(`${stage.server.url}/`);
    expect(await page.textContent('h1')).toBe('You are signed in');
    await page.click('#sign-out');
    await page.waitForSelector('#sign-in-link');
  });
});
