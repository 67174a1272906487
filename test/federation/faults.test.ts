import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { freePort } from '../kit/services/free-port.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { addProvider, isUpstream } from './kit.ts';

let product: Product;
let upstream: Scripted;
let app: RelyingApp;
let people = 0;

beforeAll(async () => {
  standStill();
  [product, upstream] = await Promise.all([startProduct(), startScripted()]);
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => Promise.all([product.stop(), upstream.stop()]));
beforeEach(async () => {
  advance(700);
  upstream.reset();
  people += 1;
  upstream.behave.claims = { sub: `sub-${people}`, email: `ada${people}@upstream.example`, email_verified: true };
  await addProvider(product, upstream);
});

/** Chooses the provider and agrees there, as far as it gets. */
async function go(browser = new Browser()): Promise<{ page: Page; tookMs: number; browser: Browser }> {
  const start = await browser.open(app.request().url);
  const began = performance.now();
  const left = await browser.submit(start, 'choose-up', {}, isUpstream(upstream));
  const page = isUpstream(upstream)(left.url) ? await browser.open(upstream.agree(left.url), isBack) : left;
  return { page, tookMs: performance.now() - began, browser };
}

type Fault = (response: ServerResponse, request: IncomingMessage) => void;
const json = { 'content-type': 'application/json' };
const faults: Record<string, Fault> = {
  hangs: () => undefined,
  'hangs in the middle of its answer': (response) => void response.writeHead(200, json).write('{'),
  'answers 500': (response) => void response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>Oh no</h1>'),
  'hangs up': (response) => void response.destroy(),
  'sends half an answer': (response) => void response.writeHead(200, json).end('{"issuer":"https://id.exa'),
  'sends 20 MB': (response) => {
    response.writeHead(200, json);
    for (let n = 0; n < 20; n += 1) response.write('x'.repeat(1024 * 1024));
    response.end();
  },
  'sends a page': (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello</p>'),
  'sends a list': (response) => void response.writeHead(200, json).end('[]'),
};
const unavailable = `OpenID Connect can't be reached just now. Try again later, or go on another way.`;
const failed = `OpenID Connect sent an answer that can't be trusted, so nothing was done. Try again, or go on another way.`;
const saw: Record<string, [string, RegExp]> = {
  hangs: [unavailable, /^outbound_timeout$/],
  'hangs in the middle of its answer': [unavailable, /^outbound_timeout$/],
  'answers 500': [unavailable, /^http_500$/],
  'hangs up': [unavailable, /^outbound_failed$/],
  'sends half an answer': [failed, /^(oauth_parse_error|oauth_response_is_not_json|oauth_invalid_response)$/],
  'sends 20 MB': [unavailable, /^outbound_failed$/],
  'sends a page': [failed, /^oauth_response_is_not_json$/],
  'sends a list': [failed, /^oauth_invalid_response$/],
};

describe.each(['/.well-known/openid-configuration', '/token', '/userinfo'])('a provider whose %s', (path) => {
  it.each(Object.entries(faults))(
    '%s leads back to the other ways in within five seconds',
    async (name, fault) => {
      upstream.behave.interfere = (request, response) => {
        if (request.url !== path) return false;
        fault(response, request);
        return true;
      };
      const { page, tookMs, browser } = await go();
      const [words = '', reason = /x/] = saw[name] ?? [];
      expect([page.status, textOf(page, 'problem')?.replaceAll('&#39;', "'")]).toEqual([502, words]);
      expect(tookMs).toBeLessThan(5000);
      for (const id of ['login-submit', 'choose-up', 'deny']) expect(page.text).toContain(`id="${id}"`);
      // For the operator: in the audit and in the log, without what the provider sent.
      const event = (await product.events('federation.refused')).at(-1);
      expect(event).toMatchObject({ outcome: 'failure', details: { provider: 'up' } });
      expect(event?.reason).toMatch(reason);
      const line = product.log.lines.findLast(({ message }) => message.includes('identity provider'));
      expect(line).toMatchObject({ level: 'warn', fields: { provider: 'up', reason: event?.reason } });
      expect(Number(line?.fields['took_ms'])).toBeLessThan(5000);
      // Once it works again, so does the same page.
      upstream.behave.interfere = () => false;
      const again = await browser.submit(page, 'choose-up', {}, isUpstream(upstream));
      expect(isBack((await browser.open(upstream.agree(again.url), isBack)).url)).toBe(true);
    },
    15_000,
  );
});

describe('a provider that is not there', () => {
  it('is left alone after five failures, and asked again half a minute later', async () => {
    const port = await freePort();
    await addProvider(product, upstream, { issuer: `http://127.0.0.1:${port}` });
    const reasons: unknown[] = [];
    for (let n = 0; n < 7; n += 1) {
      expect((await go()).page.status).toBe(502);
      reasons.push((await product.events('federation.refused')).at(-1)?.reason);
    }
    expect(reasons).toEqual([...Array(5).fill('outbound_failed'), 'outbound_paused', 'outbound_paused']);
    advance(31);
    await go();
    expect((await product.events('federation.refused')).at(-1)?.reason).toBe('outbound_failed');
  });
});

describe('a provider that says no', () => {
  it.each([
    ['access_denied', 400, 'upstream_access_denied'],
    ['temporarily_unavailable', 502, 'upstream_temporarily_unavailable'],
    ['invalid_scope', 502, 'upstream_invalid_scope'],
    ['<script>alert(1)</script>', 502, 'upstream__script_alert_1___script_'],
  ])('by %s is taken at its word', async (error, status, reason) => {
    const browser = new Browser();
    const start = await browser.open(app.request().url);
    const left = await browser.submit(start, 'choose-up', {}, isUpstream(upstream));
    const back = new URL(upstream.agree(left.url));
    back.searchParams.delete('code');
    back.searchParams.set('error', error);
    back.searchParams.set('error_description', 'words of theirs');
    const page = await browser.open(back.href);
    expect([page.status, (await product.events('federation.refused')).at(-1)?.reason]).toEqual([status, reason]);
    expect(page.text).not.toContain('words of theirs');
  });

  it('to our client secret is told to the operator', async () => {
    upstream.behave.interfere = (request, response) => {
      if (request.url !== '/token') return false;
      response.writeHead(401, json).end('{"error":"invalid_client"}');
      return true;
    };
    expect((await go()).page.status).toBe(502);
    expect((await product.events('federation.refused')).at(-1)?.reason).toBe('upstream_invalid_client');
  });
});
