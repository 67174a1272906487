import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { addApi, addPublicApp, api, apiTokens, isActive, offlineTokens } from './kit/apps.ts';
import { operatorOf } from './kit/operator.ts';
import { rows } from './kit/tables.ts';
import { advance, days, standStill } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  // Or what runs between two steps would count as well, and on a slow machine decide.
  standStill();
  product = await startProduct();
  await addApi(product);
  app = await addWebApp(product, { resources: [api] });
  user = await product.addUser();
});
afterAll(() => product.stop());

const refreshTokenOf = (answer: Answer): string => String(answer.body['refresh_token']);
const newTokens = () => offlineTokens(app, user);

describe('refresh tokens', () => {
  it('are replaced at every use, and every successor works', async () => {
    const first = await newTokens();
    const second = await app.refresh(first.body['refresh_token']);
    const third = await app.refresh(second.body['refresh_token']);
    expect([second.status, third.status]).toEqual([200, 200]);
    expect(new Set([first, second, third].map(refreshTokenOf)).size).toBe(3);
    expect((await app.userinfo(third.body['access_token'])).status).toBe(200);
  });

  it('give 64 users at once the same successor, and all their access tokens work', async () => {
    const { body } = await newTokens();
    const answers = await Promise.all(Array.from({ length: 64 }, () => app.refresh(body['refresh_token'])));
    expect(answers.map(({ status }) => status)).toEqual(Array(64).fill(200));
    expect(new Set(answers.map(refreshTokenOf)).size).toBe(1);
    const alive = await Promise.all(answers.map((answer) => app.userinfo(answer.body['access_token'])));
    expect(alive.every(({ status }) => status === 200)).toBe(true);
    expect((await app.refresh(refreshTokenOf(answers[0] as Answer))).status).toBe(200);
  });

  it('give the same successor again within the grace window, even after that one was used', async () => {
    const { body } = await newTokens();
    standStill();
    const first = await app.refresh(body['refresh_token']);
    const next = await app.refresh(refreshTokenOf(first));
    advance(9);
    const again = await app.refresh(body['refresh_token']);
    expect(again.status).toBe(200);
    expect(refreshTokenOf(again)).toBe(refreshTokenOf(first));
    expect((await app.refresh(refreshTokenOf(next))).status).toBe(200);
  });

  it('end with their whole family when one is used again after the window, and that is audited', async () => {
    const { body } = await newTokens();
    const successor = await app.refresh(body['refresh_token']);
    advance(11);
    const reuse = await app.refresh(body['refresh_token']);
    expect([reuse.status, reuse.body['error']]).toEqual([400, 'invalid_grant']);
    expect((await app.refresh(refreshTokenOf(successor))).body['error']).toBe('invalid_grant');
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect(await isActive(app, successor.body['access_token'])).toBe(false);
    expect((await app.userinfo(successor.body['access_token'])).status).toBe(401);
    const [event, ...others] = (await product.events('refresh.reused')).filter(
      ({ request_id }) => request_id === reuse.headers.get('x-request-id'),
    );
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      outcome: 'denied',
      client: app.credentials.clientId,
      subject: user.id,
      reason: 'invalid_grant',
    });
  });

  it('take JWT access tokens of the family with them', async () => {
    const { body } = await apiTokens(app, user);
    const successor = await app.refresh(body['refresh_token'], { resource: api });
    expect(String(successor.body['access_token']).split('.')).toHaveLength(3);
    expect(await isActive(app, body['access_token'])).toBe(true);
    advance(11);
    await app.refresh(body['refresh_token'], { resource: api });
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect(await isActive(app, successor.body['access_token'])).toBe(false);
  });

  it('stay usable after a refused request: a wrong resource or scope burns nothing', async () => {
    const { body } = await newTokens();
    const wrongResource = await app.refresh(body['refresh_token'], { resource: 'https://elsewhere.example/' });
    const wrongScope = await app.refresh(body['refresh_token'], { scope: 'openid email' });
    expect([wrongResource.body['error'], wrongScope.body['error']]).toEqual(['invalid_target', 'invalid_scope']);
    advance(60);
    expect((await app.refresh(body['refresh_token'])).status).toBe(200);
  });

  it('may ask for less than was allowed, without losing the rest', async () => {
    const { body } = await app.tokens(user, { scope: 'openid email profile' });
    const narrow = await app.refresh(body['refresh_token'], { scope: 'openid email' });
    expect(narrow.body['scope']).toBe('openid email');
    expect(String((await app.refresh(narrow.body['refresh_token'])).body['scope']).split(' ')).toContain('profile');
  });

  it('belong to one client', async () => {
    const other = await addWebApp(product);
    const { body } = await newTokens();
    expect((await other.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await app.refresh(body['refresh_token'])).status).toBe(200);
  });

  it('rotate for apps without a secret as well', async () => {
    const native = await addPublicApp(product);
    const { body } = await offlineTokens(native, user);
    const next = await native.refresh(body['refresh_token']);
    expect(next.status).toBe(200);
    expect(refreshTokenOf(next)).not.toBe(body['refresh_token']);
  });

  it('end when they were not used for the idle time', async () => {
    const { body } = await newTokens();
    advance(14 * days - 1);
    const next = await app.refresh(body['refresh_token']);
    expect(next.status).toBe(200);
    advance(14 * days + 1);
    expect((await app.refresh(refreshTokenOf(next))).body['error']).toBe('invalid_grant');
  });

  it('end after the absolute time, however often they are used', async () => {
    let answer: Answer = await newTokens();
    for (let week = 0; week < 12; week += 1) {
      advance(7 * days);
      answer = await app.refresh(refreshTokenOf(answer));
      expect(answer.status).toBe(200);
    }
    advance(6 * days - 1);
    answer = await app.refresh(refreshTokenOf(answer));
    expect(answer.status).toBe(200);
    advance(2);
    expect((await app.refresh(refreshTokenOf(answer))).body['error']).toBe('invalid_grant');
  });

  it('end with the sign-in when offline access was not asked for', async () => {
    const { body } = await app.tokens(user);
    advance(12 * 3600 + 1);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  it('are stored as a hash only', async () => {
    const { body } = await newTokens();
    const stored = JSON.stringify(await rows(product.database, 'SELECT * FROM artifacts'));
    for (const name of ['refresh_token', 'access_token']) {
      expect(stored).not.toContain(String(body[name]));
      expect(stored).not.toContain(String(body[name]).slice(3));
    }
  });
});

describe('a client without grace', () => {
  const strict = () => addWebApp(product, { refresh_grace_seconds: 0 });

  it('has one winner among parallel uses, whose tokens stay alive', async () => {
    const own = await strict();
    const { body } = await offlineTokens(own, user);
    standStill();
    const answers = await Promise.all(Array.from({ length: 16 }, () => own.refresh(body['refresh_token'])));
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(1);
    expect(
      answers.filter(({ status }) => status !== 200).every((answer) => answer.body['error'] === 'invalid_grant'),
    ).toBe(true);
    expect(await isActive(own, winners[0]?.body['access_token'])).toBe(true);
    expect((await own.refresh(winners[0]?.body['refresh_token'])).status).toBe(200);
  });

  it('is refused a second use within the settle window, and nothing is revoked', async () => {
    const own = await strict();
    const { body } = await offlineTokens(own, user);
    standStill();
    const first = await own.refresh(body['refresh_token']);
    advance(0.4);
    expect((await own.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await isActive(own, first.body['access_token'])).toBe(true);
    expect((await own.refresh(refreshTokenOf(first))).status).toBe(200);
  });

  it('loses the family at a later second use', async () => {
    const own = await strict();
    const { body } = await offlineTokens(own, user);
    const first = await own.refresh(body['refresh_token']);
    advance(0.6);
    expect((await own.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await isActive(own, first.body['access_token'])).toBe(false);
    expect((await own.refresh(refreshTokenOf(first))).body['error']).toBe('invalid_grant');
  });
});

describe('what an operator disables', () => {
  it('ends a person’s tokens at once, and enabling brings none back', async () => {
    const person = await product.addUser();
    const { body } = await offlineTokens(app, person);
    await operatorOf(product).disableUser(person.id);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect((await app.userinfo(body['access_token'])).status).toBe(401);
    await operatorOf(product).enableUser(person.id);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  it('ends a client’s tokens at once, and enabling brings none back', async () => {
    const own = await addWebApp(product, { resources: [api] });
    const { body } = await offlineTokens(own, user);
    const jwt = (await apiTokens(own, user)).body['access_token'];
    await operatorOf(product).disableClient(own.credentials.clientId);
    const refused = await own.refresh(body['refresh_token']);
    expect([refused.status, refused.body['error']]).toEqual([401, 'invalid_client']);
    expect((await own.userinfo(body['access_token'])).status).toBe(401);
    await operatorOf(product).enableClient(own.credentials.clientId);
    expect((await own.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await isActive(own, body['access_token'])).toBe(false);
    expect(await isActive(own, jwt)).toBe(false);
  });
});
