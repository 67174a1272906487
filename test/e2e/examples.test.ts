import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jwkOf, makeCertificate } from '../kit/client-certificates.ts';
import { type Child, cleanEnvironment, startChild, untilReady } from '../kit/services/child.ts';
import { freePort } from '../kit/services/free-port.ts';
import { sendOver } from '../protocol/kit/over-tls.ts';
import { ada, bob, openStage, openWindow, people, type Stage, signIn } from './kit.ts';

const program = (name: string) => join(import.meta.dirname, '../../examples', name);
const secretOf = (clientId: string) => `the secret of ${clientId}, thirty-two long`;
const orders = 'https://orders.example';
const ledger = 'https://ledger.example';
const invoices = 'https://billing.example';

let stage: Stage;
let webUrl: string;
const running: Child[] = [];

beforeAll(async () => {
  const webPort = await freePort();
  webUrl = `http://localhost:${webPort}`;
  const seed = {
    ...people,
    resources: [
      resource(invoices, 'jwt', ['invoices:read']),
      resource(orders, 'jwt', ['orders:read', 'orders:write']),
      resource(ledger, 'opaque', ['orders:read']),
    ],
    clients: [
      {
        ...client('web-app'),
        client_name: 'Web app',
        redirect_uris: [`${webUrl}/callback`],
        post_logout_redirect_uris: [`${webUrl}/`],
      },
      { ...client('orders-api'), grant_types: ['client_credentials'] },
      {
        ...client('exporter'),
        grant_types: ['client_credentials'],
        resources: [orders, ledger],
        scope: 'orders:read orders:write',
      },
      {
        client_id: 'billing',
        grant_types: ['client_credentials'],
        resources: [invoices],
        token_endpoint_auth_method: 'self_signed_tls_client_auth',
        tls_client_certificate_bound_access_tokens: true,
        jwks: { keys: [jwkOf(pairs.service)] },
      },
    ],
  };
  const { cert, key } = pairs.server.files;
  const env = { POSTERN_MTLS__PORT: String(await freePort()), POSTERN_MTLS__CERT: cert, POSTERN_MTLS__KEY: key };
  stage = await openStage(seed, { env });
  await start('web-app/server.mjs', 'web-app', webPort);
});
afterAll(async () => {
  await Promise.all(running.map((child) => child.stop()));
  await stage?.close();
});

const client = (clientId: string) => ({ client_id: clientId, client_secret: secretOf(clientId) });
const resource = (identifier: string, format: string, scopes: string[]) => ({
  identifier,
  access_token_format: format,
  scopes: scopes.map((name) => ({ name, description: name })),
  introspection_clients: ['orders-api'],
});

/** What the service has to show, and the servers that it goes to. */
const pairs = {
  service: makeCertificate(),
  thief: makeCertificate(),
  server: makeCertificate({ names: 'DNS:localhost' }),
};

const environment = (clientId: string) => ({
  ...cleanEnvironment(),
  ISSUER: stage.server.url,
  CLIENT_ID: clientId,
  CLIENT_SECRET: secretOf(clientId),
});

async function start(name: string, clientId: string, port: number, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const child = startChild(process.execPath, [program(name)], {
    env: { ...environment(clientId), PORT: String(port), ...env },
  });
  running.push(child);
  await untilReady(child, () => fetch(`http://127.0.0.1:${port}/`).then(() => true), { what: name, within: 60_000 });
}

/** Starts the API for one audience and returns its address. */
async function startApi(audience: string): Promise<string> {
  const port = await freePort();
  await start('api/server.mjs', 'orders-api', port, { AUDIENCE: audience });
  return `http://127.0.0.1:${port}/orders`;
}

/** Runs the service to its end and says what it wrote; it fails when the API refuses it. */
async function runService(env: NodeJS.ProcessEnv, code = 0): Promise<string> {
  const child = startChild(process.execPath, [program('service-client/client.mjs')], {
    env: { ...environment('exporter'), ...env },
  });
  expect((await child.exited).code, child.stderr()).toBe(code);
  return child.stdout();
}

describe('the sample web app', () => {
  it('signs in, shows who it is, and signs out of both', async () => {
    const page = await openWindow(stage);
    await page.goto(webUrl);
    await page.click('#sign-in');
    await signIn(page, ada);
    await page.click('#consent-allow');
    expect(await page.textContent('h1')).toBe('Signed in as Ada Lovelace');
    expect(await page.textContent('#claims')).toContain(ada.email);

    await page.click('#sign-out');
    await page.click('#logout-yes');
    await page.waitForURL(`${webUrl}/`);
    await page.click('#sign-in');
    expect(await page.locator('#login-page').count()).toBe(1);
  });

  it('says that nobody is signed in when the person goes back, and lets them start again', async () => {
    const page = await openWindow(stage);
    await page.goto(webUrl);
    await page.click('#sign-in');
    await page.click('#deny');
    expect(await page.textContent('h1')).toBe('Not signed in');
    await page.getByText('Start again').click();
    await page.click('#sign-in');
    await signIn(page, bob);
    await page.click('#consent-allow');
    expect(await page.textContent('h1')).toBe('Signed in as Bob Barnacle');
  });

  it('takes no answer that its own browser did not ask for', async () => {
    const page = await openWindow(stage);
    await page.goto(`${webUrl}/callback?code=stolen&state=guessed`);
    expect(await page.textContent('h1')).toBe('Nobody is signing in here');
  });
});

describe('the sample service and the sample API', () => {
  it('understand each other by JWT', async () => {
    const output = await runService({ RESOURCE: orders, SCOPE: 'orders:read', API_URL: await startApi(orders) });
    expect(output).toContain('200 {"orders":');
    expect(output).toContain('"client":"exporter"');
  });

  it('understand each other by opaque token, which ends when it is revoked', async () => {
    const api = await startApi(ledger);
    expect(await runService({ RESOURCE: ledger, SCOPE: 'orders:read', API_URL: api })).toContain('200 {"orders":');

    const form = { grant_type: 'client_credentials', resource: ledger, scope: 'orders:read' };
    const { access_token: token } = (await (await post('/token', form)).json()) as { access_token: string };
    expect((await call(api, token)).status).toBe(200);
    await post('/revoke', { token });
    expect((await call(api, token)).status).toBe(401);
  });

  it('let nobody in without a token, with a token for another API, or without the scope', async () => {
    const api = await startApi(orders);
    const bare = await fetch(api);
    expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await runService({ RESOURCE: ledger, SCOPE: 'orders:read', API_URL: api }, 1)).toContain(
      '401 {"error":"invalid_token"}',
    );
    const weak = await runService({ RESOURCE: orders, SCOPE: 'orders:write', API_URL: api }, 1);
    expect(weak).toContain('403 {"error":"insufficient_scope"}');
  });
});

describe('the sample service with a certificate, and its API', () => {
  const files = ({ cert, key }: { cert: string; key: string }) => ({ CERT: cert, KEY: key });
  const common = () => ({ ...cleanEnvironment(), ISSUER: stage.server.url });
  const runClient = async (pair: typeof pairs.service, env: NodeJS.ProcessEnv) => {
    const own = { CLIENT_ID: 'billing', CA: pairs.server.files.cert, ...files(pair.files), ...env };
    const child = startChild(process.execPath, [program('mtls-service/client.mjs')], { env: { ...common(), ...own } });
    const { code } = await child.exited;
    return { code, text: child.stdout() };
  };

  it('understand each other, and let nobody else use the token', async () => {
    const port = await freePort();
    const env = { ...common(), ...files(pairs.server.files), AUDIENCE: invoices, PORT: String(port) };
    const api = startChild(process.execPath, [program('mtls-service/api.mjs')], { env });
    running.push(api);
    await untilReady(api, async () => api.stdout().includes('https://'), { what: 'the API', within: 60_000 });
    const url = `https://localhost:${port}/`;
    const right = await runClient(pairs.service, { API_URL: url });
    expect([right.code, right.text]).toEqual([0, expect.stringContaining(`200 {"client":"billing"`)]);
    expect((await runClient(pairs.thief, { API_URL: url })).code).toBe(1);
    const showsNothing = await sendOver(url, { headers: { authorization: 'Bearer x' } });
    expect(showsNothing.status).toBe(401);
    const bare = await sendOver(url, { shows: pairs.service });
    expect(bare.status).toBe(401);
    const alias = `https://localhost:${stage.server.env['POSTERN_MTLS__PORT']}/token`;
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'billing' }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const given = await sendOver(alias, { method: 'POST', headers, body, shows: pairs.service });
    const authorization = `Bearer ${String(given.body['access_token'])}`;
    const answers = [pairs.service, pairs.thief, undefined].map((shows) =>
      sendOver(url, { headers: { authorization }, shows }),
    );
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 401, 401]);
  });
});

const call = (api: string, token: string) => fetch(api, { headers: { authorization: `Bearer ${token}` } });

function post(path: string, form: Record<string, string>): Promise<Response> {
  const basic = Buffer.from(`exporter:${encodeURIComponent(secretOf('exporter'))}`).toString('base64');
  return fetch(stage.server.url + path, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams(form),
  });
}
