import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, redirectUri, walk } from '../kit/relying-app.ts';
import { addApi, addService, api, apiTokens } from './kit/apps.ts';

const shop = 'https://shop.example/';
const secret = 'https://secret.example/';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  await addApi(product);
  await product.addResource({
    identifier: shop,
    access_token_format: 'opaque',
    scopes: [{ name: 'buy', description: 'Buy things for you' }],
  });
  await product.addResource({
    identifier: secret,
    access_token_format: 'jwt',
    scopes: [{ name: 'peek', description: 'Look' }],
  });
  app = await addWebApp(product, { resources: [shop], scope: 'openid email offline_access orders:read' });
  user = await product.addUser();
});
afterAll(() => product.stop());

const errorOf = async (parameters: Record<string, string>): Promise<string | null> => {
  const page = await new Browser().open(app.request(parameters).url, isBack);
  return isBack(page.url) ? new URL(page.url).searchParams.get('error') : `page ${page.status}`;
};

describe('resource indicators (RFC 8707)', () => {
  it('bring a JWT that the API can verify by itself (RFC 9068)', async () => {
    const { body } = await apiTokens(app, user, { scope: 'openid email orders:read' });
    const keys = createRemoteJWKSet(new URL(`${product.url}/jwks`));
    const { payload, protectedHeader } = await jwtVerify(String(body['access_token']), keys, {
      audience: api,
      issuer: product.url,
    });
    expect(protectedHeader).toMatchObject({ typ: 'at+jwt', alg: 'ES256' });
    expect(payload).toMatchObject({ sub: user.id, client_id: app.credentials.clientId, scope: 'orders:read' });
    for (const claim of ['iat', 'exp', 'jti']) expect(payload[claim]).toBeDefined();
    for (const claim of ['email', 'name', 'accountId', 'grantId']) expect(payload[claim]).toBeUndefined();
  });

  it('bring a JWT that says the same of the sign-in after a refresh (RFC 9068 §2.2.1)', async () => {
    const { body } = await apiTokens(app, user, { scope: 'openid orders:read' });
    const first = decodeJwt(String(body['access_token']));
    const { body: later } = await app.refresh(body['refresh_token'], { resource: api });
    const second = decodeJwt(String(later['access_token']));
    const { acr, auth_time, sub, aud, client_id, scope } = first;
    expect(second).toMatchObject({ acr, auth_time, sub, aud, client_id, scope });
    expect(auth_time).toBeTypeOf('number');
    expect(second.jti).not.toBe(first.jti);
  });

  it('bring a service a JWT of which nobody thinks that it is a person’s (RFC 9068 §5, RFC 9700 §4.15)', async () => {
    const service = await addService(product, { resources: [secret] });
    const { body } = await service.token({ grant_type: 'client_credentials' });
    const { clientId } = service.credentials;
    const claims = decodeJwt(String(body['access_token']));
    expect(claims).toMatchObject({ sub: clientId, client_id: clientId });
    expect(claims).not.toHaveProperty('auth_time');
    expect(await product.app.core.users.find(clientId)).toBeUndefined();
  });

  it('bring an opaque token where the API wants one', async () => {
    const { answer, verifier } = await app.signIn(user, { parameters: { resource: shop, scope: 'openid buy' } });
    const { body } = await app.exchange(answer.get('code') ?? '', verifier, { resource: shop });
    expect(body['access_token']).toMatch(/^at_/);
    expect((await app.introspect(body['access_token'])).body).toMatchObject({ aud: shop, scope: 'buy' });
  });

  it('make tokens that userinfo refuses, and the app’s own token still works there', async () => {
    const { answer, verifier } = await app.signIn(user, {
      parameters: { resource: api, scope: 'openid email orders:read' },
    });
    const forApi = await app.exchange(answer.get('code') ?? '', verifier, { resource: api });
    expect((await app.userinfo(forApi.body['access_token'])).status).toBe(401);
    const { answer: other, verifier: otherVerifier } = await app.signIn(user, {
      parameters: { resource: shop, scope: 'openid email buy' },
    });
    const forShop = await app.exchange(other.get('code') ?? '', otherVerifier, { resource: shop });
    expect((await app.userinfo(forShop.body['access_token'])).status).toBe(403);
    const { body } = await app.tokens(user, { scope: 'openid email' });
    expect((await app.userinfo(body['access_token'])).body['email']).toBe(user.email);
  });

  it('let one sign-in fetch a token for each API in turn', async () => {
    const { url, verifier } = app.request({ scope: 'openid offline_access orders:read buy', prompt: 'consent' });
    const browser = new Browser();
    const both = `${url}&resource=${encodeURIComponent(api)}&resource=${encodeURIComponent(shop)}`;
    const end = await walk(browser, await browser.open(both), user);
    const code = new URL(end.url).searchParams.get('code') ?? '';
    const first = await app.exchange(code, verifier, { resource: api });
    expect(first.body['scope']).toBe('orders:read');
    const second = await app.refresh(first.body['refresh_token'], { resource: shop });
    expect(second.body['scope']).toBe('buy');
    expect(second.body['access_token']).toMatch(/^at_/);
  });

  it('are refused when the client may not use the API, or there is none', async () => {
    expect(await errorOf({ resource: secret, scope: 'openid' })).toBe('invalid_target');
    expect(await errorOf({ resource: 'https://nowhere.example/' })).toBe('invalid_target');
    expect(await errorOf({ resource: 'https://api.example/#fragment' })).toBe('invalid_target');
  });

  it('are refused at the token endpoint when they were not asked for before', async () => {
    const { answer, verifier } = await app.signIn(user, { parameters: { resource: shop, scope: 'openid buy' } });
    const code = answer.get('code') ?? '';
    expect((await app.exchange(code, verifier, { resource: api })).body['error']).toBe('invalid_target');
  });

  it('are refused at the token endpoint when they are no address, or have a fragment (RFC 8707 §2)', async () => {
    for (const resource of ['shop', `${shop}#x`]) {
      const { answer, verifier } = await app.signIn(user, { parameters: { resource: shop, scope: 'openid buy' } });
      const refused = await app.exchange(answer.get('code') ?? '', verifier, { resource });
      expect(refused.body['error']).toBe('invalid_target');
    }
    const service = await addService(product, { resources: [secret] });
    const grant = { grant_type: 'client_credentials' };
    expect((await service.token({ ...grant, resource: 'secret' })).body['error']).toBe('invalid_target');
    expect((await service.token({ ...grant, resource: `${secret}#x` })).body['error']).toBe('invalid_target');
  });

  it('show the person what is asked for, in the operator’s words', async () => {
    const person = await product.addUser();
    const browser = new Browser();
    const signIn = await browser.open(app.request({ resource: api, scope: 'openid email orders:read' }).url);
    const consent = await browser.submit(signIn, 'login-submit', { login: person.email, password: person.password });
    expect(consent.text).toContain('See your orders');
    expect(consent.text).toContain(person.email);
    expect(consent.text).not.toContain('Change your orders');
  });

  it('give no scope that the client may not have, whether it has a list of its own or not', async () => {
    expect(await errorOf({ resource: api, scope: 'openid orders:write' })).toBe('invalid_scope');
    const unlisted = await addWebApp(product);
    const page = await new Browser().open(unlisted.request({ scope: 'openid orders:read' }).url, isBack);
    expect(new URL(page.url).searchParams.get('error')).toBe('invalid_scope');
    const service = await addService(product);
    expect((await service.token({ grant_type: 'client_credentials', scope: 'peek' })).body['error']).toBe(
      'invalid_scope',
    );
  });

  it('are needed for scopes of an API: a token that is for nobody gets none of them', async () => {
    const { body } = await app.tokens(user, { scope: 'openid email orders:read' });
    expect(body['scope']).toBe('openid email');
    expect((await app.introspect(body['access_token'])).body['scope']).toBe('openid email');
  });

  it('ask again when an app wants more than it was allowed', async () => {
    const person = await product.addUser();
    const wide = await addWebApp(product, { resources: [api] });
    const { browser } = await wide.signIn(person, { parameters: { resource: api, scope: 'openid orders:read' } });
    const same = await browser.open(wide.request({ resource: api, scope: 'openid orders:read' }).url, isBack);
    expect(same.url.startsWith(redirectUri)).toBe(true);
    const more = await browser.open(
      wide.request({ resource: api, scope: 'openid orders:read orders:write' }).url,
      isBack,
    );
    expect(more.text).toContain('Change your orders');
  });
});
