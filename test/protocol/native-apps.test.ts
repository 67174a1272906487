import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import type { RelyingApp } from '../kit/relying-app.ts';
import { addPublicApp } from './kit/apps.ts';
import { standStill } from './kit/time.ts';

const scheme = 'org.example.app:/oauth2redirect';
const claimed = 'https://app.example.org/oauth2redirect';
const registered = [scheme, claimed, 'http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'];

let product: Product;
let app: RelyingApp;
let user: TestUser;
beforeAll(async () => {
  standStill();
  product = await startProduct();
  user = await product.addUser();
  app = await addPublicApp(product, { application_type: 'native', redirect_uris: registered });
});
afterAll(() => product.stop());

/** Signs in until the browser would leave for the redirect URI. */
async function arrive(redirect_uri: string): Promise<{ page: Page; verifier: string }> {
  const { url, verifier } = app.request({ redirect_uri });
  const isThere = (address: string) => address.startsWith(redirect_uri);
  const browser = new Browser();
  let page = await browser.open(url, isThere);
  if (page.text.includes('id="login-submit"')) {
    page = await browser.submit(page, 'login-submit', { login: user.email, password: user.password }, isThere);
  }
  if (page.text.includes('id="consent-allow"')) page = await browser.submit(page, 'consent-allow', {}, isThere);
  return { page, verifier };
}

const native = (...uris: string[]) =>
  addPublicApp(product, { client_name: 'Pocket', application_type: 'native', redirect_uris: uris });

describe('a native app (RFC 8252)', () => {
  it.each([
    ['its own scheme', scheme],
    ['a claimed address', claimed],
    ['127.0.0.1 at a port of the moment', 'http://127.0.0.1:49152/callback'],
    ['127.0.0.1 at another', 'http://127.0.0.1:65535/callback'],
    ['[::1] at a port of the moment', 'http://[::1]:50001/callback'],
    ['localhost at a port of the moment', 'http://localhost:50002/callback'],
  ])('signs in at %s, without a secret', async (_, redirect_uri) => {
    const { page, verifier } = await arrive(redirect_uri);
    const answer = new URL(page.url).searchParams;
    expect(answer.get('iss')).toBe(product.url);
    const grant = { grant_type: 'authorization_code', code: answer.get('code') ?? '', code_verifier: verifier };
    expect((await app.token({ ...grant, redirect_uri })).status).toBe(200);
  });

  it.each([
    ['another scheme', 'org.example.other:/oauth2redirect'],
    ['another path of its scheme', 'org.example.app:/other'],
    ['a port on a claimed address', 'https://app.example.org:8443/oauth2redirect'],
    ['a port on the machine with another path', 'http://127.0.0.1:49152/other'],
    ['another address of the machine', 'http://127.0.0.2:49152/callback'],
    ['every address of the machine', 'http://0.0.0.0:49152/callback'],
    ['the machine by https', 'https://127.0.0.1:49152/callback'],
    ['a name that begins like the machine', 'http://127.0.0.1.evil.example/callback'],
    ['a user before the machine', 'http://127.0.0.1:80@evil.example/callback'],
  ])('is sent nowhere at %s', async (_, redirect_uri) => {
    const page = await new Browser().open(app.request({ redirect_uri }).url);
    expect(page.status).toBe(400);
    expect(page.text).toContain('id="op-error"');
  });

  it('has its code bound to the port that it asked with', async () => {
    const { page, verifier } = await arrive('http://127.0.0.1:49152/callback');
    const code = new URL(page.url).searchParams.get('code') ?? '';
    const grant = { grant_type: 'authorization_code', code, code_verifier: verifier };
    const other = await app.token({ ...grant, redirect_uri: 'http://127.0.0.1:49153/callback' });
    expect(other.body['error']).toBe('invalid_grant');
  });

  it('needs PKCE, and asks its person each time, as another app may answer at its address', async () => {
    const { url } = app.request({ redirect_uri: 'http://127.0.0.1:49152/callback' });
    const bare = new URL(url);
    bare.searchParams.delete('code_challenge');
    bare.searchParams.delete('code_challenge_method');
    const back = await new Browser().open(bare.href, (address) => address.startsWith('http://127.0.0.1:49152'));
    expect(new URL(back.url).searchParams.get('error')).toBe('invalid_request');
    const silent = await new Browser().open(`${url}&prompt=none`, (address) => address.startsWith('http://127.0.0.1:'));
    expect(new URL(silent.url).searchParams.get('error')).toBe('login_required');
  });

  it('does not lend any port to apps of the web', async () => {
    const web = await addPublicApp(product, { redirect_uris: ['http://127.0.0.1:3000/callback'] });
    const page = await new Browser().open(web.request({ redirect_uri: 'http://127.0.0.1:3001/callback' }).url);
    expect(page.status).toBe(400);
  });

  it('has a scheme of its own, with its whole path (RFC 8252 §7.1, §8.4)', async () => {
    const uri = 'com.example.app:/oauth2redirect';
    const app = await native(uri);
    const isThere = (url: string) => url.startsWith(uri);
    const browser = new Browser();
    const first = await browser.open(app.request({ redirect_uri: uri }).url, isThere);
    const page = await browser.submit(first, 'login-submit', { login: user.email, password: user.password }, isThere);
    const back = await browser.submit(page, 'consent-allow', {}, isThere);
    expect(new URL(back.url).searchParams.get('iss')).toBe(product.url);
    for (const other of [
      'com.example.app:/',
      'com.example.app:/oauth2redirect/x',
      'com.example.other:/oauth2redirect',
    ]) {
      expect((await new Browser().open(app.request({ redirect_uri: other }).url, () => true)).status).toBe(400);
    }
  });

  it('may not take a scheme that could be anybody’s: one without a dot (RFC 8252 §8.4)', async () => {
    await expect(native('myapp:/callback')).rejects.toMatchObject({ code: 'client_refused' });
  });

  it('is given no secret: whoever has the app would have it (RFC 6749 §10.1, RFC 8252 §8.5)', async () => {
    for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
      const app = { application_type: 'native' as const, redirect_uris: ['com.example.app:/cb'] };
      await expect(product.addClient({ ...app, token_endpoint_auth_method: method })).rejects.toMatchObject({
        code: 'client_refused',
      });
    }
  });

  it('is asked again what it was allowed before: another may have taken its place (RFC 8252 §8.6)', async () => {
    const uri = 'com.example.again:/cb';
    const app = await native(uri);
    const isThere = (url: string) => url.startsWith(uri);
    const browser = new Browser();
    const ask = async () => browser.open(app.request({ redirect_uri: uri }).url, isThere);
    const first = await ask();
    const consent = await browser.submit(
      first,
      'login-submit',
      { login: user.email, password: user.password },
      isThere,
    );
    expect(isThere((await browser.submit(consent, 'consent-allow', {}, isThere)).url)).toBe(true);
    expect((await ask()).text).toContain('id="consent-allow"');
  });
});
