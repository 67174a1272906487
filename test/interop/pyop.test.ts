import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { expireKept, reaching, retrieve, tokenOf } from '../federation/vault.ts';
import { Browser, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { type Pyop, startPyop } from '../kit/services/pyop.ts';
import { hrefOf } from '../mfa/kit.ts';
import { advance, standStill } from '../protocol/kit/time.ts';

// What pyop cannot do, and so is shown at Keycloak and the stand-ins: it takes no token back (RFC 7009) and tells nobody
// of a sign-out (OpenID Connect Back-Channel Logout).
let product: Product;
let pyop: Pyop;
let app: RelyingApp;

beforeAll(async () => {
  product = await startProduct();
  pyop = await startPyop({
    redirectUris: [`${product.url}/federation/pyop/callback`],
    postLogoutRedirectUris: [`${product.url}/federation/pyop/logged-out`],
    people: { ada: { name: 'Ada Lovelace', email: 'ada@example.org', email_verified: true } },
  });
  app = await addWebApp(product, { first_party: true, upstream_tokens: ['pyop'] });
  const { issuer, clientId, clientSecret } = pyop;
  const client = { client_id: clientId, client_secret: clientSecret };
  await product.app.core.providers.upsert(
    {
      name: 'pyop',
      type: 'oidc',
      issuer,
      ...client,
      policy: { create: true, tokens: 'keep', logout: 'everywhere' },
    },
    byOperator,
  );
});
afterAll(async () => {
  await pyop?.stop();
  await product?.stop();
});

/** The kept token, once it has ended. */
async function renewed(token: string) {
  await expireKept(product, 'pyop');
  return retrieve(product.url, token, 'pyop');
}

/** Chooses pyop, and says there who it is unless it knows. */
const signIn = (browser = new Browser()): Promise<Page> => signInAt(app.request().url, browser);

async function signInAt(url: string, browser = new Browser()): Promise<Page> {
  const start = await browser.open(url, isBack);
  const page = await browser.submit(start, 'choose-pyop', {}, isBack);
  return page.text.includes('person-ada') ? browser.submit(page, 'person-ada', {}, isBack) : page;
}

describe('sign-in with an OpenID provider that nobody here wrote (pyop, Python)', () => {
  it('makes an account, and finds it again', async () => {
    expect(isBack((await signIn()).url)).toBe(true);
    expect(isBack((await signIn()).url)).toBe(true);
    const user = await product.app.core.users.findByLogin('ada@example.org');
    expect(user).toMatchObject({ emailVerified: true, claims: { name: 'Ada Lovelace' } });
    expect((await product.events('identity.linked')).map(({ subject }) => subject)).toEqual([user?.id]);
  });

  it('has the person asked again there when the app wants it', async () => {
    const browser = new Browser();
    await signIn(browser);
    const start = await browser.open(app.request({ prompt: 'login' }).url, isBack);
    const asked = await browser.submit(start, 'choose-pyop', {}, isBack);
    expect(asked.url).toContain(`${pyop.issuer}/authorize`);
    expect(asked.url).toContain('prompt=login');
    const last = await browser.submit(asked, 'person-ada', {}, isBack);
    expect(isBack(last.url)).toBe(true);
  });

  it('keeps its tokens, renews them, and asks for a new sign-in once pyop has forgotten them', async () => {
    const { url, verifier } = app.request(reaching('pyop'));
    const token = await tokenOf(app, await signInAt(url), verifier);
    const [first, second] = [await retrieve(product.url, token, 'pyop'), await renewed(token)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body['access_token']).not.toBe(first.body['access_token']);
    const asked = await fetch(`${pyop.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${String(second.body['access_token'])}` },
    });
    expect(await asked.json()).toMatchObject({ email: 'ada@example.org' });
    await pyop.forgetRefreshTokens();
    expect((await renewed(token)).body).toMatchObject({ error: 'upstream_sign_in_required' });
    expect((await product.events('identity.tokens_lost')).at(-1)).toMatchObject({ reason: 'upstream_invalid_grant' });
  });

  it('signs out there and comes back: pyop leads nobody back whose ID token does not come along', async () => {
    const browser = new Browser({ 'sec-fetch-site': 'same-origin' });
    expect(isBack((await signIn(browser)).url)).toBe(true);
    const left = await browser.post(`${product.url}/sign-out`, {});
    const there = new URL(hrefOf(left, 'leaving-go'));
    expect(there.href.startsWith(`${pyop.issuer}/logout?`)).toBe(true);
    const home = await browser.open(there.href);
    expect(home.url).toBe(`${product.url}/`);
    // Signed out on both sides: pyop asks who it is.
    const start = await browser.open(app.request().url, isBack);
    expect((await browser.submit(start, 'choose-pyop', {}, isBack)).text).toContain('person-ada');
    const bare = new URL(there);
    bare.searchParams.delete('id_token_hint');
    expect((await browser.open(bare.href)).text).toContain('You are signed out.');
  });

  it('goes on when pyop signs with another key, which it has not announced', async () => {
    // From here on the clock is ours: pyop's goes on, and a token of its future would not count.
    standStill();
    // Keys that were read less than a minute ago are not read again for a name that nobody knows: strangers would make
    // us ask the provider as often as they like.
    await pyop.rotateKey();
    advance(61);
    expect(isBack((await signIn()).url)).toBe(true);
    await pyop.rotateKey({ dropFormer: true });
    advance(61);
    const page = await signIn();
    expect([isBack(page.url), textOf(page, 'problem')]).toEqual([true, undefined]);
  });
});
