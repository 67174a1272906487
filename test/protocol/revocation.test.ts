import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { addApi, addPublicApp, addService, api, apiTokens, isActive, offlineTokens } from './kit/apps.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  await addApi(product);
  app = await addWebApp(product, { resources: [api] });
  user = await product.addUser();
});
afterAll(() => product.stop());

const eventsOf = async ({ headers }: Answer) =>
  (await product.app.core.audit.search({ request: headers.get('x-request-id') ?? '', limit: 10 })).map(
    ({ type }) => type,
  );

describe('revocation', () => {
  it('of an opaque access token ends its family', async () => {
    const { body } = await offlineTokens(app, user);
    const answer = await app.revoke(body['access_token']);
    expect(answer.status).toBe(200);
    expect(await eventsOf(answer)).toEqual(['token.revoked']);
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect((await app.userinfo(body['access_token'])).status).toBe(401);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  it('of a JWT ends its family, other JWTs included', async () => {
    const { body } = await apiTokens(app, user);
    const other = await app.refresh(body['refresh_token'], { resource: api });
    const answer = await app.revoke(body['access_token']);
    expect([answer.status, await eventsOf(answer)]).toEqual([200, ['token.revoked']]);
    for (const token of [body['access_token'], other.body['access_token'], other.body['refresh_token']]) {
      expect(await isActive(app, token)).toBe(false);
    }
  });

  it('of a refresh token ends its access tokens, JWTs included, and no other family', async () => {
    const { body } = await apiTokens(app, user);
    const person = await product.addUser();
    const untouched = await apiTokens(app, person);
    expect((await app.revoke(body['refresh_token'])).status).toBe(200);
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect(await isActive(app, untouched.body['access_token'])).toBe(true);
    expect((await app.refresh(untouched.body['refresh_token'])).status).toBe(200);
  });

  it('of a service’s token, opaque or JWT, ends that one', async () => {
    for (const service of [await addService(product), await addService(product, { resources: [api] })]) {
      const [one, two] = [
        await service.token({ grant_type: 'client_credentials' }),
        await service.token({ grant_type: 'client_credentials' }),
      ];
      const answer = await service.revoke(one.body['access_token']);
      expect([answer.status, await eventsOf(answer)]).toEqual([200, ['token.revoked']]);
      expect(await isActive(service, one.body['access_token'])).toBe(false);
      expect(await isActive(service, two.body['access_token'])).toBe(true);
    }
  });

  it('of another client’s token does nothing, and says 200 (RFC 7009 §2.2)', async () => {
    const other = await addWebApp(product);
    const [{ body: plain }, { body: forApi }] = [await offlineTokens(app, user), await apiTokens(app, user)];
    for (const token of [plain['access_token'], plain['refresh_token'], forApi['access_token']]) {
      const answer = await other.revoke(token);
      expect([answer.status, await eventsOf(answer)]).toEqual([200, []]);
      expect(await isActive(app, token)).toBe(true);
    }
  });

  it('of an unknown token, twice, or of an ID token, says 200 and changes nothing', async () => {
    const { body } = await offlineTokens(app, user);
    for (const token of ['unknown', 'at_unknown', body['id_token']]) {
      const answer = await app.revoke(token);
      expect([answer.status, await eventsOf(answer)]).toEqual([200, []]);
    }
    expect(await isActive(app, body['access_token'])).toBe(true);
    await app.revoke(body['refresh_token']);
    expect((await app.revoke(body['refresh_token'])).status).toBe(200);
  });

  it('needs a client that proves who it is, or names itself when it has no secret', async () => {
    const native = await addPublicApp(product);
    const { body } = await offlineTokens(native, user);
    expect((await native.revoke(body['refresh_token'])).status).toBe(200);
    expect((await native.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  it('racing with a refresh leaves nothing alive', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { body } = await offlineTokens(app, user);
      const [refreshed] = await Promise.all([app.refresh(body['refresh_token']), app.revoke(body['refresh_token'])]);
      if (refreshed.status !== 200) continue;
      expect((await app.refresh(refreshed.body['refresh_token'])).body['error']).toBe('invalid_grant');
      expect(await isActive(app, refreshed.body['access_token'])).toBe(false);
    }
  });
});
