import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { federationCheck } from '../../src/app/commands/federation.ts';
import { byOperator } from '../../src/features/audit/module.ts';
import { type NewProvider, providerCheck } from '../../src/features/federation/module.ts';
import { createOutboundFetch } from '../../src/foundation/outbound/fetch.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { addProvider } from './kit.ts';

let product: Product;
let upstream: Scripted;

beforeAll(async () => {
  [product, upstream] = await Promise.all([startProduct(), startScripted()]);
});
afterAll(() => Promise.all([product.stop(), upstream.stop()]));
beforeEach(() => upstream.reset());

async function check(more: Partial<NewProvider> = {}): Promise<{ code: number; out: string }> {
  await addProvider(product, upstream, more);
  const text: string[] = [];
  const io = { out: (words: string) => void text.push(words), err: () => undefined, json: false };
  const { foundations, app } = product;
  const { config } = foundations;
  const asking = providerCheck({ ...foundations, issuer: config.issuer, fetch: createOutboundFetch(config) });
  const code = await federationCheck(io, { config, providers: app.core.providers, check: asking }, { name: 'up' });
  return { code, out: text.join('') };
}

describe('postern federation check', () => {
  it('finds a provider that works, and says what to register', async () => {
    const { code, out } = await check();
    expect([code, out]).toEqual([0, expect.stringContaining('ok   the token endpoint knows the client')]);
    expect(out).toContain(`metadata was read; its issuer is ${upstream.issuer}`);
    expect(out).toContain(`exactly: ${product.url}/federation/up/callback`);
    expect(out).not.toContain('a secret that');
  });

  it('says where a sign-out cannot go on to it', async () => {
    const words = 'note It names no end_session_endpoint';
    const policy = { logout: 'everywhere' } as const;
    expect((await check({ policy })).out).toContain(words);
    upstream.behave.metadata = (metadata) => ({ ...metadata, end_session_endpoint: `${upstream.issuer}/end` });
    expect((await check({ policy })).out).not.toContain(words);
    expect((await check()).out).not.toContain(words);
  });

  it('says what the issuer should be', async () => {
    upstream.behave.metadata = (metadata) => ({ ...metadata, issuer: `${upstream.issuer}/realms/a` });
    const { code, out } = await check();
    expect([code, out]).toEqual([1, expect.stringContaining(`Write exactly that as issuer.`)]);
    expect(out).toContain(`its issuer is ${upstream.issuer}/realms/a`);
  });

  it.each<[string, number, string]>([
    ['invalid_client', 401, 'FAIL It does not know the client (upstream_invalid_client)'],
    ['redirect_uri_mismatch', 400, 'FAIL Another redirect URI is registered there'],
    ['strange_words', 400, 'note The token endpoint refused an invented code in its own words'],
  ])('explains a token endpoint that answers %s', async (error, status, words) => {
    upstream.behave.interfere = (request, response) => {
      if (request.url !== '/token') return false;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
      return true;
    };
    expect((await check()).out).toContain(words);
  });

  it.each<[Partial<NewProvider>, string]>([
    [{ issuer: 'https://169.254.169.254' }, 'outbound.allow does not name it'],
    [{ issuer: 'http://127.0.0.1:9' }, 'does the name resolve'],
  ])('explains an address that cannot be asked: %o', async (more, words) => {
    const { code, out } = await check(more);
    expect([code, out]).toEqual([1, expect.stringContaining(words)]);
  });

  it('explains a page in place of metadata, and metadata that will not do', async () => {
    upstream.behave.interfere = (_, response) => {
      response.writeHead(404).end();
      return true;
    };
    expect((await check()).out).toContain('There is no metadata below this issuer');
    upstream.behave.interfere = () => false;
    upstream.behave.metadata = ({ jwks_uri: _keys, ...metadata }) => ({
      ...metadata,
      response_types_supported: ['token'],
    });
    await product.app.core.providers.upsert(
      { name: 'up', type: 'oidc', issuer: upstream.issuer, client_id: 'another' },
      byOperator,
    );
    const { code, out } = await check();
    expect([code, out]).toEqual([1, expect.stringContaining('FAIL It publishes no keys')]);
    expect(out).toContain('FAIL It does not offer the code flow');
  });
});
