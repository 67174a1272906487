import { createRemoteJWKSet, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, send } from '../kit/relying-app.ts';
import { addService, api, isActive } from './kit/apps.ts';

let product: Product;
let user: TestUser & { readonly id: string };
beforeAll(async () => {
  product = await startProduct();
  user = await product.addUser({ claims: { name: 'Ada Lovelace' } });
});
afterAll(() => product.stop());

const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const;

/** The claims of a JWT that verifies by what is published, in this algorithm only. */
async function verified(jwt: unknown, alg: string): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL(`${product.url}/jwks`));
  const { payload } = await jwtVerify(String(jwt), keys, { algorithms: [alg], issuer: product.url });
  return payload;
}

describe('keys', () => {
  it('of an algorithm that nobody asks for are not there, nor in discovery', async () => {
    const { body } = await send(`${product.url}/jwks`);
    expect((body['keys'] as { alg: string }[]).map(({ alg }) => alg)).toEqual(['ES256', 'RS256']);
    const { body: discovery } = await send(`${product.url}/.well-known/openid-configuration`);
    expect(discovery['id_token_signing_alg_values_supported']).toEqual(['ES256', 'RS256']);
  });
});

describe.each(algorithms)('%s', (alg) => {
  it('signs the ID tokens and userinfo answers of a client that wants it, from sign-in to refresh', async () => {
    const app = await addWebApp(product, { id_token_signed_response_alg: alg, userinfo_signed_response_alg: alg });
    const first = await app.tokens(user, { scope: 'openid profile offline_access', prompt: 'consent' });
    for (const { body } of [first, await app.refresh(first.body['refresh_token'])]) {
      const { clientId } = app.credentials;
      expect(await verified(body['id_token'], alg)).toMatchObject({ sub: user.id, aud: clientId });
      const userinfo = await app.userinfo(body['access_token']);
      expect(userinfo.headers.get('content-type')).toBe('application/jwt; charset=utf-8');
      const told = await verified(userinfo.body['text'], alg);
      expect(told).toMatchObject({ sub: user.id, aud: clientId, name: 'Ada Lovelace' });
    }
    const discovery = (await send(`${product.url}/.well-known/openid-configuration`)).body;
    expect(discovery['id_token_signing_alg_values_supported']).toContain(alg);
    expect(discovery['userinfo_signing_alg_values_supported']).toContain(alg);
  });

  it('signs the access tokens of an API that wants it, which introspection knows and others cannot make', async () => {
    const identifier = `${api}${alg}`;
    const scopes = [{ name: `read:${alg}`, description: 'Read' }];
    await product.addResource({ identifier, access_token_format: 'jwt', signing_alg: alg, scopes });
    const service = await addService(product, { resources: [identifier] });
    const { body } = await service.token({ grant_type: 'client_credentials' });
    const token = String(body['access_token']);
    expect(await verified(token, alg)).toMatchObject({ aud: identifier });
    expect(await isActive(service, token)).toBe(true);
    const [head, claims, signature = ''] = token.split('.');
    const other = signature.startsWith('A') ? 'B' : 'A';
    expect(await isActive(service, `${head}.${claims}.${other}${signature.slice(1)}`)).toBe(false);
    for (const wrong of algorithms.filter((one) => one !== alg)) {
      const header = { ...decodeProtectedHeader(token), alg: wrong };
      const forged = Buffer.from(JSON.stringify(header)).toString('base64url');
      expect(await isActive(service, `${forged}.${claims}.${signature}`)).toBe(false);
    }
    await service.revoke(token);
    expect(await isActive(service, token)).toBe(false);
  });
});

describe('an algorithm that proves nothing', () => {
  it.each(['none', 'HS256', 'RS1'])('cannot be asked for: %s', async (alg) => {
    for (const field of ['id_token_signed_response_alg', 'userinfo_signed_response_alg']) {
      await expect(addWebApp(product, { [field]: alg })).rejects.toMatchObject({ code: 'client_refused' });
    }
  });
});
