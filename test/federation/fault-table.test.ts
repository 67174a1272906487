import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import type { Upstream } from '../kit/upstreams/upstream.ts';
import { kindOf, registerKind, signInWith, somebody } from './kinds.ts';
import { expireKept, reaching, retrieve, tokenOf } from './vault.ts';

const root = join(import.meta.dirname, '../..');
const [attacks = [], faults = []] = tablesOf(readFileSync(join(root, 'docs/federation-attacks.md'), 'utf8'));

/** The rows of each table of a page, without heads. */
function tablesOf(page: string): string[][][] {
  return page
    .split(/\n\n/)
    .filter((block) => block.startsWith('|'))
    .map((block) => block.trim().split('\n').slice(2).map(cellsOf));
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
}

describe('the table of attacks', () => {
  it.each(attacks)('%s: names a test that there is', (_attack, _answer, test = '') => {
    const [, title = '', file = ''] = /^\[(.+)\]\(\.\.\/(.+)\)$/.exec(test) ?? [];
    expect(readFileSync(join(root, file), 'utf8')).toContain(`'${title}'`);
  });

  it('has a row for everything that was to be shown', () => {
    const named = attacks.map(([attack]) => attack).join('\n');
    for (const words of [
      'state forged',
      'state of another',
      'state replayed',
      'callback replayed',
      'code from another',
    ])
      expect(named).toContain(words);
    for (const words of ['another browser', 'a victim', 'nonce missing', 'nonce wrong', 'mix-up', 'alg none', 'HS256'])
      expect(named).toContain(words);
    for (const words of ['unknown kid', 'expired', 'wrong aud', 'wrong azp', '`sub` mismatch', 'unverified e-mail'])
      expect(named).toContain(words);
    for (const words of [
      "changes a person's e-mail",
      'racing to link',
      'open redirect',
      'SSRF',
      '`jwks_uri`',
      'redirects',
    ])
      expect(named).toContain(words);
  });
});

let product: Product;
let app: RelyingApp;
/** What is printed: the fault, the words, the reason, milliseconds. */
const seen: string[][] = [];

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product, { first_party: true, upstream_tokens: ['up8'] });
});
afterAll(async () => {
  await product.stop();
  process.stdout.write(`\n${seen.map((row) => row.join(' | ')).join('\n')}\n`);
});

/** How each provider goes wrong. */
const ways: Readonly<Record<string, (upstream: Upstream) => unknown>> = {
  'refuses the connection': (upstream) => upstream.goAway(),
  hangs: (upstream) => upstream.nextAnswer('token', 'hangs'),
  'answers 500': (upstream) => upstream.nextAnswer('token', 'error-500'),
  'sends truncated JSON': (upstream) => upstream.nextAnswer('token', 'truncated-json'),
  'sends 20 MB': (upstream) => upstream.nextAnswer('token', 'huge'),
  'redirects to 127.0.0.1': (upstream) => upstream.nextAnswer('token', 'redirect-inside'),
  'sends the wrong content type': (upstream) => upstream.nextAnswer('token', 'wrong-type'),
  'has revoked the refresh token': (upstream) => upstream.revokeRefreshTokens(),
};

/** What a sign-in came to that went wrong. */
async function signInWrongly(upstream: Upstream, name: string) {
  const waits: number[] = [];
  const page = await signInWith(app, upstream, name, { waits });
  expect(isBack(page.url)).toBe(false);
  for (const id of ['login-submit', `choose-${name}`]) expect(page.text).toContain(`id="${id}"`);
  const event = (await product.events('federation.refused')).findLast(({ details }) => details?.['provider'] === name);
  return { saw: textOf(page, 'problem')?.replaceAll('&#39;', "'"), event, tookMs: Math.max(...waits) };
}

/** What an app got that asked for the person's token. */
async function retrieveWrongly(upstream: Upstream, name: string) {
  const { url, verifier } = app.request(reaching(name));
  const parameters = Object.fromEntries(new URL(url).searchParams);
  const token = await tokenOf(app, await signInWith(app, upstream, name, { parameters }), verifier);
  ways['has revoked the refresh token']?.(upstream);
  await expireKept(product, name);
  const began = performance.now();
  const { status, body } = await retrieve(product.url, token, name);
  const tookMs = performance.now() - began;
  const saw = `nothing: their app gets ${status} \`${String(body['error'])}\`, and sends them to sign in there again`;
  return { saw, event: (await product.events('identity.tokens_lost')).at(-1), tookMs };
}

describe('the table of faults', () => {
  it('has a row for everything that was to be shown', () => {
    expect(faults.map(([fault]) => fault)).toEqual(Object.keys(ways));
  });

  it.each(faults)('a provider that %s', async (fault = '', words, reason, time) => {
    const { name, saw, event, tookMs, upstream } = await goWrong(fault);
    const line = product.log.lines.findLast(({ fields }) => fields['provider'] === name);
    seen.push([fault, String(saw), String(event?.reason), `${Math.round(tookMs)} ms`]);
    expect([saw, `\`${event?.reason}\``, line?.fields['reason']]).toEqual([words, reason, event?.reason]);
    expect([line?.level, upstream.wasAskedInside()]).toEqual(['warn', false]);
    expect(tookMs).toBeLessThan(5000);
    if (time === '3.5 s') expect(tookMs).toBeGreaterThan(3000);
  });
});

/** What comes of a fault at a provider of its own. */
async function goWrong(fault: string) {
  const name = `up${Object.keys(ways).indexOf(fault) + 1}`;
  const isTokens = fault === 'has revoked the refresh token';
  const kind = kindOf('oidc');
  const policy = { create: true, ...(isTokens ? { tokens: 'keep' as const } : {}) };
  const upstream = await registerKind(product, { ...kind, seed: () => ({ policy }) }, name);
  upstream.addPerson(somebody(kind, { sub: '1815', email: `${name}@upstream.example` }));
  if (!isTokens) await ways[fault]?.(upstream);
  const came = await (isTokens ? retrieveWrongly : signInWrongly)(upstream, name);
  await upstream.stop();
  return { name, upstream, ...came };
}
