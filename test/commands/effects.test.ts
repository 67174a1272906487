import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from '../kit/browser.ts';
import { appOf, type Operator, openOperator, publishedKids, tokenStatus, untilServed } from '../kit/operator.ts';
import { isBack, type RelyingApp, redirectUri } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';

const api = 'https://api.example/';
const ada = { email: 'ada@example.org', password: 'lamp oil for the lighthouse' };
const bob = { email: 'bob@example.org', password: 'a harbour full of herring' };
const books = { client_id: 'books', client_secret: 'b'.repeat(40) };
const service = { client_id: 'service', client_secret: 's'.repeat(40) };
const guard = { client_id: 'guard', client_secret: 'g'.repeat(40) };

let operator: Operator;
let app: RelyingApp;
let watcher: RelyingApp;
/** Where the app is told of ended sessions, and what it was told. */
let listener: Server;
const notices: string[] = [];

beforeAll(async () => {
  listener = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      notices.push(new URLSearchParams(body).get('logout_token') ?? '');
      response.end();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  operator = await openOperator();
  await operator.apply({
    settings: { keys: { publishAhead: 0 } },
    resources: [{ identifier: api, access_token_format: 'jwt', scopes: [], introspection_clients: ['guard'] }],
    users: [ada, bob].map((person) => ({ ...person, email_verified: true })),
    clients: [
      {
        ...books,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        backchannel_logout_uri: `http://127.0.0.1:${port}/ended`,
      },
      { ...service, grant_types: ['client_credentials'], resources: [api] },
      { ...guard, grant_types: ['client_credentials'] },
    ],
  });
  app = appOf(operator.server, books.client_id, books.client_secret);
  watcher = appOf(operator.server, guard.client_id, guard.client_secret);
  await untilServed(watcher);
});
afterAll(async () => {
  await operator.close();
  listener.close();
});

const active = async (by: RelyingApp, token: unknown): Promise<unknown> => (await by.introspect(token)).body['active'];
const offline = { scope: 'openid offline_access', prompt: 'consent' };

/** The error that a silent sign-in brings back, or undefined when this browser is signed in. */
async function silently(browser: Browser): Promise<string | null> {
  const { url } = await browser.open(app.request({ prompt: 'none' }).url, isBack);
  return new URL(url).searchParams.get('error');
}

/** Everything that a person has got here: a browser that is signed in, and tokens that work. */
async function signedIn(person: typeof ada) {
  const { browser, body, status } = await app.tokens(person, offline);
  expect(status).toBe(200);
  expect(await active(app, body['access_token'])).toBe(true);
  expect(await silently(browser)).toBeNull();
  return { browser, access: body['access_token'], refresh: body['refresh_token'], idToken: String(body['id_token']) };
}

describe('commands change the running server', () => {
  it('a new client is served, its rotated secret too, and the former one no longer', async () => {
    const { client_id: id, client_secret: secret } = await operator.json<Record<string, string>>('client', 'create');
    const made = appOf(operator.server, id ?? '', secret ?? '');
    await untilServed(made);
    const rotated = await operator.json<Record<string, string>>('client', 'rotate-secret', id ?? '');
    await until('the former secret is refused', async () => (await tokenStatus(made)) === 401);
    await untilServed(appOf(operator.server, id ?? '', rotated['client_secret'] ?? ''));
  });

  it('with an overlap both secrets work', async () => {
    const { client_id: id, client_secret: secret } = await operator.json<Record<string, string>>('client', 'create');
    const rotation = ['client', 'rotate-secret', id ?? '', '--overlap', '600'];
    const rotated = await operator.json<Record<string, string>>(...rotation);
    await untilServed(appOf(operator.server, id ?? '', rotated['client_secret'] ?? ''));
    expect(await tokenStatus(appOf(operator.server, id ?? '', secret ?? ''))).toBe(200);
  });

  it('a disabled client gets nothing and what it holds ends; enabled again, it begins anew', async () => {
    const machine = appOf(operator.server, service.client_id, service.client_secret);
    const { body } = await machine.token({ grant_type: 'client_credentials' });
    expect(decodeJwt(String(body['access_token'])).aud).toBe(api);
    expect(await active(watcher, body['access_token'])).toBe(true);
    expect(await operator.json('client', 'disable', 'service')).toMatchObject({ disabled: true });
    await until('its token has ended', async () => (await active(watcher, body['access_token'])) === false);
    await until('it is refused', async () => (await tokenStatus(machine)) === 401);
    expect(await operator.json('client', 'enable', 'service')).toMatchObject({ disabled: false });
    await untilServed(machine);
    expect(await active(watcher, body['access_token'])).toBe(false);
  });

  it('a disabled person is out of everything, and once enabled has to sign in', async () => {
    const before = await signedIn(ada);
    expect(await operator.json('user', 'disable', ada.email)).toMatchObject({ disabled: true });
    await until('the access token has ended', async () => (await active(app, before.access)) === false);
    expect((await app.userinfo(before.access)).status).toBe(401);
    expect((await app.refresh(before.refresh)).body['error']).toBe('invalid_grant');
    expect(await silently(before.browser)).toBe('login_required');
    await expect(app.signIn(ada)).rejects.toThrow('(401)');
    expect(await operator.json('user', 'enable', ada.email)).toMatchObject({ disabled: false });
    expect(await silently(before.browser)).toBe('login_required');
    expect((await app.refresh(before.refresh)).body['error']).toBe('invalid_grant');
    await signedIn(ada);
  });

  it('a person who is signed out everywhere loses sessions and tokens, and the app is told', async () => {
    const [first, second] = [await signedIn(bob), await signedIn(bob)];
    notices.length = 0;
    await operator.json('user', 'sign-out', bob.email);
    for (const { browser, access, refresh } of [first, second]) {
      await until('the token has ended', async () => (await active(app, access)) === false);
      expect(await silently(browser)).toBe('login_required');
      expect((await app.refresh(refresh)).body['error']).toBe('invalid_grant');
    }
    await until('the app was told of both', () => notices.length >= 2);
    const { sub } = decodeJwt(first.idToken);
    for (const notice of notices) expect(decodeJwt(notice)).toMatchObject({ sub, aud: 'books' });
    await signedIn(bob);
  });

  it('a setting holds, and a resource with its scope is there', async () => {
    await operator.apply({
      settings: { lifetimes: { accessToken: 77 } },
      resources: [
        {
          identifier: 'https://new.example/',
          access_token_format: 'jwt',
          scopes: [{ name: 'new:read', description: 'Read' }],
        },
      ],
      clients: [{ ...guard, grant_types: ['client_credentials'], scope: 'new:read' }],
    });
    const asked = () => watcher.token({ grant_type: 'client_credentials', scope: 'new:read' });
    await until('the setting holds', async () => (await asked()).body['expires_in'] === 77);
    const { body } = await asked();
    expect(decodeJwt(String(body['access_token']))).toMatchObject({ aud: 'https://new.example/', scope: 'new:read' });
  });

  it('a link of admin recover makes an administrator at the running server', async () => {
    const { url } = await operator.json<{ url: string }>('admin', 'recover');
    expect((await fetch(url)).status).toBe(200);
    await operator.json('admin', 'recover');
    expect((await fetch(url)).status).toBe(410);
  });
});

describe('keys change in the running server', () => {
  const idTokenKid = async (): Promise<unknown> =>
    decodeProtectedHeader(String((await app.tokens(ada)).body['id_token'])).kid;

  it('a rotated key is published and signs, and the former stays published', async () => {
    const former = await idTokenKid();
    const { rotated } = await operator.json<{ rotated: { alg: string; from: string; to: string }[] }>('keys', 'rotate');
    const key = rotated.find(({ alg }) => alg === 'ES256');
    expect(key?.from).toBe(former);
    await until('the new key is published', async () => (await publishedKids(operator.server)).includes(key?.to ?? ''));
    expect(await publishedKids(operator.server)).toContain(former);
    expect(await idTokenKid()).toBe(key?.to);
    const listed = await operator.json<{ kid: string; state: string }[]>('keys', 'list');
    expect(listed.find(({ kid }) => kid === former)?.state).toBe('retired');
  });

  it('a compromised key is gone at once with what it signed, and another one signs', async () => {
    const machine = appOf(operator.server, service.client_id, service.client_secret);
    const { body } = await machine.token({ grant_type: 'client_credentials' });
    const { kid = '' } = decodeProtectedHeader(String(body['access_token']));
    expect(await active(watcher, body['access_token'])).toBe(true);
    const report = await operator.json<{ replacement: string; stops: string[] }>(
      'keys',
      'rotate',
      '--compromised',
      kid,
    );
    expect(report.stops.join(' ')).toContain('JWT access tokens');
    await until('it is not published', async () => !(await publishedKids(operator.server)).includes(kid));
    expect(await active(watcher, body['access_token'])).toBe(false);
    const next = await machine.token({ grant_type: 'client_credentials' });
    expect(decodeProtectedHeader(String(next.body['access_token'])).kid).toBe(report.replacement);
    expect(await active(watcher, next.body['access_token'])).toBe(true);
  });

  it('with the usual settings the next key is published before it signs', async () => {
    await operator.apply({ settings: { keys: { publishAhead: 86_400 } } });
    const signing = await idTokenKid();
    const { waiting } = await operator.json<{ waiting: { kid: string; takes_over_at: string }[] }>('keys', 'rotate');
    expect(waiting).toHaveLength(2);
    await until('both are published', async () => {
      const kids = await publishedKids(operator.server);
      return waiting.every(({ kid }) => kids.includes(kid));
    });
    expect(await idTokenKid()).toBe(signing);
    for (const { takes_over_at } of waiting) expect(Date.parse(takes_over_at)).toBeGreaterThan(Date.now() + 80_000_000);
  });
});

describe('a command beside a busy server', () => {
  it('is served, and so is everybody else', async () => {
    let busy = true;
    const statuses = new Map<number, number>();
    const load = async (): Promise<void> => {
      while (busy) {
        const status = await tokenStatus(watcher);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const workers = Array.from({ length: 16 }, load);
    await until('the load runs', () => (statuses.get(200) ?? 0) > 50);
    const made = await operator.json<Record<string, string>>('client', 'create');
    const disabled = await operator.run('user', 'disable', bob.email);
    busy = false;
    await Promise.all(workers);
    expect(disabled.code).toBe(0);
    await untilServed(appOf(operator.server, made['client_id'] ?? '', made['client_secret'] ?? ''));
    expect([...statuses.keys()]).toEqual([200]);
  });
});
