import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accountPage, enter } from '../account/kit.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, send } from '../kit/relying-app.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { addProvider, signInBy } from './kit.ts';
import { startUpstream, type Upstream } from './upstream.ts';

let product: Product;
let upstream: Upstream;
let app: RelyingApp;

beforeAll(async () => {
  standStill();
  [product, upstream] = await Promise.all([startProduct(), startUpstream()]);
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => Promise.all([product.stop(), upstream.stop()]));
beforeEach(async () => {
  advance(61);
  upstream.reset();
  await addProvider(product, upstream);
});

const event = 'http://schemas.openid.net/event/backchannel-logout';
const claims = () => {
  const iat = Math.floor(Date.now() / 1000);
  const whose = { iss: upstream.issuer, aud: 'postern-at-up', sub: 'person-1' };
  return { ...whose, iat, exp: iat + 120, jti: 'j1', events: { [event]: {} } };
};
const tell = (token: string, name = 'up') =>
  send(`${product.url}/federation/${name}/backchannel-logout`, {
    method: 'POST',
    body: new URLSearchParams({ logout_token: token }),
  });
const isSignedIn = async (browser: Browser): Promise<boolean> =>
  (await accountPage(product, browser)).text.includes('id="sign-out"');

describe('a sign-out at the provider', () => {
  it('ends what was signed in by it, and nothing else', async () => {
    const browser = new Browser();
    expect(isBack((await signInBy(app, upstream, browser)).url)).toBe(true);
    expect(await isSignedIn(browser)).toBe(true);
    const other = await enter(product, await product.addUser());
    const { status } = await tell(upstream.token.sign(claims()));
    expect(status).toBe(200);
    expect(await isSignedIn(browser)).toBe(false);
    expect(await isSignedIn(other.browser)).toBe(true);
    expect((await product.events('session.ended')).at(-1)).toMatchObject({
      actor: { kind: 'system', name: 'federation' },
      details: { by: 'provider', provider: 'up' },
    });
    expect((await tell(upstream.token.sign({ ...claims(), sub: 'nobody-here' }))).status).toBe(200);
  });

  it.each<[string, () => string]>([
    ['nothing', () => ''],
    ['what is no token', () => 'a.b.c'],
    [
      'a foreign key',
      () => upstream.token.sign(claims(), {}, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    ['the public key as an HMAC secret', () => upstream.token.hmac(claims())],
    ['another issuer', () => upstream.token.sign({ ...claims(), iss: 'https://evil.example' })],
    ['another client', () => upstream.token.sign({ ...claims(), aud: 'another' })],
    ['an expired token', () => upstream.token.sign({ ...claims(), exp: Math.floor(Date.now() / 1000) - 60 })],
    [
      'one that was kept',
      () => upstream.token.sign({ ...claims(), iat: Math.floor(Date.now() / 1000) - 3600, exp: 9_999_999_999 }),
    ],
    ['an ID token', () => upstream.token.sign({ ...claims(), events: undefined, nonce: 'n' })],
    ['a nonce', () => upstream.token.sign({ ...claims(), nonce: 'n' })],
    ['another event', () => upstream.token.sign({ ...claims(), events: { 'https://other.example': {} } })],
    ['a session without a person', () => upstream.token.sign({ ...claims(), sub: undefined, sid: 's1' })],
  ])('is not believed by %s', async (_, token) => {
    const browser = new Browser();
    await signInBy(app, upstream, browser);
    const { status, body } = await tell(token());
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('is not believed at another provider’s address, nor at one that cannot tell', async () => {
    await addProvider(product, upstream, {
      name: 'entra',
      type: 'microsoft',
      issuer: `${upstream.issuer}/common/v2.0`,
    });
    for (const name of ['nobody', 'entra']) expect((await tell(upstream.token.sign(claims()), name)).status).toBe(400);
  });
});
