import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { appOf, type Operator, openOperator, untilServed } from '../kit/operator.ts';
import { type RelyingApp, redirectUri } from '../kit/relying-app.ts';
import { type Postgres, startPostgres } from '../kit/services/postgres.ts';
import { until } from '../kit/until.ts';

const ada = { email: 'ada@example.org', password: 'lamp oil for the lighthouse' };
const books = { client_id: 'books', client_secret: 'b'.repeat(40) };

let postgres: Postgres;
let operator: Operator;
let app: RelyingApp;
beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  const env = {
    POSTERN_DATABASE_URL: postgres.url,
    POSTERN_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
  operator = await openOperator({ env });
  await operator.apply({
    users: [{ ...ada, email_verified: true }],
    clients: [
      {
        ...books,
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        redirect_uris: [redirectUri],
      },
    ],
  });
  app = appOf(operator.server, books.client_id, books.client_secret);
  await untilServed(app);
});
afterAll(async () => {
  await operator?.close();
  await postgres?.stop();
});

interface Health {
  readonly status: string;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail?: string }[];
}
const management = (path: string, init?: RequestInit) => fetch(operator.server.managementUrl + path, init);
async function health(path: string): Promise<{ code: number; body: Health }> {
  const answer = await management(path);
  return { code: answer.status, body: (await answer.json()) as Health };
}
/** The value of a line of the metrics, or 0. */
const metric = (text: string, line: string): number =>
  Number(
    text
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.slice(line.length + 1) ?? 0,
  );

describe('the management port', () => {
  it('says that the server lives, has started and is ready, with its checks', async () => {
    const up = (...names: string[]) => ({
      code: 200,
      body: { status: 'UP', checks: names.map((name) => ({ name, status: 'UP' })) },
    });
    expect(await health('/health/live')).toEqual(up('process'));
    expect(await health('/health/started')).toEqual(up('process'));
    const { code, body } = await health('/health/ready');
    const ready = up('process', 'database', 'keys', 'mail');
    const detail = 'no mail server is configured; nothing is sent';
    expect({ code, body }).toMatchObject(ready);
    expect(body.checks.map((check) => check.detail)).toEqual([undefined, undefined, undefined, detail]);
  });

  it('counts what was served, by route and never by address, person or client', async () => {
    await app.tokens(ada);
    const wrong = new Browser();
    const page = await wrong.open(app.request().url);
    await wrong.submit(page, 'login-submit', { login: ada.email, password: 'not the right password' });
    const answer = await management('/metrics');
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    const request = 'http_server_request_duration_seconds_count';
    expect(metric(text, `${request}{method="POST",route="token",status="200"}`)).toBeGreaterThan(0);
    expect(metric(text, `${request}{method="GET",route="discovery",status="200"}`)).toBeGreaterThan(0);
    expect(metric(text, 'postern_authn_total{method="password",result="success"}')).toBe(1);
    expect(metric(text, 'postern_authn_total{method="password",result="failure"}')).toBe(1);
    const issued = 'postern_tokens_issued_total';
    expect(metric(text, `${issued}{grant_type="authorization_code",token_type="opaque"}`)).toBe(1);
    expect(metric(text, `${issued}{grant_type="client_credentials",token_type="opaque"}`)).toBeGreaterThan(0);
    expect(text).toMatch(/^postern_key_age_seconds\{state="current"\} \d/m);
    for (const name of ['statements', 'units', 'commits']) {
      expect(metric(text, `postern_db_${name}_total`)).toBeGreaterThan(0);
    }
    expect(text).toMatch(/^process_resident_memory_bytes \d/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds \d/m);
    for (const secret of ['books', 'ada', 'example.org', 'state-1', 'interaction/0'])
      expect(text).not.toContain(secret);
  });

  it('knows nothing else, takes GET alone, and is not to be found on the public port', async () => {
    expect((await management('/')).status).toBe(404);
    const posted = await management('/health/live', { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await management('/metrics', { method: 'DELETE' })).status).toBe(405);
    for (const path of ['/metrics', '/health/live', '/health/ready']) {
      expect((await fetch(operator.server.url + path)).status).toBe(404);
    }
  });
});

describe('while the database is gone', () => {
  it('the server is not ready but lives, answers 503 with Retry-After, and recovers by itself', async () => {
    const { body } = await app.tokens(ada, { scope: 'openid offline_access', prompt: 'consent' });
    await postgres.kill9();
    await until('it is not ready', async () => (await health('/health/ready')).code === 503);
    const { body: report } = await health('/health/ready');
    expect(report.status).toBe('DOWN');
    expect(report.checks.find(({ name }) => name === 'database')).toMatchObject({ status: 'DOWN' });
    expect((await health('/health/live')).code).toBe(200);
    expect((await operator.run('healthcheck')).code).toBe(1);

    const refused = await app.refresh(body['refresh_token']);
    expect(refused).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    // Never an allowed request, and never a false "no": an API would sign people out on the strength of it.
    expect((await app.introspect(body['access_token'])).status).toBe(503);
    expect((await app.userinfo(body['access_token'])).status).toBe(503);
    const page = await new Browser().open(app.request().url);
    expect(page.status).toBe(503);
    expect(page.text).toContain('id="op-error"');
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fetch(`${operator.server.url}/jwks`)).status).toBe(200);
    expect(await operator.run('user', 'list')).toMatchObject({ code: 1, stdout: '' });

    await postgres.restart();
    await until('it is ready again', async () => (await health('/health/ready')).code === 200);
    expect((await app.refresh(body['refresh_token'])).status).toBe(200);
    expect((await app.tokens(ada)).status).toBe(200);
  });

  it('it can be stopped all the same, with exit code 0 in time', async () => {
    await postgres.kill9();
    await until('it is not ready', async () => (await health('/health/ready')).code === 503);
    const began = performance.now();
    expect((await operator.server.stop()).code).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    await postgres.restart();
  });
});
