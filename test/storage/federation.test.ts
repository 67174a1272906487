import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enter } from '../account/kit.ts';
import { kindOf, registerKind, signInWith, somebody } from '../federation/kinds.ts';
import { addProvider, comeBack, isUpstream, setOut, signInBy } from '../federation/kit.ts';
import { race } from '../kit/barrier.ts';
import { type Browser, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { ENGINES, type Server } from './kit/engines.ts';

const servers = ENGINES.filter(({ engine }) => engine !== 'sqlite');
const cookiesOf = (browser: Browser) =>
  browser
    .cookies()
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');

describe.each(servers)('sign-in with another provider on $name', ({ start }) => {
  let server: Server;
  let product: Product;
  let node: Product;
  let upstream: Scripted;
  let app: RelyingApp;

  beforeAll(async () => {
    [server, upstream] = await Promise.all([start(), startScripted()]);
    product = await startProduct({ databaseUrl: await server.createDatabase('federation') });
    node = await startProduct(product.node);
    await addProvider(product, upstream);
    await node.app.core.providers.reload();
    app = await addWebApp(product, { first_party: true });
  });
  afterAll(async () => {
    await Promise.all([node?.stop(), upstream?.stop()]);
    await product?.stop();
    await server?.stop();
  });

  it('finds an identity again, whichever node it comes back to', async () => {
    const way = await setOut(app, upstream);
    const { pathname, search } = new URL(upstream.agree(way.asked.href));
    const elsewhere = await way.browser.get(node.url + pathname + search);
    const back = await way.browser.open(new URL(elsewhere.headers.get('location') ?? '', product.url).href, isBack);
    expect(isBack(back.url)).toBe(true);
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
    expect(await product.database.prisma.federatedIdentity.count()).toBe(1);
  });

  it('is exchanged once by racers at two nodes', async () => {
    const { browser, asked } = await setOut(app, upstream);
    const { pathname, search } = new URL(upstream.agree(asked.href));
    const headers = { cookie: cookiesOf(browser) };
    upstream.reset();
    const racer = (origin: string) => ({ origin, method: 'GET' as const, path: pathname + search, headers });
    const answers = await race([product.url, node.url, product.url, node.url, product.url, node.url].map(racer));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(upstream.asked.filter(({ path }) => path === '/token')).toHaveLength(1);
  });

  it('tells a person why it came to nothing, and connects after a proof', async () => {
    const user = await product.addUser();
    upstream.behave.claims = { sub: 'proved', email: user.email, email_verified: false };
    const way = await setOut(app, upstream);
    const refused = await comeBack(way, upstream);
    expect(refused.status).toBe(403);
    upstream.behave.claims['email_verified'] = true;
    const left = await way.browser.submit(refused, 'choose-up', {}, isUpstream(upstream));
    const page = await way.browser.open(upstream.agree(left.url));
    expect(textOf(page, 'problem')).toBeUndefined();
    const back = await way.browser.submit(page, 'login-submit', { login: user.email, password: user.password }, isBack);
    expect(isBack(back.url)).toBe(true);
    const { browser, page: account } = await enter(product, user);
    const done = await browser.submit(account, 'identity-unlink');
    expect(done.text).toContain('The account is disconnected.');
  });

  it('leaves one of two last ways in that are taken off at once', async () => {
    upstream.behave.claims = { sub: 'first-of-two', email: 'two@upstream.example', email_verified: true };
    await signInBy(app, upstream);
    const user = await product.app.core.users.findByLogin('two@upstream.example');
    const { prisma } = product.database;
    const [one] = await prisma.federatedIdentity.findMany({ where: { userId: user?.id ?? '' } });
    if (!one) throw new Error('no identity');
    await product.database.together((tx) =>
      tx.federatedIdentity.create({ data: { ...one, id: 'second', identityKey: 'second' } }),
    );
    const way = await setOut(app, upstream);
    await comeBack(way, upstream);
    const headers = { cookie: cookiesOf(way.browser), 'sec-fetch-site': 'same-origin' };
    const racer = (origin: string, identity: string) => ({
      origin,
      method: 'POST' as const,
      path: '/account/identities/unlink',
      headers,
      form: { identity },
    });
    await race([racer(product.url, one.id), racer(node.url, 'second')]);
    expect(await prisma.federatedIdentity.count({ where: { userId: user?.id ?? '' } })).toBe(1);
  });

  it('renews tokens that have ended once, whichever node is asked for them', async () => {
    const kind = { ...kindOf('oidc'), seed: () => ({ policy: { create: true, tokens: 'keep' as const } }) };
    const keeper = await registerKind(product, kind);
    const client = await addWebApp(product, { first_party: true, upstream_tokens: ['oidc'] });
    await node.app.core.reload();
    node.app.protocol.rebuild();
    keeper.addPerson(somebody(kind, { sub: 'keeper', email: 'keeper@up.example' }));
    const verifier = 'a-verifier-that-is-long-enough-to-be-one-0123456789';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const parameters = { scope: 'openid upstream_tokens:oidc', code_challenge: challenge };
    const back = await signInWith(client, keeper, 'oidc', { parameters });
    const { body } = await client.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
    await product.database.together(async (tx) => {
      await tx.federatedIdentity.updateMany({ where: { subject: 'keeper' }, data: { tokenExpiresAt: 1n } });
    });
    const headers = { authorization: `Bearer ${String(body['access_token'])}` };
    const at = { method: 'GET', path: '/api/v1/identities/oidc/token', headers } as const;
    const answers = await race(
      Array.from({ length: 32 }, (_, index) => ({ ...at, origin: index % 2 === 0 ? product.url : node.url })),
    );
    const renewals = keeper.requests.filter(({ form }) => form.get('grant_type') === 'refresh_token');
    expect([new Set(answers.map(({ status }) => status)), renewals.length]).toEqual([new Set([200]), 1]);
    await keeper.stop();
  });
});
