import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, type RelyingApp, send } from '../kit/relying-app.ts';
import { addApi, addService, api, isActive } from './kit/apps.ts';
import { rows } from './kit/tables.ts';
import { advance, days } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let service: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  await addApi(product, { introspection_clients: [] });
  app = await addWebApp(product, { post_logout_redirect_uris: ['https://app.example/bye'] });
  service = await addService(product, { resources: [api] });
  user = await product.addUser();
});
afterAll(() => product.stop());

const keys = () => product.app.core.signingKeys;
const jwks = async (): Promise<JSONWebKeySet> => (await send(`${product.url}/jwks`)).body as unknown as JSONWebKeySet;
const kids = async () => (await jwks()).keys.map(({ kid }) => String(kid));
const newIdToken = async () => String((await app.tokens(user)).body['id_token']);
const newJwt = async () => String((await service.token({ grant_type: 'client_credentials' })).body['access_token']);
const kidOf = (token: string): string => String(decodeProtectedHeader(token).kid);
const current = (alg: 'ES256' | 'RS256' = 'ES256') =>
  String(
    keys()
      .current()
      .active.find((key) => key.alg === alg)?.kid,
  );
/** What the schedule's job and the news of a change do. */
const goOn = async () => {
  await keys().rotateDue();
  product.app.protocol.rebuild();
};
const rotate = async () => {
  const report = await keys().rotate(byOperator);
  product.app.protocol.rebuild();
  return report;
};

describe('signing keys', () => {
  beforeEach(goOn);

  it('are published with nothing private, and a day before they sign', async () => {
    const before = await jwks();
    for (const key of before.keys) {
      expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['d']));
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(key).not.toHaveProperty(member);
      expect(key.use).toBe('sig');
    }
    expect(before.keys.map(({ alg }) => alg).toSorted()).toEqual(['ES256', 'RS256']);
    const first = current();
    const { rotated, waiting } = await rotate();
    expect([rotated, waiting.length]).toEqual([[], 2]);
    expect(kidOf(await newIdToken())).toBe(first);
    const next = waiting.find(({ alg }) => alg === 'ES256')?.kid ?? '';
    expect(await kids()).toEqual(expect.arrayContaining([first, next]));
    advance(days - 60);
    await goOn();
    expect(kidOf(await newIdToken())).toBe(first);
    advance(120);
    await goOn();
    expect(kidOf(await newIdToken())).toBe(next);
  });

  it('verify everywhere before and after, also for an app that fetched them only once', async () => {
    const cached = createLocalJWKSet(await jwks());
    const old = await newIdToken();
    const { waiting } = await rotate();
    expect(waiting).not.toEqual([]);
    // Apps may keep the document for five minutes: one fetched since the key was published knows it.
    advance(300);
    const refetched = createLocalJWKSet(await jwks());
    advance(days);
    await goOn();
    const fresh = await newIdToken();
    expect(kidOf(fresh)).not.toBe(kidOf(old));
    await jwtVerify(old, cached, { currentDate: new Date(Date.now() - days * 1000 - 300_000) });
    await jwtVerify(fresh, refetched);
    await jwtVerify(fresh, createRemoteJWKSet(new URL(`${product.url}/jwks`)));
    expect(await kids()).toEqual(expect.arrayContaining([kidOf(old), kidOf(fresh)]));
  });

  it('stay accepted after they have retired, for JWT access tokens and at logout', async () => {
    await rotate();
    advance(days);
    const jwt = await newJwt();
    const { body, browser } = await app.tokens(user);
    await goOn();
    const hint = String(body['id_token']);
    expect(kidOf(hint)).not.toBe(current());
    expect(await isActive(service, jwt)).toBe(true);
    const page = await browser.open(
      `${product.url}/logout?${new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: 'https://app.example/bye' })}`,
    );
    expect(page.status).toBe(200);
    const gone = await browser.submit(page, 'logout-yes', {}, (url) => url.startsWith('https://app.example/bye'));
    expect(gone.url).toBe('https://app.example/bye');
  });

  it('go from the document once nothing that they signed is of use, at a logout a week later either', async () => {
    const old = current();
    await rotate();
    advance(days + 1);
    await goOn();
    expect(await kids()).toContain(old);
    advance(6 * days);
    await goOn();
    expect(await kids()).toContain(old);
    advance(days + 1);
    await goOn();
    expect(await kids()).not.toContain(old);
  });

  it('are replaced by the schedule alone', async () => {
    const old = current();
    advance(89 * days);
    await goOn();
    advance(days);
    await goOn();
    expect(current()).not.toBe(old);
    expect(kidOf(await newIdToken())).toBe(current());
  });

  it('end at once when they are compromised, with what they signed, and the next signs', async () => {
    const old = current();
    const [jwt, idToken] = [await newJwt(), await newIdToken()];
    expect(await isActive(service, jwt)).toBe(true);
    const report = await keys().compromise(old, byOperator);
    product.app.protocol.rebuild();
    expect(report.replacement).toBe(current());
    expect(await kids()).not.toContain(old);
    expect(await isActive(service, jwt)).toBe(false);
    expect((await service.revoke(jwt)).status).toBe(200);
    const page = await send(`${product.url}/logout?id_token_hint=${idToken}`);
    expect(page.status).toBe(400);
    const fresh = await newIdToken();
    expect(kidOf(fresh)).toBe(report.replacement);
    await jwtVerify(fresh, createRemoteJWKSet(new URL(`${product.url}/jwks`)));
    expect((await product.events('key.compromised')).at(-1)).toMatchObject({ details: { kid: old } });
  });

  it('are stored sealed', async () => {
    const stored = await rows(product.database, 'SELECT private_key FROM signing_keys');
    for (const { private_key } of stored) expect(String(private_key)).not.toMatch(/"d"|PRIVATE KEY/);
  });

  it('change under load without one failed request', async () => {
    let stopped = false;
    const statuses: number[] = [];
    const loop = async () => {
      while (!stopped) statuses.push((await service.token({ grant_type: 'client_credentials' })).status);
    };
    const loops = Array.from({ length: 8 }, loop);
    for (let turn = 0; turn < 3; turn += 1) {
      await rotate();
      advance(days);
      await goOn();
    }
    stopped = true;
    await Promise.all(loops);
    expect(statuses.length).toBeGreaterThan(8);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});
