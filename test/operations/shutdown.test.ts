import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Browser, formOf } from '../kit/browser.ts';
import { appOf, type Operator, openOperator, untilServed } from '../kit/operator.ts';
import { type RelyingApp, redirectUri } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';
import { logLines, takenPort } from './kit.ts';

const ada = { email: 'ada@example.org', password: 'lamp oil for the lighthouse' };
const books = { client_id: 'books', client_secret: 'b'.repeat(40) };
/** The whole shutdown, in milliseconds. */
const limit = 10_000;

let operator: Operator;
let app: RelyingApp;
/** A relying party that accepts connections and never answers. */
let silent: Awaited<ReturnType<typeof takenPort>>;

async function open(settings = {}): Promise<void> {
  operator = await openOperator();
  await operator.apply({
    settings,
    users: [{ ...ada, email_verified: true }],
    clients: [
      {
        ...books,
        grant_types: ['authorization_code', 'client_credentials'],
        redirect_uris: [redirectUri],
        backchannel_logout_uri: `http://127.0.0.1:${silent.port}/ended`,
      },
    ],
  });
  app = appOf(operator.server, books.client_id, books.client_secret);
  await untilServed(app);
}

beforeAll(async () => {
  silent = await takenPort();
});
afterEach(() => operator.close());
afterAll(() => silent.free());

/** Sends SIGTERM; resolves to how it ended and how long that took, in milliseconds. */
async function terminate(): Promise<{ code: number | null; took: number }> {
  const began = performance.now();
  process.kill(operator.server.pid, 'SIGTERM');
  const { code } = await operator.server.exited;
  return { code, took: performance.now() - began };
}
const readiness = async (): Promise<number> => (await fetch(`${operator.server.managementUrl}/health/ready`)).status;

describe('a server that is told to stop', () => {
  it('says DOWN, takes nobody new, finishes what is under way, and ends with 0', async () => {
    await open();
    const calls = await Promise.all(Array.from({ length: 3 }, startSignIn));
    const stopping = terminate();
    await until('it is not ready', async () => (await readiness()) === 503);
    const late = connect(operator.server.port, '127.0.0.1');
    const refusal = new Promise((resolve) => late.once('error', resolve));
    expect(await refusal).toMatchObject({ code: 'ECONNREFUSED' });
    // Only now is there anything to answer: all of them were under way when it was told to stop.
    expect(await Promise.all(calls.map(({ finish }) => finish()))).toEqual([303, 303, 303]);
    // What came before was ours to send: however long that took is no time of the server's.
    const answered = performance.now();
    expect((await stopping).code).toBe(0);
    expect(performance.now() - answered).toBeLessThan(limit);
    expect(logLines(operator.server.stdout()).at(-1)).toMatchObject({ msg: 'stopped' });
    expect(operator.server.stderr()).toBe('');
  });

  it('does not wait for those who keep their connections and go on asking', async () => {
    await open();
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const statuses: number[] = [];
    const cut: string[] = [];
    const ask = (): Promise<boolean> =>
      new Promise((resolve) => {
        const { port } = operator.server;
        const call = request({ agent, port, host: '127.0.0.1', path: '/jwks' }, (answer) => {
          statuses.push(answer.statusCode ?? 0);
          answer.resume().once('close', () => resolve(true));
        });
        call.once('error', (error: NodeJS.ErrnoException) => {
          cut.push(error.code ?? '');
          resolve(false);
        });
        call.end();
      });
    const callers = Array.from({ length: 8 }, async () => {
      while (await ask());
    });
    await until('they are asking', () => statuses.length > 100);
    const { code, took } = await terminate();
    expect(code).toBe(0);
    expect(took).toBeLessThan(6_000);
    await Promise.all(callers);
    agent.destroy();
    expect(new Set(statuses)).toEqual(new Set([200]));
    // Refused, or reset in the moment in which the server closed an idle connection: never half an answer.
    for (const code of cut) expect(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']).toContain(code);
  });

  it('cuts what never ends: a request that is never sent whole, and an app that never answers', async () => {
    await open();
    const { browser } = await app.tokens(ada);
    expect(browser.cookies()).not.toEqual([]);
    await operator.json('user', 'sign-out', ada.email);
    const half = connect(operator.server.port, '127.0.0.1');
    half.on('error', () => undefined);
    half.write('POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n');
    await once(half, 'data');
    half.write('half');
    await until('the app is being told', () => silent.connections() > 0);
    const { code, took } = await terminate();
    expect(code).toBe(0);
    expect(took).toBeGreaterThan(5_000);
    expect(took).toBeLessThan(limit);
  });
});

/** Begins to send the sign-in page's form; resolves once the server takes it, with how to send the rest and its answer. */
async function startSignIn(): Promise<{ finish(): Promise<number | undefined> }> {
  const browser = new Browser();
  const page = await browser.open(app.request().url);
  const { action, fields } = formOf(page, 'login-submit');
  const body = new URLSearchParams({ ...fields, login: ada.email, password: ada.password }).toString();
  const call = request(new URL(action, page.url), {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(body),
      cookie: browser
        .cookies()
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
      origin: operator.server.url,
      // The server's word that it has begun with this request.
      expect: '100-continue',
    },
  });
  const answer = new Promise<number | undefined>((resolve, reject) => {
    call.once('error', reject);
    call.once('response', (response) => resolve(response.resume().statusCode));
  });
  call.flushHeaders();
  await once(call, 'continue');
  call.write(body.slice(0, -1));
  const finish = () => {
    call.end(body.slice(-1));
    return answer;
  };
  return { finish };
}
