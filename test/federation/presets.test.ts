import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import type { Upstream } from '../kit/upstreams/upstream.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { kinds, registerKind, signInWith, somebody } from './kinds.ts';

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
    expect(textOf(page, 'problem')).toBeUndefined();
    expect(upstream.requests.at(-1)?.url.searchParams.get('error')).toBeNull();
  });
});
