import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../kit/product.ts';
import { send } from '../kit/relying-app.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

const paths = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];

describe.each(paths)('the document at %s', (path) => {
  it('is JSON by GET, with the issuer that it was asked at', async () => {
    const { status, headers, body } = await send(product.url + path);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(body['issuer']).toBe(product.url);
    expect((await send(product.url + path, { method: 'POST' })).status).toBe(405);
  });

  it('has every member that it must have, and none without elements', async () => {
    const { body } = await send(product.url + path);
    expect(body).toMatchObject({
      authorization_endpoint: `${product.url}/authorize`,
      token_endpoint: `${product.url}/token`,
      jwks_uri: `${product.url}/jwks`,
      userinfo_endpoint: `${product.url}/userinfo`,
      device_authorization_endpoint: `${product.url}/device/authorize`,
      pushed_authorization_request_endpoint: `${product.url}/par`,
      end_session_endpoint: `${product.url}/logout`,
      subject_types_supported: ['public', 'pairwise'],
      response_types_supported: expect.arrayContaining(['code']) as unknown,
      id_token_signing_alg_values_supported: expect.arrayContaining(['RS256', 'ES256']) as unknown,
      scopes_supported: expect.arrayContaining(['openid']) as unknown,
      claims_supported: expect.arrayContaining(['sub', 'iss', 'auth_time', 'acr']) as unknown,
      acr_values_supported: expect.any(Array) as unknown,
      code_challenge_methods_supported: ['S256'],
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      authorization_response_iss_parameter_supported: true,
      request_uri_parameter_supported: true,
    });
    for (const [name, value] of Object.entries(body)) {
      expect([name, value]).not.toEqual([name, []]);
      expect(value).not.toBeNull();
    }
  });

  it('names no algorithm by which anybody could sign, and the one that everybody has', async () => {
    const { body } = await send(product.url + path);
    const algorithms = body['token_endpoint_auth_signing_alg_values_supported'] as string[];
    expect(algorithms).toContain('RS256');
    for (const [name, value] of Object.entries(body)) if (name.includes('_alg_')) expect(value).not.toContain('none');
    for (const endpoint of ['revocation', 'introspection']) {
      expect(body[`${endpoint}_endpoint`]).toBeTypeOf('string');
    }
  });

  it('says of each endpoint how clients prove there who they are, the same everywhere', async () => {
    const { body } = await send(product.url + path);
    const token = body['token_endpoint_auth_methods_supported'];
    // RFC 8414 §2: absent, client_secret_basic alone would be meant at the token and revocation endpoints.
    expect(body['revocation_endpoint_auth_methods_supported']).toEqual(token);
    expect(body['revocation_endpoint_auth_signing_alg_values_supported']).toEqual(
      body['token_endpoint_auth_signing_alg_values_supported'],
    );
    expect(body['introspection_endpoint_auth_methods_supported']).toEqual(token);
  });
});
