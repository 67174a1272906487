import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sweepFederation } from '../../src/features/federation/module.ts';
import { accountPage, enter } from '../account/kit.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, send } from '../kit/relying-app.ts';
import { unsigned } from '../kit/upstreams/keys.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { addProvider, comeBack, setOut, signInBy } from './kit.ts';

let product: Product;
let upstream: Scripted;
let app: RelyingApp;

beforeAll(async () => {
  standStill();
  [product, upstream] = await Promise.all([startProduct(), startScripted()]);
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => Promise.all([product.stop(), upstream.stop()]));
beforeEach(async () => {
  advance(61);
  upstream.reset();
  await addProvider(product, upstream);
});

const event = 'http://schemas.openid.net/event/backchannel-logout';
const seconds = () => Math.floor(Date.now() / 1000);
let tokens = 0;
const claims = () => {
  const iat = seconds();
  const whose = { iss: upstream.issuer, aud: 'postern-at-up', sub: 'person-1' };
  tokens += 1;
  return { ...whose, iat, exp: iat + 120, jti: `j${tokens}`, events: { [event]: {} } };
};
/** A token of a session of the provider, without a person. */
const ofSession = (sid: string) => ({ ...claims(), sub: undefined, sid });
const tell = (token: string, name = 'up') =>
  send(`${product.url}/federation/${name}/backchannel-logout`, {
    method: 'POST',
    body: new URLSearchParams({ logout_token: token }),
  });
/** Signs in, in a browser of its own, by a session that the provider calls so. */
const signInAs = async (sid: string | undefined, name = 'up'): Promise<Browser> => {
  upstream.behave.claims = { ...upstream.behave.claims, sid };
  const way = await setOut(app, upstream, { name });
  expect(isBack((await comeBack(way, upstream)).url)).toBe(true);
  return way.browser;
};
const areSignedIn = (...browsers: Browser[]): Promise<boolean[]> => Promise.all(browsers.map(isSignedIn));
const isSignedIn = async (browser: Browser): Promise<boolean> =>
  (await accountPage(product, browser)).text.includes('id="sign-out"');

describe('a sign-out at the provider', () => {
  it('ends what was signed in by it, and nothing else', async () => {
    const browser = new Browser();
    expect(isBack((await signInBy(app, upstream, browser)).url)).toBe(true);
    expect(await isSignedIn(browser)).toBe(true);
    const other = await enter(product, await product.addUser());
    const { status } = await tell(upstream.keys.signAs(claims()));
    expect(status).toBe(200);
    expect(await isSignedIn(browser)).toBe(false);
    expect(await isSignedIn(other.browser)).toBe(true);
    expect((await product.events('session.ended')).at(-1)).toMatchObject({
      actor: { kind: 'system', name: 'federation' },
      details: { by: 'provider', provider: 'up' },
    });
    expect((await tell(upstream.keys.signAs({ ...claims(), sub: 'nobody-here' }))).status).toBe(200);
  });

  it('ends sign-ins from before it was noted what proved them, where it names the person', async () => {
    const browsers = [await signInAs('s1'), await signInAs('s2')] as const;
    const other = await enter(product, await product.addUser());
    await product.database.together((tx) => tx.federatedSignIn.deleteMany({}));
    // Whose session that was, nobody knows any more.
    expect((await tell(upstream.keys.signAs(ofSession('s1')))).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([true, true]);
    expect((await tell(upstream.keys.signAs({ ...claims(), sub: 'somebody-else' }))).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([true, true]);
    expect((await tell(upstream.keys.signAs({ ...claims(), sid: 's1' }))).status).toBe(200);
    expect(await areSignedIn(...browsers, other.browser)).toEqual([false, false, true]);
  });

  it('ends the one session that it names by sid', async () => {
    const browsers = [await signInAs('s1'), await signInAs('s2')] as const;
    expect((await tell(upstream.keys.signAs(ofSession('s1')))).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([false, true]);
    expect((await tell(upstream.keys.signAs(ofSession('nobody-has-it')))).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([false, true]);
  });

  it('ends every sign-in of a person whom it names without a session', async () => {
    const browsers = [await signInAs('s1'), await signInAs('s2'), await signInAs(undefined)] as const;
    expect((await tell(upstream.keys.signAs(claims()))).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([false, false, false]);
  });

  it('takes both for that session of that person, and for those that the provider never named', async () => {
    const browsers = [await signInAs('s1'), await signInAs('s2'), await signInAs(undefined)] as const;
    expect((await tell(upstream.keys.signAs({ ...claims(), sub: 'another', sid: 's1' }))).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([true, true, true]);
    expect((await tell(upstream.keys.signAs({ ...claims(), sid: 's1' }))).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([false, true, false]);
  });

  it('leaves what the same person did by another provider', async () => {
    await addProvider(product, upstream, { name: 'other', client_id: 'postern-at-other' });
    const browsers = [await signInAs('s1'), await signInAs('s1', 'other')] as const;
    expect((await tell(upstream.keys.signAs(ofSession('s1')))).status).toBe(200);
    expect((await tell(upstream.keys.signAs(claims()))).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([false, true]);
    const others = upstream.keys.signAs({ ...ofSession('s1'), aud: 'postern-at-other' });
    expect((await tell(others)).status).toBe(400);
    expect(await areSignedIn(...browsers)).toEqual([false, true]);
    expect((await tell(others, 'other')).status).toBe(200);
    expect(await areSignedIn(...browsers)).toEqual([false, false]);
  });

  it('finds the session by what proved it last', async () => {
    const browser = await signInAs('s1');
    upstream.behave.claims = { ...upstream.behave.claims, sid: 's2', auth_time: seconds() + 1 };
    advance(2);
    const asked = { prompt: 'login' };
    expect(isBack((await comeBack(await setOut(app, upstream, { browser, parameters: asked }), upstream)).url)).toBe(
      true,
    );
    await tell(upstream.keys.signAs(ofSession('s1')));
    expect(await isSignedIn(browser)).toBe(true);
    await tell(upstream.keys.signAs(ofSession('s2')));
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('counts once: a token that is played again ends nothing', async () => {
    const token = upstream.keys.signAs(claims());
    const first = await signInAs('s1');
    const both = await Promise.all([tell(token), tell(token)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(await isSignedIn(first)).toBe(false);
    const again = await signInAs('s1');
    const { status, body } = await tell(token);
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
    expect(await isSignedIn(again)).toBe(true);
    expect((await product.events('federation.refused')).at(-1)).toMatchObject({ reason: 'replayed_logout_token' });
    // It is remembered for as long as it would count, and hardly longer.
    const [kept] = await rows(product.database, 'SELECT max(expires_at) AS until FROM federation_logout_tokens');
    expect(Number(kept?.['until']) - Date.now()).toBeLessThanOrEqual(331_000);
    advance(331);
    expect((await tell(token)).status).toBe(400);
    expect(await isSignedIn(again)).toBe(true);
  });

  it('keeps what it goes by no longer than the sign-in, and not in the clear', async () => {
    await signInAs('a-name-of-theirs');
    const kept = await rows(product.database, 'SELECT * FROM federated_sign_ins');
    expect(kept.length).toBeGreaterThan(0);
    expect(JSON.stringify(kept)).not.toContain('a-name-of-theirs');
    const later = Date.now() + 400 * 86_400_000;
    await product.database.commit({ operations: sweepFederation(product.foundations, later), fallback: [] });
    expect(await rows(product.database, 'SELECT id FROM federated_sign_ins')).toEqual([]);
  });

  it.each<[string, () => string]>([
    ['nothing', () => ''],
    ['what is no token', () => 'a.b.c'],
    [
      'a foreign key',
      () => upstream.keys.signAs(claims(), {}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    ],
    ['the public key as an HMAC secret', () => upstream.keys.hmac(claims())],
    ['another issuer', () => upstream.keys.signAs({ ...claims(), iss: 'https://evil.example' })],
    ['another client', () => upstream.keys.signAs({ ...claims(), aud: 'another' })],
    ['an expired token', () => upstream.keys.signAs({ ...claims(), exp: seconds() - 60 })],
    ['one that was kept', () => upstream.keys.signAs({ ...claims(), iat: seconds() - 3600, exp: 9_999_999_999 })],
    ['an ID token', () => upstream.keys.signAs({ ...claims(), events: undefined, nonce: 'n' })],
    ['no algorithm', () => unsigned(claims())],
    ['one of the future', () => upstream.keys.signAs({ ...claims(), iat: seconds() + 120, exp: seconds() + 240 })],
    ['one that does not say when', () => upstream.keys.signAs({ ...claims(), iat: undefined })],
    ['one without a name', () => upstream.keys.signAs({ ...claims(), jti: undefined })],
    ['no event', () => upstream.keys.signAs({ ...claims(), events: undefined })],
    ['an event that is no object', () => upstream.keys.signAs({ ...claims(), events: { [event]: null } })],
    ['a nonce', () => upstream.keys.signAs({ ...claims(), nonce: 'n' })],
    ['another event', () => upstream.keys.signAs({ ...claims(), events: { 'https://other.example': {} } })],
    ['neither a person nor a session', () => upstream.keys.signAs({ ...claims(), sub: undefined })],
    ['a session that is no text', () => upstream.keys.signAs({ ...claims(), sid: { $ne: '' } })],
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
    for (const name of ['nobody', 'entra']) expect((await tell(upstream.keys.signAs(claims()), name)).status).toBe(400);
  });
});
