import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp, send } from '../kit/relying-app.ts';
import { advance } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };
let token: string;

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product);
  user = await product.addUser({ claims: { name: 'Ada Lovelace' } });
  token = String((await app.tokens(user, { scope: 'openid profile' })).body['access_token']);
});
afterAll(() => product.stop());

const at = (init: RequestInit = {}, query = ''): Promise<Answer> => send(`${product.url}/userinfo${query}`, init);
const bearing = (value: string) => ({ headers: { authorization: `Bearer ${value}` } });
const formed = (fields: Record<string, string>, more: Record<string, string> = {}) => ({
  method: 'POST',
  headers: more,
  body: new URLSearchParams(fields),
});

describe('userinfo', () => {
  it('takes the token from the header, whatever the case of its scheme, or from a form (RFC 6750 §2)', async () => {
    for (const answer of [
      await at(bearing(token)),
      await at({ headers: { authorization: `bearer ${token}` } }),
      await at({ method: 'POST', ...bearing(token) }),
      await at(formed({ access_token: token })),
    ]) {
      expect([answer.status, answer.body['sub']]).toEqual([200, user.id]);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
      expect(answer.headers.get('cache-control')).toContain('no-store');
    }
  });

  it('takes it neither from an address, nor from two places, nor from the body of a GET or of another kind', async () => {
    expect((await at({}, `?access_token=${token}`)).status).not.toBe(200);
    const twice = await at(formed({ access_token: token }, { authorization: `Bearer ${token}` }));
    expect([twice.status, twice.body['error']]).toEqual([400, 'invalid_request']);
    const json = { 'content-type': 'application/json' };
    const other = await at({ method: 'POST', headers: json, body: JSON.stringify({ access_token: token }) });
    expect(other.status).not.toBe(200);
  });

  it('says by which scheme it is asked, and no reason to who tried none (RFC 6750 §3)', async () => {
    const { status, headers } = await at();
    const challenge = headers.get('www-authenticate') ?? '';
    expect(status).toBe(401);
    expect(challenge).toMatch(/^Bearer realm="[^"]+"/);
    expect(challenge).not.toContain('error');
    expect(challenge.split('realm=')).toHaveLength(3);
  });

  it('says what is wrong with a token, in a header that can be read (RFC 6750 §3.1)', async () => {
    const wrong = await at(bearing('at_x'));
    expect([wrong.status, wrong.body['error']]).toEqual([401, 'invalid_token']);
    expect(wrong.headers.get('www-authenticate')).toMatch(
      /^Bearer realm="[^"]+", error="invalid_token", error_description="[\x20\x21\x23-\x5b\x5d-\x7e]+"$/,
    );
    const bare = await app.tokens(user, { scope: 'email', response_type: 'code' });
    const narrow = await at(bearing(String(bare.body['access_token'])));
    expect([narrow.status, narrow.body['error']]).toEqual([403, 'insufficient_scope']);
    expect(narrow.headers.get('www-authenticate')).toContain('scope="openid"');
    const malformed = await at({ headers: { authorization: 'Bearer' } });
    expect([malformed.status, malformed.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('leaves out what is not known of a person (OpenID Connect Core §5.3.2)', async () => {
    const { body } = await at(bearing(token));
    expect(Object.values(body)).not.toContain(null);
    expect(Object.values(body)).not.toContain('');
    expect(body).not.toHaveProperty('gender');
    // §5.1: seconds since the epoch.
    expect(Number(body['updated_at'])).toBeLessThanOrEqual(Date.now() / 1000);
    const { body: mail } = await app.userinfo((await app.tokens(user, { scope: 'openid email' })).body['access_token']);
    expect(mail['email_verified']).toBe(true);
  });

  it('signs its answer for the client that registered that (OpenID Connect Core §5.3.2)', async () => {
    const signed = await addWebApp(product, { userinfo_signed_response_alg: 'ES256' });
    const { body } = await signed.tokens(user, { scope: 'openid profile' });
    const answer = await fetch(`${product.url}/userinfo`, bearing(String(body['access_token'])));
    expect(answer.headers.get('content-type')).toMatch(/^application\/jwt/);
    const keys = createRemoteJWKSet(new URL(`${product.url}/jwks`));
    const { payload } = await jwtVerify(await answer.text(), keys, {
      issuer: product.url,
      audience: signed.credentials.clientId,
    });
    expect(payload).toMatchObject({ sub: user.id, name: 'Ada Lovelace' });
  });

  it('refuses a token that has expired', async () => {
    const { body } = await app.tokens(user);
    advance(601);
    const late = await at(bearing(String(body['access_token'])));
    expect([late.status, late.body['error']]).toEqual([401, 'invalid_token']);
  });
});
