import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import type { NewProvider } from '../../src/features/federation/module.ts';
import { accountPage } from '../account/kit.ts';
import { expireKept, reaching, retrieve, tokenOf } from '../federation/vault.ts';
import { Browser, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { type Keycloak, signInAtKeycloak, startKeycloak } from '../kit/services/keycloak.ts';
import { hrefOf } from '../mfa/kit.ts';
import { advance, standStill } from '../protocol/kit/time.ts';

const callback = 'https://app.example/callback';
const bye = 'https://app.example/bye';
const isAway = (url: string): boolean => url.startsWith('https://app.example/');
const ada = {
  username: 'ada',
  password: 'lamp oil for the lighthouse',
  email: 'ada@example.org',
  firstName: 'Ada',
  lastName: 'Lovelace',
};

let product: Product;
let app: RelyingApp;
let keycloak: Keycloak;

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product, { first_party: true, upstream_tokens: ['keycloak'] });
  keycloak = await startKeycloak({
    redirectUris: [callback, `${product.url}/federation/keycloak/callback`],
    postLogoutRedirectUris: [bye, `${product.url}/federation/keycloak/logged-out`],
    backchannelLogoutUri: `${product.url}/federation/keycloak/backchannel-logout`,
    people: [ada],
  });
  await register({ logout: 'everywhere' });
}, 900_000);
afterAll(async () => {
  await keycloak?.stop();
  await product?.stop();
});

async function register(policy: NewProvider['policy']): Promise<void> {
  const { issuer, clientId, clientSecret } = keycloak;
  const registered = { client_id: clientId, client_secret: clientSecret };
  const provider = {
    name: 'keycloak',
    type: 'oidc',
    issuer,
    ...registered,
    policy: { create: true, ...policy },
  } as const;
  await product.app.core.providers.upsert(provider, byOperator);
}

/** Signs in here by way of Keycloak, with its own form unless the browser is known there. */
const signInHere = (browser = new Browser()): Promise<Page> => signInAt(app.request().url, browser);

async function signInAt(url: string, browser = new Browser()): Promise<Page> {
  const start = await browser.open(url, isBack);
  const page = await browser.submit(start, 'choose-keycloak', {}, isBack);
  const last = page.text.includes('kc-form-login') ? await signInAtKeycloak(browser, page, ada, isBack) : page;
  return last.text.includes('kc-oauth-grant') ? browser.submit(last, 'kc-login', {}, isBack) : last;
}

/** The kept token, once it has ended. */
async function renewed(token: string) {
  await expireKept(product, 'keycloak');
  return retrieve(product.url, token, 'keycloak');
}

/** What Keycloak says of whom a token is for; undefined for one that it takes no more. */
async function bearerAt(token: unknown): Promise<Record<string, unknown> | undefined> {
  const answer = await fetch(`${keycloak.issuer}/protocol/openid-connect/userinfo`, {
    headers: { authorization: `Bearer ${String(token)}` },
  });
  return answer.ok ? ((await answer.json()) as Record<string, unknown>) : undefined;
}

describe('sign-in by way of Keycloak', () => {
  it('makes an account, and finds it again in another browser', async () => {
    const first = await signInHere();
    expect([isBack(first.url), textOf(first, 'problem')]).toEqual([true, undefined]);
    expect(isBack((await signInHere()).url)).toBe(true);
    const user = await product.app.core.users.findByLogin(ada.email);
    expect(user).toMatchObject({ emailVerified: true, claims: { given_name: 'Ada', family_name: 'Lovelace' } });
    expect((await product.events('identity.linked')).map(({ subject }) => subject)).toEqual([user?.id]);
  });

  it('has the person asked again there when the app wants it', async () => {
    const browser = new Browser();
    await signInHere(browser);
    const start = await browser.open(app.request({ prompt: 'login' }).url, isBack);
    const asked = await browser.submit(start, 'choose-keycloak', {}, isBack);
    expect(asked.text).toContain('kc-form-login');
    expect(isBack((await signInAtKeycloak(browser, asked, ada, isBack)).url)).toBe(true);
  });
});

describe('the tokens that Keycloak gave', () => {
  // An offline session takes the place of the one that people sign out of: what follows is without.
  beforeAll(() => register({ tokens: 'keep' }));
  afterAll(() => register({ logout: 'everywhere' }));

  it('are kept, renewed, and revoked there when the identity is taken off', async () => {
    const browser = new Browser();
    const { url, verifier } = app.request(reaching('keycloak'));
    const token = await tokenOf(app, await signInAt(url, browser), verifier);
    const [first, second] = [await retrieve(product.url, token, 'keycloak'), await renewed(token)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body['access_token']).not.toBe(first.body['access_token']);
    expect(await bearerAt(second.body['access_token'])).toMatchObject({ email: ada.email });
    const user = await product.app.core.users.findByLogin(ada.email);
    const password = await product.app.core.passwords.set(user?.id ?? '', 'a long enough password', {}, byOperator);
    await product.database.commit({ operations: password, fallback: [] });
    const done = await browser.submit(await accountPage(product, browser), 'identity-unlink');
    expect(done.text).toContain('The account is disconnected.');
    await expect
      .poll(async () => (await product.events('identity.tokens_revoked')).at(-1), { timeout: 20_000, interval: 250 })
      .toMatchObject({ outcome: 'success' });
    expect(await bearerAt(second.body['access_token'])).toBeUndefined();
    expect((await retrieve(product.url, token, 'keycloak')).status).toBe(409);
    // Connected again for what follows, by who has proved the account.
    const page = await browser.submit(done, 'identity-link-keycloak', {});
    const isAsked = page.text.includes('kc-form-login');
    const back = isAsked ? await signInAtKeycloak(browser, page, ada, () => false) : page;
    expect(back.text).toContain('The account is connected.');
  });

  it('are gone here once Keycloak refuses to renew them', async () => {
    const { url, verifier } = app.request(reaching('keycloak'));
    const token = await tokenOf(app, await signInAt(url), verifier);
    await keycloak.forgetGrants('ada');
    const lost = await renewed(token);
    expect([lost.status, lost.body['error']]).toEqual([409, 'upstream_sign_in_required']);
    expect((await product.events('identity.tokens_lost')).at(-1)).toMatchObject({ reason: 'upstream_invalid_grant' });
  });
});

const isSignedIn = async (browser: Browser): Promise<boolean> =>
  (await accountPage(product, browser)).text.includes('id="sign-out"');

describe('a sign-out here', () => {
  it('is one at Keycloak, which asks nobody once more, and leads back', async () => {
    const browser = new Browser({ 'sec-fetch-site': 'same-origin' });
    await signInHere(browser);
    const left = await browser.post(`${product.url}/sign-out`, {});
    const there = new URL(hrefOf(left, 'leaving-go'));
    const bare = new URL(there);
    bare.searchParams.delete('id_token_hint');
    expect((await browser.copy().open(bare.href)).text).toMatch(/kc-logout|confirmLogout/);
    expect((await browser.open(there.href)).url).toBe(`${product.url}/`);
    const start = await browser.open(app.request().url, isBack);
    expect((await browser.submit(start, 'choose-keycloak', {}, isBack)).text).toContain('kc-form-login');
  });
});

describe('a sign-out at Keycloak', () => {
  it('ends the sign-in here that was made with it', async () => {
    const browser = new Browser();
    await signInHere(browser);
    expect(await isSignedIn(browser)).toBe(true);
    await keycloak.signOut('ada');
    await expect.poll(() => isSignedIn(browser), { timeout: 20_000, interval: 250 }).toBe(false);
    expect((await product.events('session.ended')).at(-1)).toMatchObject({ details: { by: 'provider' } });
  });
});

describe('another key', () => {
  it('is no trouble when Keycloak signs with it', async () => {
    // From here on the clock is ours: Keycloak's goes on, and a token of its future would not count.
    standStill();
    await keycloak.rotateKey();
    // Keys that were read less than a minute ago are not read again.
    advance(61);
    expect(isBack((await signInHere()).url)).toBe(true);
  });
});

const discover = () =>
  client.discovery(new URL(keycloak.issuer), keycloak.clientId, {}, client.ClientSecretBasic(keycloak.clientSecret), {
    execute: [client.allowInsecureRequests],
  });

async function signInThere(config: client.Configuration, browser: Browser) {
  const verifier = client.randomPKCECodeVerifier();
  const request = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const first = await browser.open(request.href, isAway);
  const back = isAway(first.url) ? first : await signInAtKeycloak(browser, first, ada, isAway);
  return client.authorizationCodeGrant(config, new URL(back.url), { pkceCodeVerifier: verifier });
}

describe('Keycloak by itself', () => {
  it('refreshes, and ends a session for the client that asks and for an administrator', async () => {
    const config = await discover();
    const browser = new Browser();
    const { id_token: hint = '', refresh_token: first = '' } = await signInThere(config, browser);
    const { refresh_token: next = '' } = await client.refreshTokenGrant(config, first);
    const url = client.buildEndSessionUrl(config, { id_token_hint: hint, post_logout_redirect_uri: bye });
    expect((await browser.open(url.href, isAway)).url).toBe(bye);
    await expect(client.refreshTokenGrant(config, next)).rejects.toMatchObject({ error: 'invalid_grant' });
    const { refresh_token: another = '' } = await signInThere(config, browser);
    await keycloak.signOut('ada');
    await expect(client.refreshTokenGrant(config, another)).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});
