import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logFields } from '../../src/foundation/observe/log.ts';
import { Browser } from '../kit/browser.ts';
import { appOf, type Operator, openOperator, untilServed } from '../kit/operator.ts';
import { type RelyingApp, redirectUri, send } from '../kit/relying-app.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import { until } from '../kit/until.ts';
import { logLines } from './kit.ts';

const ada = { email: 'ada@example.org', password: 'lamp oil for the lighthouse' };
const books = { client_id: 'books', client_secret: 'b'.repeat(40) };
/** Authenticates in the form, where it may: the seed says `client_secret_post`. */
const post = { client_id: 'poster', client_secret: 'p'.repeat(40) };
const seed = {
  users: [{ ...ada, email_verified: true }],
  clients: [
    { ...books, grant_types: ['authorization_code', 'client_credentials'], redirect_uris: [redirectUri] },
    { ...post, token_endpoint_auth_method: 'client_secret_post', redirect_uris: [redirectUri] },
  ],
};

async function open(env: NodeJS.ProcessEnv): Promise<{ operator: Operator; app: RelyingApp }> {
  const operator = await openOperator({ env });
  await operator.apply(seed);
  const app = appOf(operator.server, books.client_id, books.client_secret);
  await untilServed(app);
  return { operator, app };
}

/**
 * One refused request for tokens, from the address that it claims; returns the address that the audit holds. The client
 * authenticates, for refusals of strangers are told together.
 */
async function addressOf({ operator }: Awaited<ReturnType<typeof open>>, forwarded: string): Promise<unknown> {
  const { status, headers } = await send(`${operator.server.url}/token`, {
    method: 'POST',
    headers: { 'x-forwarded-for': forwarded, 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    body: new URLSearchParams({ grant_type: 'authorization_code', code: 'none', redirect_uri: redirectUri, ...post }),
  });
  expect(status).toBe(400);
  const { stdout } = await operator.run('audit', '--json', '--request', headers.get('x-request-id') ?? '');
  return (JSON.parse(stdout) as { ip: string }).ip;
}

describe('a server behind nobody', () => {
  let folder: TemporaryFolder;
  let logs: string;
  let open1: Awaited<ReturnType<typeof open>>;
  /** Opened first, so that its time runs out while other things are tested. */
  let slow: Promise<{ readonly text: string; readonly after: number }>;

  beforeAll(async () => {
    folder = temporaryFolder('logs');
    logs = join(folder.path, 'logs');
    open1 = await open({ POSTERN_LOG__FILE: join(logs, 'postern.log'), POSTERN_LOG__LEVEL: 'debug' });
    slow = dawdle(open1.operator.server.port);
  });
  afterAll(async () => {
    await open1.operator.close();
    folder.remove();
  });
  const readLog = () =>
    logLines(
      readdirSync(logs)
        .map((name) => readFileSync(join(logs, name), 'utf8'))
        .join(''),
    );

  it('logs each request once, in the documented fields, under the id that the answer carries', async () => {
    const { app, operator } = open1;
    const { headers } = await app.exchange('no-code-of-ours', 'no-verifier');
    const id = headers.get('x-request-id');
    const mine = () => readLog().filter(({ request_id }) => request_id === id);
    await until('the line is written', () => mine().length > 0);
    expect(mine()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
        request_id: id,
        method: 'POST',
        route: 'token',
        status: 400,
        duration_ms: expect.any(Number) as unknown,
        client: 'books',
        ip: '127.0.0.1',
        msg: 'request',
      },
    ]);
    const { stdout } = await operator.run('audit', '--json', '--request', id ?? '');
    expect(JSON.parse(stdout)).toMatchObject({ type: 'token.refused', request_id: id, client: 'books' });
  });

  it('takes no request id from a caller', async () => {
    const { headers } = await send(`${open1.operator.server.url}/jwks`, { headers: { 'x-request-id': 'mine' } });
    expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  });

  it('writes no address, query, code, password or cookie into its log', async () => {
    const { app } = open1;
    const { answer, verifier, browser } = await app.signIn(ada, { parameters: { state: 'a-state-to-look-for' } });
    const code = answer.get('code') ?? '';
    const tokens = await app.exchange(code, verifier);
    const wrong = new Browser();
    const page = await wrong.open(app.request({ login_hint: 'hint@example.org' }).url);
    await wrong.submit(page, 'login-submit', { login: ada.email, password: 'wrong-password-to-look-for' });
    await browser.get(`${app.request().url}&more=%00`);
    const last = await send(`${open1.operator.server.url}/nowhere?secret=query-to-look-for`);
    const id = last.headers.get('x-request-id');
    await until('the last line is written', () => readLog().some(({ request_id }) => request_id === id));
    const lines = readLog();
    const text = JSON.stringify(lines);
    const canaries = [code, verifier, 'a-state-to-look-for', ada.password, 'wrong-password-to-look-for', ada.email];
    canaries.push(
      'query-to-look-for',
      'hint@example.org',
      '?',
      String(tokens.body['access_token']),
      books.client_secret,
    );
    canaries.push(...browser.cookies().map(({ value }) => value));
    for (const canary of canaries) expect(text).not.toContain(canary);
    const known = new Set([...Object.keys(logFields), 'issuer', 'port', 'management_port', 'argon2', 'migrations']);
    expect(lines.flatMap((line) => Object.keys(line)).filter((field) => !known.has(field))).toEqual([]);
  });

  it('believes no X-Forwarded-For', async () => {
    expect(await addressOf(open1, '203.0.113.7')).toBe('127.0.0.1');
  });

  it('cuts a request that comes a header at a time', async () => {
    const { text, after } = await slow;
    expect(text).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(after).toBeGreaterThan(10_000);
    expect(after).toBeLessThan(25_000);
  });
});

describe('a server behind a proxy, with a log on a full disk', () => {
  let folder: TemporaryFolder;
  let open2: Awaited<ReturnType<typeof open>>;

  beforeAll(async () => {
    folder = temporaryFolder('full');
    mkdirSync(join(folder.path, 'logs'));
    // Every write to it fails with ENOSPC, as on a full disk.
    symlinkSync('/dev/full', join(folder.path, 'logs/postern.1.log'));
    const file = join(folder.path, 'logs/postern.log');
    open2 = await open({ POSTERN_TRUST_PROXY: '127.0.0.0/8', POSTERN_LOG__FILE: file });
  });
  afterAll(() => folder.remove());

  it('signs people in all the same, and tells the operator once', async () => {
    const { app, operator } = open2;
    for (let time = 0; time < 5; time += 1) expect((await app.tokens(ada)).status).toBe(200);
    await until('the operator is told', () => operator.server.stderr() !== '');
    expect(operator.server.stderr()).toMatch(/^Log lines are being lost: .*ENOSPC.*\n$/);
  });

  it('takes the address that the proxy names, and not the one that the caller put before it', async () => {
    expect(await addressOf(open2, '203.0.113.7')).toBe('203.0.113.7');
    expect(await addressOf(open2, '198.51.100.1, 203.0.113.8')).toBe('203.0.113.8');
    expect(await addressOf(open2, '198.51.100.1, nonsense')).toBe('127.0.0.1');
  });

  it('lets neither Host nor X-Forwarded-Host change an address', async () => {
    const { url } = open2.operator.server;
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    };
    const { body } = await send(`${url}/.well-known/openid-configuration`, { headers });
    expect(JSON.stringify(body)).not.toContain('evil');
    expect(body['issuer']).toBe(url);
  });

  it('ends with 0 although the last lines cannot be written', async () => {
    const { operator } = open2;
    const began = performance.now();
    expect((await operator.server.stop()).code).toBe(0);
    expect(performance.now() - began).toBeLessThan(5_000);
    await operator.close();
  });
});

/** Sends a header line every second for ever; resolves when the server ends it, with what it said and after how long (ms). */
function dawdle(port: number): Promise<{ readonly text: string; readonly after: number }> {
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let lines = 0;
    const next = setInterval(() => {
      lines += 1;
      socket.write(`X-Line-${lines}: more\r\n`);
    }, 1_000);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(next);
      resolve({ text, after: performance.now() - began });
    });
  });
}
