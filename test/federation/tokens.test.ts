import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import type { NewProvider } from '../../src/features/federation/module.ts';
import { accountPage } from '../account/kit.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';
import { startUpstream, type Upstream } from '../kit/upstreams/upstream.ts';
import { advance, standStill } from '../protocol/kit/time.ts';
import { kindOf, seedOf, signInWith, somebody } from './kinds.ts';
import { expireKept, retrieve as retrieveAt, tokenOf } from './vault.ts';

let product: Product;
let upstream: Upstream;
let app: RelyingApp;
let people = 0;
let email = '';

const kind = kindOf('oidc');
const verifier = 'a-verifier-that-is-long-enough-to-be-one-0123456789';
const challenge = createHash('sha256').update(verifier).digest('base64url');

/** Registers the stand-in, with the tokens kept unless the test says otherwise. */
const register = (policy: NewProvider['policy'] = { create: true, tokens: 'keep' }, name = 'oidc') =>
  product.app.core.providers.upsert({ ...seedOf(kind, upstream, name), policy }, byOperator);

beforeAll(async () => {
  standStill();
  [product, upstream] = await Promise.all([startProduct(), startUpstream('oidc')]);
  app = await addWebApp(product, { first_party: true, upstream_tokens: ['oidc', 'spare'] });
});
afterAll(() => Promise.all([product.stop(), upstream.stop()]));
beforeEach(async () => {
  advance(61);
  people += 1;
  email = `keeper${people}@up.example`;
  upstream.addPerson(somebody(kind, { sub: `keeper-${people}`, email }));
  await register();
});

interface Arrived {
  readonly browser: Browser;
  readonly token: string;
}

/** Signs in with the provider and gets an access token of ours. */
async function arrive(by: RelyingApp = app, scope = 'openid upstream_tokens:oidc'): Promise<Arrived> {
  const browser = new Browser();
  const parameters = { scope, code_challenge: challenge };
  let page = await signInWith(by, upstream, 'oidc', { browser, parameters });
  if (page.text.includes('id="consent-allow"')) page = await browser.submit(page, 'consent-allow', {}, isBack);
  expect(isBack(page.url)).toBe(true);
  return { browser, token: await tokenOf(by, page, verifier) };
}

const retrieve = (token: string, { url = product.url, name = 'oidc' } = {}) => retrieveAt(url, token, name);

const row = () =>
  product.database.prisma.federatedIdentity.findFirstOrThrow({ where: { subject: `keeper-${people}` } });
const user = () => product.app.core.users.findByLogin(email);
/** What the provider was asked at its token endpoint, besides codes. */
const renewals = () => upstream.requests.filter(({ form }) => form.get('grant_type') === 'refresh_token');
const revoked = () =>
  upstream.requests.filter(({ endpoint }) => endpoint === 'revocation').map(({ form }) => form.get('token'));
const told = async (type: string) =>
  (await product.events(type)).filter(({ details }) => details?.['provider'] === 'oidc');

describe('tokens of another provider', () => {
  it('are kept where the operator asks for it, sealed, and handed to the app that may have them', async () => {
    const { token } = await arrive();
    const { status, body, headers } = await retrieve(token);
    expect([status, headers.get('cache-control'), headers.get('access-control-allow-origin')]).toEqual([
      200,
      'no-store',
      null,
    ]);
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'openid profile email offline_access',
    });
    const profile = await fetch(upstream.endpoints.userinfo ?? '', {
      headers: { authorization: `Bearer ${String(body['access_token'])}` },
    });
    expect(await profile.json()).toMatchObject({ sub: `keeper-${people}` });
    const { accessToken, refreshToken } = await row();
    expect([accessToken, refreshToken].map((sealed) => sealed?.includes(String(body['access_token'])))).toEqual([
      false,
      false,
    ]);
    expect(await told('identity.token_retrieved')).toMatchObject([
      { outcome: 'success', actor: { kind: 'client' }, subject: (await user())?.id },
    ]);
    const attempts = await product.database.prisma.federationAttempt.findMany({ where: { provider: 'oidc' } });
    expect(attempts.map(({ arrival }) => arrival)).toEqual([null]);
  });

  it('are not kept otherwise, and go with the next sign-in once the operator says so', async () => {
    await register({ create: true });
    const { token } = await arrive();
    expect(await row()).toMatchObject({ accessToken: null, refreshToken: null, tokensAt: null });
    expect((await retrieve(token)).body).toMatchObject({ error: 'upstream_sign_in_required' });
    const asked = upstream.requests.filter(({ endpoint }) => endpoint === 'authorization').at(-1);
    expect(asked?.url.searchParams.get('scope')).toBe('openid profile email');
    await register();
    await arrive();
    expect((await row()).accessToken).not.toBeNull();
    await register({ create: true });
    expect((await retrieve(token)).status).toBe(409);
    await arrive();
    expect(await row()).toMatchObject({ accessToken: null, refreshToken: null });
  });

  it('are renewed once for a whole fleet, before they end', async () => {
    const second = await startProduct(product.node);
    const { token } = await arrive();
    const before = (await retrieve(token)).body['access_token'];
    const asked = renewals().length;
    await expireKept(product, 'oidc');
    const both = [product.url, second.url];
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, index) => retrieve(token, { url: both[index % 2] ?? product.url })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const found = new Set(answers.map(({ body }) => body['access_token']));
    expect([found.size, found.has(before), renewals().length - asked]).toEqual([1, false, 1]);
    // The provider has replaced the refresh token: the next renewal takes the new one.
    await expireKept(product, 'oidc');
    expect((await retrieve(token)).status).toBe(200);
    const sent = renewals().map(({ form }) => form.get('refresh_token'));
    expect([sent.length - asked, new Set(sent).size]).toEqual([2, sent.length]);
    await second.stop();
  });

  it('are dropped when the provider takes them no more, and the app is told what to do', async () => {
    const { token } = await arrive();
    upstream.revokeRefreshTokens();
    await expireKept(product, 'oidc');
    const refused = await retrieve(token);
    expect([refused.status, refused.body]).toEqual([
      409,
      { error: 'upstream_sign_in_required', error_description: expect.any(String) },
    ]);
    expect(await row()).toMatchObject({ accessToken: null, refreshToken: null });
    expect((await told('identity.tokens_lost')).at(-1)).toMatchObject({ reason: 'upstream_invalid_grant' });
    await arrive();
    expect((await retrieve(token)).status).toBe(200);
  });

  it('stay when the provider is down: what still holds is handed out, and the rest is asked for later', async () => {
    const { token } = await arrive();
    await expireKept(product, 'oidc', -30);
    upstream.nextAnswer('token', 'error-500');
    expect((await retrieve(token)).body).toMatchObject({ expires_in: 30 });
    advance(31);
    upstream.nextAnswer('token', 'error-500');
    const down = await retrieve(token);
    expect([down.status, down.headers.get('retry-after')]).toEqual([503, '5']);
    advance(16);
    expect((await retrieve(token)).body).toMatchObject({ expires_in: 3600 });
  });

  it('are revoked at the provider when the identity is taken off, and gone here at once', async () => {
    const { token, browser } = await arrive();
    const id = (await user())?.id ?? '';
    const operations = await product.app.core.passwords.set(id, 'a long enough password', {}, byOperator);
    await product.database.commit({ operations, fallback: [] });
    const known = revoked().length;
    const done = await browser.submit(await accountPage(product, browser), 'identity-unlink');
    expect(done.text).toContain('The account is disconnected.');
    expect((await retrieve(token)).body).toMatchObject({ error: 'upstream_sign_in_required' });
    await until('the provider was told', async () => (await told('identity.tokens_revoked')).length > 0);
    expect(revoked().length - known).toBe(1);
    expect((await told('identity.tokens_revoked')).at(-1)).toMatchObject({ outcome: 'success' });
  });

  it('are revoked at the provider when the account is erased, however long it is down', async () => {
    const { browser } = await arrive();
    const id = (await user())?.id ?? '';
    const page = await browser.submit(await accountPage(product, browser), 'delete-account');
    await browser.submit(page, 'delete-account');
    const known = revoked().length;
    advance(40 * 24 * 3600);
    upstream.nextAnswer('revocation', 'error-500');
    await product.app.deletions.eraseDue();
    expect(await product.app.core.users.find(id)).toBeUndefined();
    await until('the provider was asked', async () => revoked().length > known);
    await until('the provider was told', async () => {
      advance(6);
      await product.app.outbox.deliverDue();
      return revoked().length > known + 1;
    });
    expect(new Set(revoked().slice(known)).size).toBe(1);
    expect((await told('identity.tokens_revoked')).at(-1)).toMatchObject({ outcome: 'success' });
    const waiting = await product.database.prisma.outboxMessage.findMany({ where: { kind: 'upstream-revocation' } });
    expect(waiting.map(({ body }) => body).join()).not.toContain(String(revoked().at(-1)));
  });

  it('stay when a person signs out everywhere, out of reach of the apps that had asked', async () => {
    const { token, browser } = await arrive();
    const known = revoked().length;
    await browser.submit(await accountPage(product, browser), 'sessions-end-all');
    expect((await retrieve(token)).status).toBe(401);
    expect((await row()).accessToken).not.toBeNull();
    expect(revoked().length).toBe(known);
  });
});

describe('what is asked for so that tokens can be renewed', () => {
  it.each(['google', 'microsoft', 'gitlab', 'discord', 'spotify'] as const)('suits %s', async (name) => {
    const one = kindOf(name);
    const provider = await startUpstream(name, one.options);
    const seed = seedOf(one, provider);
    const policy = { ...seed.policy, tokens: 'keep', reauthentication: 'trust' } as const;
    await product.app.core.providers.upsert({ ...seed, policy }, byOperator);
    const address = `renewing@${name}.example`;
    provider.addPerson(somebody(one, { sub: '1852', email: address }));
    expect(isBack((await signInWith(app, provider, name, { parameters: { prompt: 'login' } })).url)).toBe(true);
    const { refreshToken } = await product.database.prisma.federatedIdentity.findFirstOrThrow({
      where: { provider: name },
    });
    expect(refreshToken).not.toBeNull();
    await provider.stop();
  });

  it('is refused for Apple, whose tokens open nothing', async () => {
    const seed = seedOf(kindOf('oidc'), upstream, 'apple');
    const asked = { ...seed, type: 'apple', policy: { tokens: 'keep' } } as const;
    await expect(product.app.core.providers.upsert(asked, byOperator)).rejects.toMatchObject({
      fields: { policy: expect.stringContaining('not for apple') },
    });
  });
});

describe('the endpoint of the tokens', () => {
  it('refuses strangers, and whoever was not given the scope', async () => {
    const { token } = await arrive();
    const without = await arrive(app, 'openid');
    const none = await fetch(`${product.url}/api/v1/identities/oidc/token`);
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const wrong = await retrieve('at_nobody-knows-this-one');
    expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ]);
    for (const [given, name] of [
      [without.token, 'oidc'],
      [token, 'spare'],
      [token, 'unheard-of'],
    ] as const) {
      const refused = await retrieve(given, { name });
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
        403,
        `Bearer error="insufficient_scope", scope="upstream_tokens:${name}"`,
      ]);
    }
    expect((await told('identity.token_retrieved')).at(-1)).toMatchObject({ outcome: 'denied' });
  });

  it('is for apps that an operator has named alone, and says to people what it is', async () => {
    const other = await addWebApp(product);
    const asked = await new Browser().open(other.request({ scope: 'openid upstream_tokens:oidc' }).url, isBack);
    expect(new URL(asked.url).searchParams.get('error') ?? asked.text).toMatch(/invalid_scope|scope/);
    const third = await addWebApp(product, { upstream_tokens: ['oidc'] });
    const browser = new Browser();
    const parameters = { scope: 'openid upstream_tokens:oidc', code_challenge: challenge };
    const page = await signInWith(third, upstream, 'oidc', { browser, parameters });
    expect(page.text).toContain('Use your accounts at other providers');
    expect(page.text).toContain('OpenID Connect');
    const back = await browser.submit(page, 'consent-allow', {}, isBack);
    const { body } = await third.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier);
    const token = String(body['access_token']);
    expect((await retrieve(token)).status).toBe(200);
    // The operator takes the name away: tokens that are out reach no further.
    const former = product.app.core.clients.find(third.credentials.clientId)?.metadata;
    const { upstream_tokens: _, ...rest } = former ?? { client_id: '' };
    await product.app.core.clients.update(rest, byOperator);
    await product.app.core.clients.reload();
    product.app.protocol.rebuild();
    expect((await retrieve(token)).status).toBe(403);
  });

  it('knows no token whose account is disabled, whose sign-in has ended or that was revoked', async () => {
    const [one, two] = [await arrive(), await arrive()];
    await app.revoke(one.token);
    expect((await retrieve(one.token)).status).toBe(401);
    await two.browser.submit(await accountPage(product, two.browser), 'sign-out');
    expect((await retrieve(two.token)).status).toBe(401);
    const three = await arrive();
    expect((await retrieve(three.token)).status).toBe(200);
    const where = { id: (await user())?.id ?? '' };
    await product.database.together(async (tx) => {
      await tx.user.update({ where, data: { disabledAt: BigInt(Date.now()) } });
    });
    expect((await retrieve(three.token)).status).toBe(401);
  });

  it('takes tokens in the header only, and no other method', async () => {
    const { token } = await arrive();
    const address = `${product.url}/api/v1/identities/oidc/token`;
    expect((await fetch(`${address}?access_token=${token}`)).status).toBe(401);
    const posted = await fetch(address, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
    expect([posted.status, posted.headers.get('content-type')]).toEqual([
      expect.toSatisfy((status: number) => status === 403 || status === 405),
      expect.stringContaining('application/json'),
    ]);
  });

  it('tells nothing to the log or the audit', async () => {
    const { token } = await arrive();
    const given = String((await retrieve(token)).body['access_token']);
    const seen = JSON.stringify([product.log.lines, await product.events()]);
    expect([seen.includes(given), seen.includes(token)]).toEqual([false, false]);
  });

  it('makes those wait who try one after another', async () => {
    await product.app.core.settings.set({ limits: { anonymousPerMinute: 60 } }, byOperator);
    const answers: number[] = [];
    for (let guess = 0; guess < 80 && answers.at(-1) !== 429; guess += 1) {
      answers.push((await retrieve(`at_guess-${guess}`)).status);
    }
    expect(new Set(answers)).toEqual(new Set([401, 429]));
  });
});
