import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, isBack, type RelyingApp, send } from '../kit/relying-app.ts';
import { addApi, addService, api, apiTokens, offlineTokens } from '../protocol/kit/apps.ts';
import { addDevice, approve, poll, startDevice, typeCode } from '../protocol/kit/device.ts';
import { operatorOf } from '../protocol/kit/operator.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance } from '../protocol/kit/time.ts';

let product: Product;
let app: RelyingApp;
let admin: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  await addApi(product);
  app = await addWebApp(product, { resources: [api] });
  admin = await product.addUser({ administrator: true });
});
afterAll(() => product.stop());

/** The types of the events that the work leaves, in order. */
async function leftBy(work: () => Promise<unknown>): Promise<string[]> {
  const known = new Set((await rows(product.database, 'SELECT id FROM audit_events')).map(({ id }) => id));
  await work();
  const all = await rows(product.database, 'SELECT id, type FROM audit_events ORDER BY time, id');
  return all.filter(({ id }) => !known.has(id)).map(({ type }) => String(type));
}
const eventOf = async ({ headers }: Answer | Page) =>
  (await product.app.core.audit.search({ request: headers.get('x-request-id') ?? '', limit: 10 }))[0];

describe('every change leaves exactly its event', () => {
  it('signing in, allowing and fetching tokens', async () => {
    const person = await product.addUser();
    expect(await leftBy(() => app.tokens(person))).toEqual(['session.started', 'consent.granted', 'token.issued']);
    const { browser } = await app.signIn(person);
    expect(await leftBy(() => browser.open(app.request().url, isBack))).toEqual([]);
  });

  it('refreshing, revoking, and the end of a family', async () => {
    const { body } = await offlineTokens(app, admin);
    let next: Answer | undefined;
    expect(await leftBy(async () => (next = await app.refresh(body['refresh_token'])))).toEqual(['token.issued']);
    expect(await leftBy(() => app.revoke(next?.body['refresh_token']))).toEqual(['token.revoked']);
    expect(await leftBy(() => app.refresh(next?.body['refresh_token']))).toEqual(['token.refused']);
    const second = await offlineTokens(app, admin);
    await app.refresh(second.body['refresh_token']);
    advance(11);
    expect(await leftBy(() => app.refresh(second.body['refresh_token']))).toEqual(['refresh.reused']);
  });

  it('a code that comes again: refused inside its window, reused after it', async () => {
    const { answer, verifier } = await app.signIn(admin);
    const code = answer.get('code') ?? '';
    expect(await leftBy(() => app.exchange(code, verifier))).toEqual(['token.issued']);
    expect(await leftBy(() => app.exchange(code, verifier))).toEqual(['token.refused']);
    advance(11);
    expect(await leftBy(() => app.exchange(code, verifier))).toEqual(['code.reused']);
  });

  it('pushing a request and connecting a device', async () => {
    const device = await addDevice(product);
    expect(await leftBy(() => app.post('/par', Object.fromEntries(new URL(app.request().url).searchParams)))).toEqual([
      'request.pushed',
    ]);
    let codes = { userCode: '', deviceCode: '', complete: '' };
    expect(await leftBy(async () => (codes = await startDevice(device)))).toEqual(['device.started']);
    expect(await leftBy(() => poll(device, codes))).toEqual([]);
    expect(await leftBy(() => approve(product, admin, codes))).toEqual([
      // Not the browser of the sign-ins before.
      'device.new',
      'session.started',
      'consent.granted',
      'device.confirmed',
    ]);
    expect(await leftBy(() => poll(device, codes))).toEqual(['token.issued']);
    const declined = await startDevice(device);
    const browser = new Browser();
    const page = await typeCode(product, browser, declined.userCode);
    expect(await leftBy(() => browser.submit(page, 'deny'))).toEqual(['device.denied']);
  });

  it('declining and signing out', async () => {
    const browser = new Browser();
    const page = await browser.open(app.request().url);
    expect(await leftBy(() => browser.submit(page, 'deny', {}, isBack))).toEqual(['consent.denied']);
    const { browser: signedIn } = await app.signIn(admin);
    const home = await signedIn.open(`${product.url}/`);
    expect(await leftBy(() => signedIn.submit(home, 'sign-out'))).toEqual(['session.ended']);
  });

  it('reading leaves none', async () => {
    const { body } = await apiTokens(app, admin);
    const { browser } = await app.signIn(admin);
    expect(
      await leftBy(async () => {
        await app.introspect(body['access_token']);
        await app.introspect('unknown');
        await app.userinfo(body['access_token']);
        await browser.open(`${product.url}/`);
        await browser.open(`${product.url}/device`);
        await browser.open(`${product.url}/logout`);
        await send(`${product.url}/jwks`);
      }),
    ).toEqual([]);
  });

  it('what an operator and an administrator do', async () => {
    const operator = operatorOf(product);
    const person = await product.addUser();
    const client = await addWebApp(product);
    expect(await leftBy(() => operator.disableUser(person.id))).toEqual(['user.disabled']);
    expect(await leftBy(() => operator.disableUser(person.id))).toEqual([]);
    expect(await leftBy(() => operator.enableUser(person.id))).toEqual(['user.enabled']);
    expect(await leftBy(() => operator.signOutUser(person.id))).toEqual(['user.signed_out']);
    expect(await leftBy(() => operator.disableClient(client.credentials.clientId))).toEqual(['client.disabled']);
    expect(await leftBy(() => operator.enableClient(client.credentials.clientId))).toEqual(['client.enabled']);
    expect(
      await leftBy(() => product.app.core.clients.rotateSecret(client.credentials.clientId, 0, byOperator)),
    ).toEqual(['client.secret_rotated']);
    expect(await leftBy(() => product.app.core.settings.set({ refresh: { graceSeconds: 11 } }, byOperator))).toEqual([
      'settings.changed',
    ]);
    const { browser } = await app.signIn(admin);
    const home = await browser.open(`${product.url}/`);
    expect(
      await leftBy(() => browser.submit(home, 'app-submit', { name: 'New', redirect_uri: 'https://new.example/cb' })),
    ).toEqual(['client.created']);
  });
});

describe('every refusal leaves its event', () => {
  it('of a password, with the person or the HMAC of the login, never the login itself', async () => {
    const attempt = async (login: string) => {
      const browser = new Browser();
      return browser.submit(await browser.open(app.request().url), 'login-submit', {
        login,
        password: 'wrong password here',
      });
    };
    const known = await eventOf(await attempt(admin.email));
    expect(known).toMatchObject({
      type: 'signin.failed',
      outcome: 'failure',
      reason: 'wrong_password',
      subject: admin.id,
      client: app.credentials.clientId,
    });
    const unknown = await eventOf(await attempt('stranger@example.org'));
    expect(unknown).toMatchObject({ type: 'signin.failed', reason: 'unknown_login' });
    expect(unknown).not.toHaveProperty('subject');
    const stored = JSON.stringify(await rows(product.database, 'SELECT * FROM audit_events'));
    for (const secret of ['stranger@example.org', admin.email, 'wrong password here', admin.password])
      expect(stored).not.toContain(secret);
  });

  it('of a person who is not an administrator', async () => {
    const person = await product.addUser();
    const { browser } = await app.signIn(person);
    const page = await browser
      .with({ 'sec-fetch-site': 'same-origin' })
      .post(`${product.url}/apps`, { name: 'x', redirect_uri: 'https://x.example/' });
    expect(page.status).toBe(403);
    expect(await eventOf(page)).toMatchObject({
      type: 'access.denied',
      outcome: 'denied',
      actor: { kind: 'user', id: person.id },
    });
  });

  it('of an authenticated client, each one', async () => {
    const before = (await product.events('token.refused')).length;
    for (let n = 0; n < 5; n += 1) await app.refresh('rt_unknown');
    const events = (await product.events('token.refused')).slice(before);
    expect(events).toHaveLength(5);
    expect(events[0]).toMatchObject({
      outcome: 'denied',
      reason: 'invalid_grant',
      actor: { kind: 'client', id: app.credentials.clientId },
    });
  });

  it('of strangers, one row a minute with its count', async () => {
    const { clientId } = (await addService(product)).credentials;
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: 'wrong' });
    const events = async () =>
      await product.app.core.audit.search({ client: clientId, type: 'token.refused', limit: 100 });
    for (let n = 0; n < 20; n += 1) await send(`${product.url}/token`, { method: 'POST', body });
    expect(await events()).toHaveLength(1);
    advance(61);
    await send(`${product.url}/token`, { method: 'POST', body });
    await product.database.commit({ operations: product.app.core.audit.coalesce.flushDue(), fallback: [] });
    expect((await events()).map(({ details }) => details['count'] ?? 1)).toEqual([20, 1]);
  });

  it('of an authorization request', async () => {
    const page = await new Browser().open(app.request({ redirect_uri: 'https://evil.example/' }).url);
    expect(await eventOf(page)).toMatchObject({
      type: 'request.refused',
      outcome: 'denied',
      reason: 'invalid_redirect_uri',
    });
  });
});

describe('what an event holds', () => {
  it('is where it came from and which request it was, and never a secret', async () => {
    const browser = new Browser({
      'user-agent': 'Test/1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    const { answer, verifier } = await app.signIn(admin, {
      browser,
      parameters: { state: 'secret-state', nonce: 'secret-nonce' },
    });
    const code = answer.get('code') ?? '';
    const exchanged = await app.exchange(code, verifier);
    const [started] = (await product.events('session.started')).slice(-1);
    expect(started).toMatchObject({
      ip: '127.0.0.1',
      user_agent: 'Test/1',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      actor: { kind: 'user', id: admin.id },
    });
    expect(started?.request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect((await eventOf(exchanged))?.type).toBe('token.issued');
    const stored = JSON.stringify(await rows(product.database, 'SELECT * FROM audit_events'));
    const { body } = exchanged;
    const secrets = [
      code,
      verifier,
      app.credentials.clientSecret,
      admin.password,
      'secret-state',
      'secret-nonce',
      ...['access_token', 'refresh_token', 'id_token'].map((name) => String(body[name])),
    ];
    for (const secret of [...secrets, ...browser.cookies().map(({ value }) => value)])
      expect(stored).not.toContain(secret);
  });
});
