import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp, walk } from '../kit/relying-app.ts';
import { patiently } from '../kit/until.ts';
import { addApi, addService, api, apiTokens, isActive, offlineTokens } from '../protocol/kit/apps.ts';
import { assertionFor, makeClientKey, postWithAssertion } from '../protocol/kit/assertion.ts';
import { addDevice, approve, poll, startDevice } from '../protocol/kit/device.ts';
import { partsOf } from '../protocol/kit/forge.ts';
import { operatorOf } from '../protocol/kit/operator.ts';
import { ENGINES, type Server } from './kit/engines.ts';

const servers = ENGINES.filter(({ engine }) => engine !== 'sqlite');
const racers = 64;

/** A place that takes logout tokens. */
async function listenForLogout() {
  const taken: string[] = [];
  const listener = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => taken.push(chunk.toString()));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/logout`, taken, stop: () => listener.close() };
}

describe.each(servers)('the whole product on $name', ({ start }) => {
  let server: Server;
  let product: Product;
  let node: Product;
  let app: RelyingApp;
  let user: TestUser & { readonly id: string };
  let logout: Awaited<ReturnType<typeof listenForLogout>>;

  beforeAll(async () => {
    server = await start();
    logout = await listenForLogout();
    product = await startProduct({ databaseUrl: await server.createDatabase('product') });
    node = await startProduct(product.node);
    await addApi(product);
    app = await addWebApp(product, { resources: [api], backchannel_logout_uri: logout.url });
    user = await product.addUser();
  });
  afterAll(async () => {
    await node?.stop();
    await product?.stop();
    logout?.stop();
    await server?.stop();
  });

  it('makes the first administrator, who is signed in', async () => {
    const by = { actor: { kind: 'system' }, facts: {} } as const;
    const { secret } = await product.app.core.users.links.create('set-up', { ttlSeconds: 600 }, by);
    const browser = new Browser();
    const form = { email: 'first@example.org', password: 'a long enough password' };
    expect((await browser.post(`${product.url}/setup?key=${secret}`, form)).status).toBe(303);
    expect((await browser.open(product.url)).text).toContain('first@example.org');
    expect(await product.events('admin.created')).toHaveLength(1);
  });

  it('signs a person in, asks for consent, and gives tokens that work and are replaced', async () => {
    const { body, status, browser } = await offlineTokens(app, user);
    expect(status).toBe(200);
    expect((await app.userinfo(body['access_token'])).body).toMatchObject({ sub: user.id });
    expect((await app.introspect(body['access_token'])).body).toMatchObject({ active: true, sub: user.id });
    const { body: next, status: refreshed } = await app.refresh(body['refresh_token']);
    expect(refreshed).toBe(200);
    const { answer } = await app.signIn(user, { browser });
    expect(answer.get('code')).toBeTruthy();
    expect((await app.revoke(next['refresh_token'])).status).toBe(200);
    expect(await isActive(app, next['access_token'])).toBe(false);
    expect((await app.refresh(next['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  it('refuses a code that comes again, without hurting what the first use gave', async () => {
    const { answer, verifier } = await app.signIn(user);
    const code = answer.get('code') ?? '';
    const { body } = await app.exchange(code, verifier);
    expect((await app.exchange(code, verifier)).status).toBe(400);
    expect(await isActive(app, body['access_token'])).toBe(true);
  });

  it('gives 64 refreshes at once one successor, and all their access tokens work', async () => {
    const { body } = await offlineTokens(app, user);
    // A busy server says 503, of which nothing is stored, and the client asks again.
    const refresh = async (tries = 5): Promise<Answer> => {
      const answer = await app.refresh(body['refresh_token']);
      return answer.status === 503 && tries > 1 ? refresh(tries - 1) : answer;
    };
    const answers = await Promise.all(Array.from({ length: racers }, () => refresh()));
    expect(answers.map(({ status }) => status)).toEqual(Array(racers).fill(200));
    expect(new Set(answers.map((answer) => answer.body['refresh_token'])).size).toBe(1);
    const alive = await Promise.all(answers.map((answer) => isActive(app, answer.body['access_token'])));
    expect(alive).toEqual(Array(racers).fill(true));
  });

  it('introspects and revokes JWT access tokens', async () => {
    const { body } = await apiTokens(app, user);
    expect(partsOf(body['access_token']).header).toMatchObject({ typ: 'at+jwt' });
    expect(await isActive(app, body['access_token'])).toBe(true);
    await app.revoke(body['access_token']);
    expect(await isActive(app, body['access_token'])).toBe(false);
  });

  it('serves clients on their own, by secret and by an assertion that counts once', async () => {
    const service = await addService(product);
    const { body } = await service.token({ grant_type: 'client_credentials' });
    expect(await isActive(service, body['access_token'])).toBe(true);
    const { jwks, privateKey } = await makeClientKey();
    const { clientId } = await product.addClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
    });
    const assertion = await assertionFor(clientId, product.url, privateKey);
    const asked = () => postWithAssertion(`${product.url}/token`, assertion, { grant_type: 'client_credentials' });
    expect((await asked()).status).toBe(200);
    expect((await asked()).status).toBe(401);
  });

  it('connects a device', async () => {
    const device = await addDevice(product);
    const codes = await startDevice(device);
    expect((await poll(device, codes)).body['error']).toBe('authorization_pending');
    expect((await approve(product, user, codes)).text).toContain('The device is connected');
    expect((await poll(device, codes)).status).toBe(200);
    expect((await poll(device, codes)).body['error']).toBe('invalid_grant');
  });

  it('takes a pushed request once', async () => {
    const { url, verifier } = app.request();
    const pushed = await app.post('/par', Object.fromEntries(new URL(url).searchParams));
    const query = new URLSearchParams({
      client_id: app.credentials.clientId,
      request_uri: String(pushed.body['request_uri']),
    });
    const isBack = (at: string) => at.startsWith('https://app.example/callback');
    const browser = new Browser();
    const page = await walk(browser, await browser.open(`${product.url}/authorize?${query}`, isBack), user);
    expect((await app.exchange(new URL(page.url).searchParams.get('code') ?? '', verifier)).status).toBe(200);
    const again = await browser.open(`${product.url}/authorize?${query}`, isBack);
    expect(again.text + again.url).toContain('invalid_request_uri');
  });

  it('signs a person out and tells the app', async () => {
    const { browser } = await offlineTokens(app, user);
    const told = logout.taken.length;
    const gone = await browser.submit(await browser.open(`${product.url}/logout`), 'logout-yes');
    expect(gone.status).toBe(200);
    await vi.waitFor(() => expect(logout.taken.length).toBe(told + 1), patiently);
    await vi.waitFor(async () => expect(await product.events('logout.notice_delivered')).toHaveLength(1), patiently);
    const page = await browser.open(app.request().url);
    expect(page.text).toContain('id="login-submit"');
  });

  it('refuses a disabled person and a disabled client on every node, and what they hold stays ended', async () => {
    const person = await product.addUser();
    const service = await addService(product);
    const operator = operatorOf(product);
    const { body } = await offlineTokens(app, person);
    const own = await service.token({ grant_type: 'client_credentials' });
    await operator.disableUser(person.id);
    await operator.disableClient(service.credentials.clientId);
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect((await app.refresh(body['refresh_token'])).status).toBe(400);
    await vi.waitFor(async () => {
      const there = node.app.core.clients.find(service.credentials.clientId);
      expect(there?.disabledAt).toBeDefined();
    }, patiently);
    await operator.enableUser(person.id);
    await operator.enableClient(service.credentials.clientId);
    await vi.waitFor(async () => expect((await service.introspect('nothing')).status).toBe(200), patiently);
    expect(await isActive(service, own.body['access_token'])).toBe(false);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  it('rotates its keys on every node', async () => {
    const keyOf = async (at: Product) => (await fetch(`${at.url}/jwks`)).json() as Promise<{ keys: { kid: string }[] }>;
    await product.app.core.settings.set({ keys: { publishAhead: 0 } }, byOperator);
    const before = (await keyOf(node)).keys.map(({ kid }) => kid);
    await product.app.core.signingKeys.rotate(byOperator);
    await vi.waitFor(async () => expect((await keyOf(node)).keys.map(({ kid }) => kid)).not.toEqual(before), patiently);
    const { body } = await app.tokens(user);
    const { kid } = partsOf(body['id_token']).header;
    await vi.waitFor(async () => expect((await keyOf(node)).keys.map((key) => key.kid)).toContain(kid), patiently);
  });

  it('sweeps nothing that is needed', async () => {
    const { body } = await offlineTokens(app, user);
    const outcome = await product.database.commit({ operations: product.app.protocol.sweep(), fallback: [] });
    expect(outcome).toEqual({ committed: true });
    expect((await app.refresh(body['refresh_token'])).status).toBe(200);
    const errors = product.log.lines.filter(({ level }) => level === 'error');
    expect(errors.filter(({ fields }) => (fields['err'] as { code?: string }).code !== 'store_busy')).toEqual([]);
  });
});
