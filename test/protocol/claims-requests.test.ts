import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { type Answer, addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import {
  codeOf,
  enrol,
  multiFactor,
  type Person,
  setPolicy,
  singleFactor,
  typeCode,
  typePassword,
} from '../mfa/kit.ts';
import { addApi, api, offlineTokens } from './kit/apps.ts';
import { addTill, askFor } from './kit/ciba.ts';
import { partsOf } from './kit/forge.ts';
import { advance, standStill } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let user: Person;
beforeAll(async () => {
  standStill();
  product = await startProduct();
  await addApi(product);
  await setPolicy(product, 'optional');
  user = await product.addUser({ claims: { name: 'Ada Lovelace', nickname: 'Ada' } });
  app = await addWebApp(product, { resources: [api] });
});
afterAll(() => product.stop());

const claims = (asked: object) => ({ claims: JSON.stringify(asked) });
const acr = (asked: object) => claims({ id_token: { acr: asked } });
const idTokenOf = ({ body }: Pick<Answer, 'body'>) => partsOf(body['id_token']).claims;

/** What the app is told at once, without a page. */
async function errorOf(parameters: Record<string, string>, browser = new Browser()): Promise<string | null> {
  const page = await browser.open(app.request(parameters).url, isBack);
  return isBack(page.url) ? new URL(page.url).searchParams.get('error') : null;
}

/** A person with an authenticator app, signed in with it. */
async function strongly(parameters: Record<string, string>) {
  const person = await product.addUser();
  const { secret } = await enrol(product, person);
  const browser = new Browser();
  const { url, verifier } = app.request(parameters);
  const code = await typePassword(browser, await browser.open(url, isBack), person);
  let page = await typeCode(browser, code, codeOf(secret));
  if (page.text.includes('id="consent-allow"')) page = await browser.submit(page, 'consent-allow', {}, isBack);
  const answer = new URL(page.url).searchParams;
  return { person, browser, answer, verifier };
}

describe('single claims that a request asks for (OpenID Connect Core §5.5)', () => {
  it('are allowed by the person, told where they were asked for, and nowhere else', async () => {
    const asked = { userinfo: { nickname: null }, id_token: { name: { essential: true } } };
    const browser = new Browser();
    const start = await browser.open(app.request(claims(asked)).url, isBack);
    const page = await typePassword(browser, start, user);
    expect(page.text).toContain('Ada Lovelace');
    const tokens = await app.tokens(user, claims(asked));
    expect(idTokenOf(tokens)).toMatchObject({ name: 'Ada Lovelace' });
    expect(idTokenOf(tokens)).not.toHaveProperty('nickname');
    const told = (await app.userinfo(tokens.body['access_token'])).body;
    expect(told).toMatchObject({ sub: user.id, nickname: 'Ada' });
    expect(told).not.toHaveProperty('name');
    const next = await app.refresh(tokens.body['refresh_token']);
    expect(idTokenOf(next)).toMatchObject({ name: 'Ada Lovelace' });
    expect((await app.userinfo(next.body['access_token'])).body).toMatchObject({ nickname: 'Ada' });
  });

  it('that there are not leave the rest as it is, also where they are essential', async () => {
    const { status, body } = await app.tokens(user, claims({ id_token: { gender: { essential: true } } }));
    expect(status).toBe(200);
    expect(idTokenOf({ body })).not.toHaveProperty('gender');
  });

  it('beside members that nobody knows are told all the same', async () => {
    const asked = { id_token: { name: { essential: false, other: 1 } }, other: 'x' };
    expect(idTokenOf(await app.tokens(user, claims(asked)))).toMatchObject({ name: 'Ada Lovelace' });
  });

  it('about the sign-in are told without a question', async () => {
    const browser = new Browser();
    await app.signIn(user, { browser });
    const asked = claims({ id_token: { auth_time: { essential: true }, amr: null, acr: null } });
    expect(await errorOf({ ...asked, prompt: 'none' }, browser)).toBeNull();
  });

  it.each([
    ['that are no JSON', '{'],
    ['that are no object', '[]'],
    ['of no place', '{}'],
    ['of a place that is no object', '{"id_token":1}'],
    ['with an acr of values that are no list', '{"id_token":{"acr":{"values":"x"}}}'],
    ['with a claim that is no rule', '{"id_token":{"name":"Ada"}}'],
  ])('%s are refused', async (_, text) => {
    expect(await errorOf({ claims: text })).toBe('invalid_request');
    const { url } = app.request({ claims: text });
    const pushed = await app.post('/par', Object.fromEntries(new URL(url).searchParams));
    expect([pushed.status, pushed.body['error']]).toEqual([400, 'invalid_request']);
    const till = await addTill(product);
    const asked = await askFor(till, await product.addUser(), { claims: text });
    expect([asked.status, asked.body['error']]).toEqual([400, 'invalid_request']);
  });
});

describe('a request for one person (`sub` with a value)', () => {
  it('is answered for that person alone', async () => {
    const asked = claims({ id_token: { sub: { value: user.id } } });
    const other = await product.addUser();
    const browser = new Browser();
    await app.signIn(other, { browser });
    expect(await errorOf({ ...asked, prompt: 'none' }, browser)).toBe('login_required');
    const { url, verifier } = app.request(asked);
    // Whoever was signed in is signed out on the way, by a page that sends itself on.
    let page = await typePassword(browser, await browser.open(url, isBack), user);
    page = await browser.submit(page, 'hand-over-go', {}, isBack);
    if (!isBack(page.url)) page = await browser.submit(page, 'consent-allow', {}, isBack);
    const code = new URL(page.url).searchParams.get('code') ?? '';
    expect(idTokenOf(await app.exchange(code, verifier))['sub']).toBe(user.id);
    expect(await errorOf({ ...asked, prompt: 'none' }, browser)).toBeNull();
  });
});

describe('the authentication context', () => {
  it.each<[string, Record<string, string>]>([
    ['acr_values', { acr_values: multiFactor }],
    ['a claim with a value', acr({ value: multiFactor })],
    ['an essential claim with a value', acr({ essential: true, value: multiFactor })],
    ['an essential claim with values', acr({ essential: true, values: ['urn:unknown', multiFactor] })],
  ])('that is asked for by %s is reached, and told in each token and at introspection', async (_, parameters) => {
    const { answer, verifier } = await strongly({ ...parameters, scope: 'openid orders:read', resource: api });
    const tokens = await app.exchange(answer.get('code') ?? '', verifier, { resource: api });
    expect(idTokenOf(tokens)).toMatchObject({ acr: multiFactor, amr: expect.arrayContaining(['pwd', 'otp', 'mfa']) });
    expect(partsOf(tokens.body['access_token']).claims).toMatchObject({ acr: multiFactor });
    expect((await app.introspect(tokens.body['access_token'])).body).toMatchObject({ acr: multiFactor });
  });

  it.each<[string, Record<string, string>]>([
    ['acr_values', { acr_values: 'urn:unknown' }],
    ['a claim', acr({ value: 'urn:unknown' })],
    ['one of several', { acr_values: `${multiFactor} ${singleFactor}` }],
  ])('that is only wished for by %s is told as it is', async (_, parameters) => {
    expect(idTokenOf(await app.tokens(user, parameters))).toMatchObject({ acr: singleFactor, amr: ['pwd'] });
  });

  it.each<[string, object]>([
    ['a value', { essential: true, value: 'urn:unknown' }],
    ['values', { essential: true, values: ['urn:unknown', 'urn:other'] }],
  ])('that an app cannot do without and nobody reaches is refused, by %s', async (_, asked) => {
    const error = 'unmet_authentication_requirements';
    expect(await errorOf(acr(asked))).toBe(error);
    const { browser } = await app.signIn(user);
    expect(await errorOf({ ...acr(asked), prompt: 'none' }, browser)).toBe(error);
  });

  it('is not made out of a former one: silence is no second factor', async () => {
    const { browser } = await app.signIn(user);
    expect(await errorOf({ ...acr({ essential: true, value: multiFactor }), prompt: 'none' }, browser)).toBe(
      'login_required',
    );
  });

  it('stays what it was at each refresh, whatever the session has reached since', async () => {
    const began = Math.floor(Date.now() / 1000);
    const person = await product.addUser();
    const weak = await offlineTokens(app, person);
    advance(3600);
    const { secret } = await enrol(product, person);
    const browser = new Browser();
    const { url, verifier } = app.request({ acr_values: multiFactor, prompt: 'login', scope: 'openid' });
    const page = await typeCode(
      browser,
      await typePassword(browser, await browser.open(url, isBack), person),
      codeOf(secret),
    );
    const strong = await app.exchange(new URL(page.url).searchParams.get('code') ?? '', verifier);
    expect(idTokenOf(strong)).toMatchObject({ acr: multiFactor, auth_time: began + 3600 });
    const next = await app.refresh(weak.body['refresh_token']);
    expect(idTokenOf(next)).toMatchObject({ acr: singleFactor, amr: ['pwd'], auth_time: began });
    expect((await app.introspect(next.body['access_token'])).body).toMatchObject({
      acr: singleFactor,
      auth_time: began,
    });
    const later = await app.refresh(strong.body['refresh_token']);
    expect(idTokenOf(later)).toMatchObject({ acr: multiFactor, auth_time: began + 3600 });
  });

  it('and its age are asked for together', async () => {
    const { person, browser } = await strongly({ acr_values: multiFactor });
    advance(60);
    const young = { acr_values: multiFactor, max_age: '30' };
    expect(await errorOf({ ...young, max_age: '61', prompt: 'none' }, browser)).toBeNull();
    expect(await errorOf({ ...young, prompt: 'none' }, browser)).toBe('login_required');
    const page = await browser.open(app.request(young).url, isBack);
    expect(page.text).toContain('id="login-submit"');
    expect((await typePassword(browser, page, person)).text).toContain('id="code-submit"');
  });
});
