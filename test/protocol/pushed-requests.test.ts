import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, isBack, type RelyingApp, walk } from '../kit/relying-app.ts';
import { addPublicApp } from './kit/apps.ts';
import { rows } from './kit/tables.ts';
import { advance } from './kit/time.ts';

let product: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product);
  user = await product.addUser();
});
afterAll(() => product.stop());

async function push(
  by: RelyingApp,
  parameters: Record<string, string> = {},
): Promise<{ answer: Answer; verifier: string; uri: string }> {
  const { url, verifier } = by.request(parameters);
  const answer = await by.post('/par', Object.fromEntries(new URL(url).searchParams));
  return { answer, verifier, uri: String(answer.body['request_uri']) };
}

const addressOf = (uri: string, clientId = app.credentials.clientId): string =>
  `${product.url}/authorize?${new URLSearchParams({ client_id: clientId, request_uri: uri })}`;
/** The refusal on a page of ours or, as the client has one redirect URI only, told to the client. */
const refusalOf = (page: Page): string | null | undefined =>
  isBack(page.url) ? new URL(page.url).searchParams.get('error') : textOf(page, 'error-code');
const codeOf = (page: Page): string | null => new URL(page.url).searchParams.get('code');

describe('pushed authorization requests (RFC 9126)', () => {
  it('hand over a request behind the person’s back, and lead to tokens', async () => {
    const { answer, verifier, uri } = await push(app, { state: 'pushed', nonce: 'n-2' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toMatchObject({
      expires_in: 60,
      request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:/),
    });
    const browser = new Browser();
    const page = await walk(browser, await browser.open(addressOf(uri), isBack), user);
    expect(new URL(page.url).searchParams.get('state')).toBe('pushed');
    expect((await app.exchange(codeOf(page) ?? '', verifier)).status).toBe(200);
  });

  it('serve once: of 8 that try at the same moment one gets a code', async () => {
    const { browser } = await app.signIn(user);
    for (let round = 0; round < 3; round += 1) {
      const { uri } = await push(app);
      const pages = await Promise.all(Array.from({ length: 8 }, () => browser.copy().open(addressOf(uri), isBack)));
      expect(pages.filter((page) => isBack(page.url) && codeOf(page) !== null)).toHaveLength(1);
      const others = pages.filter((page) => !isBack(page.url) || codeOf(page) === null);
      expect(others.map(refusalOf)).toEqual(Array(7).fill('invalid_request_uri'));
      expect(refusalOf(await browser.open(addressOf(uri), isBack))).toBe('invalid_request_uri');
    }
  });

  it('say everything: what comes beside the reference counts for nothing (RFC 9126 §4)', async () => {
    const { verifier, uri } = await push(app, { state: 'pushed', scope: 'openid' });
    const more = { scope: 'openid email', state: 'other', redirect_uri: 'https://evil.example/', prompt: 'none' };
    const browser = new Browser();
    const page = await walk(
      browser,
      await browser.open(`${addressOf(uri)}&${new URLSearchParams(more)}`, isBack),
      user,
    );
    expect([isBack(page.url), new URL(page.url).searchParams.get('state')]).toEqual([true, 'pushed']);
    expect((await app.exchange(codeOf(page) ?? '', verifier)).body['scope']).toBe('openid');
  });

  it('need to be named with their client', async () => {
    const { uri } = await push(app);
    const nameless = await new Browser().open(`${product.url}/authorize?${new URLSearchParams({ request_uri: uri })}`);
    expect([nameless.status, isBack(nameless.url)]).toEqual([400, false]);
  });

  it('expire', async () => {
    const { uri } = await push(app);
    advance(61);
    const page = await new Browser().open(addressOf(uri), isBack);
    expect(refusalOf(page)).toBe('invalid_request_uri');
  });

  it('belong to the client that pushed them', async () => {
    const other = await addWebApp(product);
    const { uri } = await push(app);
    const page = await new Browser().open(addressOf(uri, other.credentials.clientId), isBack);
    expect(refusalOf(page)).toMatch(/^invalid_request/);
    const forged = await other.post('/par', Object.fromEntries(new URL(app.request().url).searchParams));
    expect(forged.status).toBeGreaterThanOrEqual(400);
  });

  it('are checked when they are pushed', async () => {
    const wrong: [Record<string, string>, string][] = [
      [{ redirect_uri: 'https://evil.example/' }, 'invalid_request'],
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ code_challenge_method: 'plain' }, 'invalid_request'],
      [{ scope: 'openid "' }, 'invalid_scope'],
      [{ request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 'request_uri_not_supported'],
    ];
    for (const [parameters, error] of wrong) {
      const { answer } = await push(app, parameters);
      expect([answer.status, answer.body['error']]).toEqual([400, error]);
    }
  });

  it('need the client to prove who it is', async () => {
    const { url } = app.request();
    const wrong = await app.post('/par', { ...Object.fromEntries(new URL(url).searchParams), client_secret: 'wrong' });
    expect(wrong.status).toBe(400);
    const native = await addPublicApp(product);
    expect((await push(native)).answer.status).toBe(201);
  });

  it('are demanded of a client that has to push', async () => {
    const strict = await addWebApp(product, { require_pushed_authorization_requests: true });
    const page = await new Browser().open(strict.request().url, isBack);
    expect(new URL(page.url).searchParams.get('error')).toBe('invalid_request');
    const { uri } = await push(strict);
    expect((await new Browser().open(addressOf(uri, strict.credentials.clientId))).status).toBe(200);
  });

  it('are stored unreadable, and not when they are refused', async () => {
    const { uri } = await push(app, { login_hint: 'somebody@example.org' });
    const stored = JSON.stringify(await rows(product.database, 'SELECT * FROM artifacts'));
    expect(stored).not.toContain(uri.split(':').at(-1));
    expect(stored).not.toContain('somebody@example.org');
  });

  it('are audited', async () => {
    const { answer } = await push(app);
    const events = await product.app.core.audit.search({
      request: answer.headers.get('x-request-id') ?? '',
      limit: 10,
    });
    expect(events.map(({ type, client }) => [type, client])).toEqual([['request.pushed', app.credentials.clientId]]);
  });
});
