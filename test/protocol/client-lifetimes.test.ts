import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { addApi, addService, api, offlineTokens } from './kit/apps.ts';
import { advance, standStill } from './kit/time.ts';

const own = {
  access_token_ttl: 60,
  id_token_ttl: 70,
  refresh_token_idle_ttl: 1000,
  refresh_token_absolute_ttl: 1500,
};

let product: Product;
let app: RelyingApp;
let user: TestUser;
beforeAll(async () => {
  standStill();
  product = await startProduct();
  await addApi(product, { access_token_ttl: 90 });
  app = await addWebApp(product, own);
  user = await product.addUser();
});
afterAll(() => product.stop());

const idTokenSeconds = (token: unknown) => {
  const { exp = 0, iat = 0 } = decodeJwt(String(token));
  return exp - iat;
};

describe('a client with lifetimes of its own', () => {
  it('gets tokens that live as long, with a code and on both ways of a refresh', async () => {
    const first = await offlineTokens(app, user);
    const second = await app.refresh(first.body['refresh_token']);
    const form = { grant_type: 'refresh_token', refresh_token: String(second.body['refresh_token']) };
    const third = await app.post('/token', form, { origin: 'https://app.example' });
    for (const { body } of [first, second, third]) {
      expect([body['expires_in'], idTokenSeconds(body['id_token'])]).toEqual([60, 70]);
    }
    const told = (await app.introspect(third.body['refresh_token'])).body;
    expect(Number(told['exp']) - Number(told['iat'])).toBe(1000);
  });

  it('gets tokens for an API that live as long as the shorter of both', async () => {
    const shorter = await addService(product, { ...own, resources: [api] });
    const longer = await addService(product, { access_token_ttl: 600, resources: [api] });
    const none = await addService(product, { resources: [api] });
    const seconds = [];
    for (const service of [shorter, longer, none]) {
      seconds.push((await service.token({ grant_type: 'client_credentials' })).body['expires_in']);
    }
    expect(seconds).toEqual([60, 90, 90]);
  });

  it('has its refresh tokens end when they idle for as long, and with their family', async () => {
    const idle = await offlineTokens(app, user);
    advance(1001);
    expect((await app.refresh(idle.body['refresh_token'])).body['error']).toBe('invalid_grant');
    let current = await offlineTokens(app, user);
    advance(900);
    current = { ...current, ...(await app.refresh(current.body['refresh_token'])) };
    expect(current.status).toBe(200);
    advance(601);
    expect((await app.refresh(current.body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  it('cannot have refresh tokens that idle for longer than they live', async () => {
    const wrong = { refresh_token_idle_ttl: 10, refresh_token_absolute_ttl: 5 };
    await expect(addWebApp(product, wrong)).rejects.toMatchObject({ code: 'client_refused' });
  });
});
