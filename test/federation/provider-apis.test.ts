import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import type { Fault } from '../kit/upstreams/faults.ts';
import type { Upstream } from '../kit/upstreams/upstream.ts';
import { type Kind, kindOf, registerKind, signInWith, somebody } from './kinds.ts';

let product: Product;
let app: RelyingApp;

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => product.stop());

const [oidc, github] = [kindOf('oidc'), kindOf('github')];
let registered = 0;

/** A sign-in at a provider of its own, which goes wrong as prepared: what was seen, told and logged of it. */
async function signInAt(kind: Kind, prepare: (upstream: Upstream) => void | Promise<void>) {
  registered += 1;
  const name = `up${registered}`;
  const upstream = await registerKind(product, kind, name);
  upstream.addPerson(somebody(kind, { sub: '1815', email: `${name}@upstream.example` }));
  await prepare(upstream);
  const waits: number[] = [];
  const page = await signInWith(app, upstream, name, { waits });
  await upstream.stop();
  const event = (await product.events('federation.refused')).findLast(({ details }) => details?.['provider'] === name);
  const line = product.log.lines.findLast(({ fields }) => fields['provider'] === name);
  return { page, name, upstream, reason: event?.reason, line, longest: Math.max(...waits) };
}

const unreachable = "can't be reached just now";
const untrusted = "sent an answer that can't be trusted, so nothing was done";

/** What goes wrong, what the person is told, and the reason in audit and log. */
const faults: readonly [Exclude<Fault, object>, string, string][] = [
  ['hangs', unreachable, 'outbound_timeout'],
  ['trickles', unreachable, 'outbound_timeout'],
  ['hangs-up', unreachable, 'outbound_failed'],
  ['error-500', unreachable, 'http_500'],
  ['huge', unreachable, 'outbound_failed'],
  ['truncated-json', untrusted, 'oauth_parse_error'],
  ['empty', untrusted, 'oauth_parse_error'],
  ['redirect-inside', untrusted, 'http_302'],
  ['wrong-type', untrusted, 'oauth_response_is_not_json'],
];

const said = (page: Page): string => textOf(page, 'problem') ?? '';

describe('a provider whose keys', () => {
  it.concurrent.each(faults)('%s: the person reads "%s", the operator %s', async (fault, words, reason) => {
    const found = await signInAt(oidc, (upstream) => upstream.nextAnswer('jwks', fault, 3));
    expect([found.page.status, said(found.page)]).toEqual([502, expect.stringContaining(words)]);
    // Every way in is still there, this one too.
    for (const id of ['login-submit', `choose-${found.name}`]) expect(found.page.text).toContain(`id="${id}"`);
    expect(found.reason).toBe(reason);
    expect(found.line).toMatchObject({ level: 'warn', fields: { reason, took_ms: expect.any(Number) } });
    expect(found.longest).toBeLessThan(5000);
    expect(found.upstream.wasAskedInside()).toBe(false);
  });
});

describe('a provider', () => {
  it('with an API beside it that is slow in several places is waited for once', async () => {
    const slow = { status: 200, body: [] };
    const { page, reason, longest } = await signInAt(github, (upstream) => {
      upstream.nextAnswer('emails', 'hangs');
      upstream.nextAnswer('orgs', slow);
    });
    expect([page.status, reason, longest < 5000]).toEqual([502, 'outbound_timeout', true]);
  });

  it.each([
    ['emails', 'wrong-type', 'api_not_json'],
    ['emails', 'error-500', 'api_500'],
    ['userinfo', 'truncated-json', 'not_json'],
    ['userinfo', 'redirect-inside', 'api_302'],
  ] as const)('whose API fails (%s: %s) vouches for nobody', async (endpoint, fault, expected) => {
    const { page, reason, upstream } = await signInAt(github, (one) => one.nextAnswer(endpoint, fault));
    expect([page.status, reason, upstream.wasAskedInside()]).toEqual([502, expected, false]);
  });
});
