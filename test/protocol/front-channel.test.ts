import { createHash, randomUUID } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, walk } from '../kit/relying-app.ts';

let product: Product;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  user = await product.addUser();
});
afterAll(() => product.stop());

/** What comes back in the fragment. */
async function answerOf(
  app: RelyingApp,
  parameters: Record<string, string>,
): Promise<{ answer: URLSearchParams; verifier: string }> {
  const { url, verifier } = app.request(parameters);
  const browser = new Browser();
  const page = await walk(browser, await browser.open(url, isBack), user);
  return { answer: new URLSearchParams(new URL(page.url).hash.slice(1)), verifier };
}
const verified = async (token: string | null, app: RelyingApp) =>
  (
    await jwtVerify(token ?? '', createRemoteJWKSet(new URL(`${product.url}/jwks`)), {
      audience: app.credentials.clientId,
      issuer: product.url,
    })
  ).payload;
const halfHash = (value: string | null): string =>
  createHash('sha256')
    .update(value ?? '')
    .digest()
    .subarray(0, 16)
    .toString('base64url');

describe('implicit and hybrid flows', () => {
  it('are refused to clients that were not given them', async () => {
    await addWebApp(product, { response_types: ['code', 'code id_token'] });
    const app = await addWebApp(product);
    for (const type of ['code id_token', 'code id_token token', 'id_token', 'token']) {
      const { answer } = await answerOf(app, { response_type: type, nonce: randomUUID() });
      expect(['unauthorized_client', 'unsupported_response_type']).toContain(answer.get('error'));
      expect(answer.has('code') || answer.has('id_token') || answer.has('access_token')).toBe(false);
    }
  });

  it('give a client with `code id_token` both, bound to each other (OpenID Connect Core §3.3.2.11)', async () => {
    const app = await addWebApp(product, { response_types: ['code', 'code id_token'] });
    const nonce = randomUUID();
    const { answer, verifier } = await answerOf(app, { response_type: 'code id_token', nonce });
    const claims = await verified(answer.get('id_token'), app);
    expect(claims).toMatchObject({ sub: user.id, nonce, c_hash: halfHash(answer.get('code')) });
    expect(answer.has('access_token')).toBe(false);
    const { status, body } = await app.exchange(answer.get('code') ?? '', verifier);
    expect(status).toBe(200);
    expect((await verified(String(body['id_token']), app)).sub).toBe(user.id);
  });

  it('still want PKCE with a code, and a nonce with an ID token', async () => {
    const app = await addWebApp(product, { response_types: ['code', 'code id_token'] });
    const { url } = app.request({ response_type: 'code id_token', nonce: randomUUID() });
    const bare = new URL(url);
    bare.searchParams.delete('code_challenge');
    bare.searchParams.delete('code_challenge_method');
    const page = await new Browser().open(bare.href, isBack);
    expect(new URLSearchParams(new URL(page.url).hash.slice(1)).get('error')).toBe('invalid_request');
    expect((await answerOf(app, { response_type: 'code id_token' })).answer.get('error')).toBe('invalid_request');
  });

  it('never answer in the query', async () => {
    const app = await addWebApp(product, { response_types: ['code id_token'] });
    const { answer } = await answerOf(app, {
      response_type: 'code id_token',
      nonce: randomUUID(),
      response_mode: 'query',
    });
    expect(answer.get('error') ?? 'invalid_request').toBe('invalid_request');
    expect(answer.has('id_token')).toBe(false);
  });

  it('give a client with `id_token` an ID token and nothing for the token endpoint', async () => {
    const app = await addWebApp(product, { grant_types: ['implicit'], response_types: ['id_token'] });
    const { answer } = await answerOf(app, { response_type: 'id_token', nonce: 'n' });
    expect((await verified(answer.get('id_token'), app)).sub).toBe(user.id);
    expect([...answer.keys()].toSorted()).toEqual(['id_token', 'iss', 'state']);
    // RFC 9207 §2, beside the same in the ID token.
    expect(answer.get('iss')).toBe(product.url);
    expect((await app.refresh('rt_x')).status).toBe(400);
  });

  it('leave the event of their tokens, however they are sent', async () => {
    const app = await addWebApp(product, { response_types: ['code', 'code id_token'] });
    const issued = async () =>
      (await product.app.core.audit.search({ client: app.credentials.clientId, type: 'token.issued', limit: 10 })).map(
        ({ details }) => details['grant_type'],
      );
    await answerOf(app, { response_type: 'code id_token', nonce: 'n' });
    expect(await issued()).toEqual(['implicit']);
    const { url } = app.request({ response_type: 'code id_token', nonce: 'n', response_mode: 'form_post' });
    const browser = new Browser();
    await walk(browser, await browser.open(url), user);
    expect(await issued()).toEqual(['implicit', 'implicit']);
  });

  it('give an access token that works where it was asked for', async () => {
    const app = await addWebApp(product, { response_types: ['code id_token token'] });
    const { answer } = await answerOf(app, { response_type: 'code id_token token', nonce: 'n', scope: 'openid email' });
    expect((await verified(answer.get('id_token'), app))['at_hash']).toBe(halfHash(answer.get('access_token')));
    expect((await app.userinfo(answer.get('access_token'))).body['email']).toBe(user.email);
  });
});
