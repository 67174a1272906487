import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificate, makeCertificate } from '../kit/services/certificate.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { type Nginx, startNginx } from '../kit/services/nginx.ts';
import {
  ada,
  authorizationUrl,
  bob,
  type Harbour,
  harbourClient,
  openHarbour,
  openStage,
  openWindow,
  people,
  type Stage,
  signIn,
  watch,
} from './kit.ts';

let folder: TemporaryFolder;
let certificate: Certificate;
let harbour: Harbour;

beforeAll(async () => {
  folder = temporaryFolder('https', { mode: 0o755 });
  certificate = makeCertificate(folder.path);
  harbour = await openHarbour();
});
afterAll(async () => {
  await harbour?.close();
  folder?.remove();
});

const seed = () => ({ ...people, clients: [harbourClient(harbour)] });

/** Signs in from the app and back to it. Returns the window. */
async function signInThrough(stage: Stage, person = ada): Promise<Page> {
  const page = await openWindow(stage, { ignoreHTTPSErrors: true });
  const { complaints } = watch(page.context(), [stage.server.url, harbour.url]);
  await page.goto(authorizationUrl(stage, harbour));
  expect(new URL(page.url()).origin).toBe(stage.server.url);
  await signIn(page, person);
  await page.click('#consent-allow');
  await page.waitForURL(`${harbour.callback}?*`);
  expect(complaints).toEqual([]);
  return page;
}

/** Everything that holds on https, whoever ends TLS. */
async function expectSecure(stage: Stage, page: Page): Promise<void> {
  const cookies = await page.context().cookies(stage.server.url);
  const session = cookies.find(({ name }) => name === '__Host-session');
  expect(session).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', path: '/' });
  expect(cookies.filter(({ name, secure }) => !secure || !/^__(Host|Secure)-/.test(name))).toEqual([]);

  const answer = await page.request.get(`${stage.server.url}/.well-known/openid-configuration`);
  expect(answer.headers()['strict-transport-security']).toBe('max-age=31536000');
  const document = (await answer.json()) as Record<string, unknown>;
  const addresses = Object.entries(document).filter(([name]) => name.endsWith('_endpoint') || name === 'jwks_uri');
  expect(addresses.filter(([, address]) => !String(address).startsWith(`${stage.server.url}/`))).toEqual([]);

  const start = await openWindow(stage, { ignoreHTTPSErrors: true });
  const pending = await start.goto(authorizationUrl(stage, harbour));
  expect(pending?.headers()['strict-transport-security']).toBe('max-age=31536000');
  const interaction = (await start.context().cookies(start.url())).find(({ name }) => name === '__Secure-interaction');
  expect(interaction).toMatchObject({ secure: true, httpOnly: true, path: new URL(start.url()).pathname });
}

describe('Postern with a certificate of its own', () => {
  let stage: Stage;
  beforeAll(async () => {
    const port = String(await freePort());
    const env = {
      POSTERN_PORT: port,
      POSTERN_ISSUER: `https://localhost:${port}`,
      POSTERN_TLS__CERT: certificate.cert,
      POSTERN_TLS__KEY: certificate.key,
    };
    stage = await openStage(seed(), { env });
  });
  afterAll(() => stage?.close());

  it('signs in over https, with cookies that leave it over https only', async () => {
    await expectSecure(stage, await signInThrough(stage));
  });

  it('takes a renewed certificate without a restart', async () => {
    const before = await serialOf(stage.server.port);
    makeCertificate(folder.path);
    await expect.poll(() => serialOf(stage.server.port), { interval: 500 }).not.toBe(before);
    await signInThrough(stage, bob);
  });
});

/** The serial number of the certificate that the server shows now. */
function serialOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

describe('Postern behind nginx, as docs/proxies/nginx.conf has it', () => {
  let stage: Stage;
  let nginx: Nginx;
  let plainPort: number;
  beforeAll(async () => {
    const [port, inner] = [await freePort(), await freePort()];
    plainPort = await freePort();
    const issuer = `https://localhost:${port}`;
    const recipe = readFileSync(join(import.meta.dirname, '../../docs/proxies/nginx.conf'), 'utf8');
    const http = replaceAll(recipe, {
      'server 127.0.0.1:8080': `server 127.0.0.1:${inner}`,
      'listen 80': `listen 127.0.0.1:${plainPort}`,
      'listen 443': `listen 127.0.0.1:${port}`,
      'return 308 https://login.example.org': `return 308 ${issuer}`,
      'server_name login.example.org': 'server_name localhost',
      '/etc/letsencrypt/live/login.example.org/fullchain.pem': certificate.cert,
      '/etc/letsencrypt/live/login.example.org/privkey.pem': certificate.key,
      '/var/log/nginx/postern.log': join(folder.path, 'access.log'),
    });
    nginx = await startNginx({ http: () => http, port });
    const env = { POSTERN_PORT: String(inner), POSTERN_ISSUER: issuer, POSTERN_TRUST_PROXY: '127.0.0.1/32' };
    stage = await openStage(seed(), { env });
  });
  afterAll(async () => {
    await stage?.close();
    await nginx?.stop();
  });

  it('signs in over https, with cookies that leave it over https only', async () => {
    await expectSecure(stage, await signInThrough(stage));
  });

  it('leads plain http to https', async () => {
    const answer = await fetch(`http://127.0.0.1:${plainPort}/setup?key=x`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([308, `${stage.server.url}/setup?key=x`]);
  });

  it('writes the caller’s address into the audit, not one that the caller claims', async () => {
    const page = await openWindow(stage, {
      ignoreHTTPSErrors: true,
      extraHTTPHeaders: { 'x-forwarded-for': '203.0.113.9' },
    });
    await page.goto(authorizationUrl(stage, harbour, { login_hint: 'nobody' }));
    await signIn(page, { email: bob.email, password: 'not this one either' });
    const { stdout } = await stage.run('audit', '--type', 'signin.failed', '--json');
    expect(stdout).toContain('"ip":"127.0.0.1"');
    expect(stdout).not.toContain('203.0.113.9');
  });

  it('keeps codes and links out of its access log', async () => {
    await fetch(`http://127.0.0.1:${plainPort}/`, { redirect: 'manual' });
    const log = readFileSync(join(folder.path, 'access.log'), 'utf8');
    expect(log).toContain('"GET /authorize"');
    expect(log).not.toMatch(/[?&](code|state|key|client_id)=/);
  });
});

/** Replaces each text, which must be there: a recipe that changed must not be tested in part. */
function replaceAll(text: string, replacements: Readonly<Record<string, string>>): string {
  for (const [from, to] of Object.entries(replacements)) {
    expect(text, `the recipe has lost: ${from}`).toContain(from);
    text = text.replaceAll(from, to);
  }
  return text;
}
