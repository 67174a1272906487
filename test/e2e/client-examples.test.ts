import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Child, cleanEnvironment, startChild, untilReady } from '../kit/services/child.ts';
import { freePort } from '../kit/services/free-port.ts';
import { until } from '../kit/until.ts';
import { codeOf } from '../mfa/kit.ts';
import { ada, allowIfAsked, bob, openStage, openWindow, people, type Stage, signIn, watch } from './kit.ts';

const program = (name: string) => join(import.meta.dirname, '../../examples', name);
const secret = 'the secret of a client, thirty-two long';
const orders = 'https://orders.example';

let stage: Stage;
let spaUrl: string;
const running: Child[] = [];

beforeAll(async () => {
  const port = await freePort();
  spaUrl = `http://localhost:${port}/`;
  const codes = ['authorization_code', 'refresh_token'];
  stage = await openStage({
    ...people,
    resources: [
      {
        identifier: orders,
        access_token_format: 'jwt',
        scopes: [{ name: 'orders:read', description: 'See your orders' }],
        introspection_clients: ['orders-api'],
      },
    ],
    clients: [
      { client_id: 'orders-api', client_secret: secret, grant_types: ['client_credentials'] },
      {
        client_id: 'bound-export',
        client_secret: secret,
        grant_types: ['client_credentials'],
        resources: [orders],
        scope: 'orders:read',
        dpop_bound_access_tokens: true,
      },
      {
        client_id: 'device-cli',
        token_endpoint_auth_method: 'none',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      },
      {
        client_id: 'native-cli',
        client_name: 'Command line',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: codes,
        redirect_uris: ['http://127.0.0.1/callback'],
        resources: [orders],
      },
      {
        client_id: 'spa',
        client_name: 'Browser app',
        token_endpoint_auth_method: 'none',
        grant_types: codes,
        dpop_bound_access_tokens: true,
        redirect_uris: [spaUrl],
        post_logout_redirect_uris: [spaUrl],
      },
    ],
  });
  await serve('spa/server.mjs', port);
});
afterAll(async () => {
  await Promise.all(running.map((child) => child.stop()));
  await stage?.close();
});

function run(name: string, env: NodeJS.ProcessEnv = {}): Child {
  const child = startChild(process.execPath, [program(name)], {
    env: { ...cleanEnvironment(), ISSUER: stage.server.url, ...env },
  });
  running.push(child);
  return child;
}

async function serve(name: string, port: number, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = run(name, { ...env, PORT: String(port) });
  await untilReady(child, () => fetch(`http://127.0.0.1:${port}/`).then(() => true), { what: name, within: 60_000 });
  return `http://localhost:${port}/orders`;
}

const serveApi = async (env: NodeJS.ProcessEnv = {}): Promise<string> =>
  serve('api/server.mjs', await freePort(), {
    ...env,
    AUDIENCE: orders,
    CLIENT_ID: 'orders-api',
    CLIENT_SECRET: secret,
  });

/** What the program has written so far that matches, the newest last. */
const said = (child: Child, pattern: RegExp): string[] =>
  [...child.stdout().matchAll(pattern)].map(([, found = '']) => found);

describe('the sample browser app, by oidc-client-ts', () => {
  const title = (page: Page) => page.textContent('#title');

  it('signs in, gets new tokens, and signs out of both, all by calls from its own origin', async () => {
    const page = await openWindow(stage);
    const { complaints } = watch(page.context(), [new URL(spaUrl).origin, stage.server.url]);
    const tokens: { dpop: boolean; refresh: string; status: number }[] = [];
    page.on('response', async (response) => {
      const request = response.request();
      if (!response.url().endsWith('/token') || request.method() !== 'POST') return;
      const refresh = new URLSearchParams(request.postData() ?? '').get('refresh_token') ?? '';
      tokens.push({ dpop: request.headers()['dpop'] !== undefined, refresh, status: response.status() });
    });
    await page.goto(spaUrl);
    await page.click('#sign-in');
    await signIn(page, ada);
    await page.click('#consent-allow');
    await until('the app shows its person', async () => (await title(page)) === 'Signed in as Ada Lovelace');
    expect(page.url()).toBe(spaUrl);
    expect(await page.textContent('#claims')).toContain('"token_type": "DPoP"');
    expect(await page.textContent('#claims')).toContain(ada.email);

    for (const times of [2, 3]) {
      await page.click('#renew');
      await until('there are new tokens', () => tokens.length === times);
    }
    expect(tokens.map(({ dpop, status }) => [dpop, status])).toEqual(tokens.map(() => [true, 200]));
    expect(new Set(tokens.map(({ refresh }) => refresh)).size).toBe(3);

    await page.click('#sign-out');
    await page.click('#logout-yes');
    await page.waitForURL(spaUrl);
    await until('nobody is signed in', async () => (await title(page)) === 'Signed out');
    expect(complaints).toEqual([]);
  });

  it('says so when the person goes back', async () => {
    const page = await openWindow(stage);
    await page.goto(spaUrl);
    await page.click('#sign-in');
    await page.click('#deny');
    await until('the app is back', async () => (await title(page)) === 'Not signed in: access_denied');
  });
});

describe('the sample program at the command line', () => {
  it('signs its person in with their browser', async () => {
    const child = run('native-cli/client.mjs');
    await until('it shows an address', () => said(child, /^open (\S+)$/gm).length === 1);
    const page = await openWindow(stage);
    await page.goto(said(child, /^open (\S+)$/gm)[0] ?? '');
    await signIn(page, bob);
    await page.click('#consent-allow');
    await page.waitForSelector('#done');
    expect((await child.exited).code, child.stderr()).toBe(0);
    expect(child.stdout()).toContain('acr urn:postern:acr:1fa');
  });

  it('has them sign in better where an API asks for that', async () => {
    const api = await serveApi({ REQUIRED_ACR: 'urn:postern:acr:2fa', MAX_AGE: '3600' });
    const child = run('native-cli/client.mjs', { API_URL: api, RESOURCE: orders, SCOPE: 'openid orders:read' });
    const opened = () => said(child, /^open (\S+)$/gm);
    await until('it shows an address', () => opened().length === 1);
    const page = await openWindow(stage);
    await page.goto(opened()[0] ?? '');
    await signIn(page, bob);
    await allowIfAsked(page, () => page.locator('#done').isVisible());
    await until('it shows another one', () => opened().length === 2);
    expect(child.stdout()).toContain('the API wants more: {"acr_values":"urn:postern:acr:2fa"}');

    await page.goto(opened()[1] ?? '');
    await page.fill('input[name=code]', codeOf((await page.textContent('#totp-secret')) ?? ''));
    await page.click('#code-submit');
    await page.click('#recovery-done');
    await allowIfAsked(page, () => page.locator('#done').isVisible());
    expect((await child.exited).code, child.stdout() + child.stderr()).toBe(0);
    expect(child.stdout()).toContain('signed in once more, acr urn:postern:acr:2fa');
    expect(child.stdout()).toContain('200 {"orders":');
  });
});

describe('the sample program without a browser', () => {
  const shown = async (child: Child): Promise<string> => {
    await until('it shows a code', () => said(child, /^or open (\S+)$/gm).length === 1);
    return said(child, /^or open (\S+)$/gm)[0] ?? '';
  };

  it('is connected on another device', async () => {
    const child = run('device-cli/client.mjs');
    const page = await openWindow(stage);
    await page.goto(await shown(child));
    await page.click('#device-submit');
    await page.click('#device-confirm');
    await signIn(page, ada);
    await page.click('#consent-allow');
    expect((await child.exited).code, child.stderr()).toBe(0);
    expect(child.stdout()).toContain('connected to Ada Lovelace');
  });

  it('says so when the person declines', async () => {
    const child = run('device-cli/client.mjs');
    const page = await openWindow(stage);
    await page.goto(await shown(child));
    await page.click('#device-submit');
    await page.click('#deny');
    expect((await child.exited).code).toBe(1);
    expect(child.stdout()).toContain('not connected: access_denied');
  });
});

describe('the sample client with a key', () => {
  it('calls the API with a proof; the token alone opens nothing', async () => {
    const env = { CLIENT_ID: 'bound-export', CLIENT_SECRET: secret, RESOURCE: orders, SCOPE: 'orders:read' };
    const child = run('dpop-client/client.mjs', { ...env, API_URL: await serveApi() });
    expect((await child.exited).code, child.stdout() + child.stderr()).toBe(0);
    expect(child.stdout()).toContain('token of type dpop');
    expect(child.stdout()).toContain('200 {"orders":');
    expect(child.stdout()).toContain('without the key: 401');
  });
});
