import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { providerCheck } from '../../src/features/federation/module.ts';
import { createOutboundFetch } from '../../src/foundation/outbound/fetch.ts';
import { textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import type { Upstream } from '../kit/upstreams/upstream.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { kinds, registerKind, seedOf, signInWith, somebody } from './kinds.ts';

let product: Product;
let app: RelyingApp;

beforeAll(async () => {
  standStill();
  product = await startProduct();
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => product.stop());
// Signs of too many strangers from one address are not what is looked at here.
beforeEach(() => advance(61));

const find = (email: string) => product.app.core.users.findByLogin(email);

describe.each(kinds)('$name', (kind) => {
  let upstream: Upstream;
  const email = `ada@${kind.name}.example`;
  const signIn = (parameters?: Record<string, string>) =>
    signInWith(app, upstream, kind.name, parameters === undefined ? {} : { parameters });

  beforeAll(async () => {
    upstream = await registerKind(product, kind);
  });
  afterAll(() => upstream.stop());

  it('makes an account at the first arrival, and finds it at the next, whatever the address is then', async () => {
    upstream.addPerson(somebody(kind, { sub: '1815', email }));
    const first = await signIn();
    expect([isBack(first.url), textOf(first, 'problem')]).toEqual([true, undefined]);
    const user = await find(email);
    expect(user).toMatchObject({ emailVerified: true, claims: kind.claims });
    upstream.addPerson(somebody(kind, { sub: '1815', email: `countess@${kind.name}.example` }));
    expect(isBack((await signIn()).url)).toBe(true);
    expect(await find(`countess@${kind.name}.example`)).toBeUndefined();
    const events = await product.events('identity.verified');
    expect(events.filter(({ subject }) => subject === user?.id)).toHaveLength(2);
  });

  it('is told apart from a failure when the person says no there', async () => {
    upstream.choose(undefined);
    const page = await signIn();
    expect(page.status).toBe(400);
    expect((await product.events('federation.refused')).at(-1)).toMatchObject({ reason: 'upstream_access_denied' });
  });

  it('is asked for nothing that it refuses, where an app wants its person to sign in anew', async () => {
    upstream.addPerson(somebody(kind, { sub: '1843', email: `anew@${kind.name}.example` }));
    const page = await signIn({ prompt: 'login' });
    expect(upstream.requests.at(-1)?.url.searchParams.get('error')).toBeNull();
    // Silence on when that was proves nothing; whose word is enough all the same, the operator says.
    const silent = ['google', 'microsoft', 'github', 'discord', 'spotify', 'oauth2'].includes(kind.name);
    expect(page.status).toBe(silent ? 401 : 303);
    const seed = seedOf(kind, upstream);
    await product.app.core.providers.upsert(
      { ...seed, policy: { ...seed.policy, reauthentication: 'trust' } },
      byOperator,
    );
    expect(isBack((await signIn({ prompt: 'login' })).url)).toBe(true);
  });

  // Of those that are silent by themselves, one says it to apps that it has verified.
  it.each(kind.name === 'google' ? [kind] : [])(
    'says when somebody signed in, once the app may be told',
    async (google) => {
      const told = await registerKind(product, { ...google, options: { tellsWhen: true } }, 'session-age');
      told.addPerson(somebody(google, { sub: '1844', email: 'age@google.example' }));
      const page = await signInWith(app, told, 'session-age', { parameters: { prompt: 'login' } });
      expect(isBack(page.url)).toBe(true);
      await told.stop();
    },
  );

  it('is found fine by an operator who checks it, and its client is not when it proves itself wrongly', async () => {
    const { foundations, app: served } = product;
    const { providers } = served.core;
    const fetch = createOutboundFetch(foundations.config);
    const check = providerCheck({ ...foundations, issuer: foundations.config.issuer, fetch });
    const levels = async () => (await check(providers.mustFind(kind.name))).map(({ level }) => level);
    expect(await levels()).not.toContain('fails');
    // Apple's secret is a key: another Team ID is what can be wrong about it.
    const wrong =
      kind.name === 'apple'
        ? { apple: { team_id: 'ANOTHER123', key_id: 'KEY1234567' } }
        : { client_secret: 'not what the provider has made up' };
    await providers.upsert({ ...seedOf(kind, upstream), ...wrong }, byOperator, { resetSecret: true });
    expect(await levels()).toContain('fails');
  });
});
