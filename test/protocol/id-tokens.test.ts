import { createHash } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { advance, standStill } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  standStill();
  product = await startProduct();
  app = await addWebApp(product);
  user = await product.addUser({ claims: { name: 'Ada Lovelace' } });
});
afterAll(() => product.stop());

const verified = async (token: unknown, by: RelyingApp) =>
  jwtVerify(String(token), createRemoteJWKSet(new URL(`${product.url}/jwks`)), {
    issuer: product.url,
    audience: by.credentials.clientId,
  });

describe('an ID token', () => {
  it('says who signed in, for whom, when and for how long (OpenID Connect Core §2)', async () => {
    const { body } = await app.tokens(user, { nonce: 'n-0S6', scope: 'openid profile' });
    const { payload, protectedHeader } = await verified(body['id_token'], app);
    const now = Math.floor(Date.now() / 1000);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: expect.any(String) as string });
    for (const name of ['x5u', 'x5c', 'jku', 'jwk']) expect(protectedHeader).not.toHaveProperty(name);
    expect(payload).toMatchObject({ sub: user.id, aud: app.credentials.clientId, nonce: 'n-0S6', iat: now });
    expect(payload.sub).toMatch(/^[\x20-\x7e]{1,255}$/);
    expect(payload.exp).toBeGreaterThan(now);
    expect(payload['auth_time']).toBeLessThanOrEqual(now);
    expect(payload['acr']).toBeTypeOf('string');
    expect(payload['amr']).toEqual(['pwd']);
    // What the scope asks for is at userinfo where an access token is given (§5.4).
    expect(payload).not.toHaveProperty('name');
    for (const name of Object.keys(payload)) expect(payload[name]).not.toBeNull();
  });

  it('names one subject for one person, and another for another, whichever way they came', async () => {
    const other = await product.addUser();
    const [first, second, theirs] = [await app.tokens(user), await app.tokens(user), await app.tokens(other)];
    const [one, two, three] = [first, second, theirs].map(({ body }) => decodeJwt(String(body['id_token'])).sub);
    expect(two).toBe(one);
    expect(three).not.toBe(one);
    expect((await app.userinfo(first.body['access_token'])).body['sub']).toBe(one);
  });

  it('says when the person signed in, not when the app asked (OpenID Connect Core §2)', async () => {
    const { browser } = await app.signIn(user);
    const before = Math.floor(Date.now() / 1000);
    advance(120);
    const { answer, verifier } = await app.signIn(user, { browser, parameters: { max_age: '3600' } });
    const { body } = await app.exchange(answer.get('code') ?? '', verifier);
    expect(decodeJwt(String(body['id_token']))['auth_time']).toBe(before);
  });

  it('that comes with a refresh says the same as the first, without its nonce (OpenID Connect Core §12.2)', async () => {
    const first = await app.tokens(user, { nonce: 'n-1' });
    const before = decodeJwt(String(first.body['id_token']));
    expect(before['nonce']).toBe('n-1');
    advance(60);
    // With something that the shorter way of answering is not for, and without.
    for (const more of [{}, { unknown: '1' }] as Record<string, string>[]) {
      const { body } = await app.refresh(first.body['refresh_token'], more);
      const { iat, exp, nonce, ...same } = decodeJwt(String(body['id_token']));
      expect(before).toMatchObject(same);
      expect(nonce).toBeUndefined();
      expect([Number(iat) - Number(before.iat), Number(exp) > Number(before.exp)]).toEqual([60, true]);
    }
  });

  it('is signed with RS256 for the client that registered that (OpenID Connect Core §15.1)', async () => {
    const rsa = await addWebApp(product, { id_token_signed_response_alg: 'RS256' });
    const { body } = await rsa.tokens(user);
    expect((await verified(body['id_token'], rsa)).protectedHeader.alg).toBe('RS256');
  });

  it('has the hash of its access token where it has one (OpenID Connect Core §3.1.3.6)', async () => {
    const { body } = await app.tokens(user);
    const hash = createHash('sha256')
      .update(String(body['access_token']))
      .digest()
      .subarray(0, 16)
      .toString('base64url');
    expect([undefined, hash]).toContain(decodeJwt(String(body['id_token']))['at_hash']);
  });
});
