import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { kindOf, registerKind, seedOf } from '../federation/kinds.ts';
import { addProvider, comeBack, isUpstream, setOut, signInBy } from '../federation/kit.ts';
import { race } from '../kit/barrier.ts';
import { Browser, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { unsigned } from '../kit/upstreams/keys.ts';
import { type Scripted, startScripted } from '../kit/upstreams/scripted.ts';
import { advance, standStill } from '../protocol/kit/time.ts';

let product: Product;
let upstream: Scripted;
let other: Scripted;
let app: RelyingApp;
let people = 0;

beforeAll(async () => {
  standStill();
  [product, upstream, other] = await Promise.all([startProduct(), startScripted(), startScripted()]);
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => Promise.all([product.stop(), upstream.stop(), other.stop()]));
beforeEach(async () => {
  // Past what strangers may do in a minute, and what was read of a provider before.
  advance(700);
  people += 1;
  for (const one of [upstream, other]) {
    one.reset();
    one.behave.claims = { sub: `sub-${people}`, email: emailOf(), email_verified: true };
  }
  await addProvider(product, upstream);
  await addProvider(product, other, { name: 'other' });
});

const emailOf = (): string => `ada${people}@upstream.example`;
const lastReason = async () => (await product.events('federation.refused')).at(-1)?.reason;
const sessions = async () => (await product.events('session.started')).length;

/** Nobody is signed in, nothing is made, and the person has another way. */
async function comesToNothing(attack: () => Promise<Page>, reason: string, status: number): Promise<Page> {
  const before = await sessions();
  const page = await attack();
  expect([page.status, await lastReason()]).toEqual([status, reason]);
  expect(await sessions()).toBe(before);
  expect(await product.app.core.users.findByLogin(emailOf())).toBeUndefined();
  return page;
}

/** The callback's address with some of its parameters changed. */
function changed(address: string, parameters: Record<string, string | undefined>): string {
  const url = new URL(address);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.href;
}

describe('the state', () => {
  it('that was forged, or is missing, finds no attempt', async () => {
    const { browser, asked } = await setOut(app, upstream);
    const back = upstream.agree(asked.href);
    for (const state of ['forged', undefined]) {
      const open = () => browser.open(changed(back, { state }));
      await comesToNothing(open, 'another_browser', 400);
    }
    expect(upstream.asked.map(({ path }) => path)).not.toContain('/token');
  });

  it('of another attempt of this browser does not fit the code (code injection)', async () => {
    const { browser, asked } = await setOut(app, upstream);
    const attacker = await setOut(app, upstream);
    const stolen = new URL(upstream.agree(attacker.asked.href)).searchParams.get('code') ?? '';
    const back = changed(upstream.agree(asked.href), { code: stolen });
    await comesToNothing(() => browser.open(back), 'upstream_invalid_grant', 502);
  });

  it('is used once: a callback that comes again is refused, and the first one stands', async () => {
    const { browser, asked } = await setOut(app, upstream);
    const back = upstream.agree(asked.href);
    // Cookies as they were before: the browser itself has none any more.
    const again = browser.copy();
    expect(isBack((await browser.open(back, isBack)).url)).toBe(true);
    const page = await again.open(back, isBack);
    expect([page.status, textOf(page, 'error-code'), await lastReason()]).toEqual([
      400,
      'federation_elsewhere',
      'used_state',
    ]);
    expect((await browser.open(back)).status).toBe(400);
    expect(upstream.asked.filter(({ path }) => path === '/token')).toHaveLength(1);
  });

  it('is exchanged once by any number of racers', async () => {
    const { browser, asked } = await setOut(app, upstream);
    const { pathname, search } = new URL(upstream.agree(asked.href));
    const cookie = browser
      .cookies()
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const racer = { origin: product.url, method: 'GET', path: pathname + search, headers: { cookie } } as const;
    const answers = await race(Array.from({ length: 12 }, () => racer));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(upstream.asked.filter(({ path }) => path === '/token')).toHaveLength(1);
  });

  it('is nothing half an hour later', async () => {
    const { browser, asked } = await setOut(app, upstream);
    advance(31 * 60);
    await comesToNothing(() => browser.open(upstream.agree(asked.href)), 'used_state', 400);
  });

  it('comes once in an answer, like every parameter', async () => {
    const { browser, asked } = await setOut(app, upstream);
    const back = `${upstream.agree(asked.href)}&state=another`;
    await comesToNothing(() => browser.open(back), 'repeated_parameter', 400);
  });
});

describe('the browser', () => {
  it('that did not set out brings back nothing', async () => {
    const { asked } = await setOut(app, upstream);
    await comesToNothing(() => new Browser().open(upstream.agree(asked.href)), 'another_browser', 400);
    expect(upstream.asked.map(({ path }) => path)).not.toContain('/token');
  });

  it('of a victim does not sign the attacker’s browser in, whose state it was sent', async () => {
    const attacker = await setOut(app, upstream);
    const victim = (await setOut(app, upstream)).browser;
    // The victim is sent to the provider with the attacker's request, agrees, and comes back.
    await comesToNothing(() => victim.open(upstream.agree(attacker.asked.href)), 'another_browser', 400);
    const page = await attacker.browser.open(attacker.start.url, isBack);
    expect(page.text).toContain('id="login-submit"');
  });

  it('needs the attempt’s own cookie: one of another attempt does not do', async () => {
    const { browser, asked } = await setOut(app, upstream);
    const attacker = await setOut(app, upstream);
    const name = (of: Browser) => of.cookies().find((one) => one.name.startsWith('postern.federation'));
    const planted = browser.with({ cookie: `${name(attacker.browser)?.name}=${name(browser)?.value}` });
    await comesToNothing(() => planted.open(upstream.agree(attacker.asked.href)), 'another_browser', 400);
    expect((await comeBack({ browser, start: attacker.start, asked }, upstream)).status).toBe(303);
  });

  it('sends the cookie along with a form of another site for a provider that answers so, and for no other', async () => {
    const apple = await registerKind(product, kindOf('apple'), 'apple');
    const browser = new Browser();
    const start = await browser.open(app.request().url);
    const form = /action="(\/interaction\/[^"]+\/federation\/apple)"/.exec(start.text)?.[1] ?? '';
    const left = await browser.post(product.url + form, {});
    const line = left.headers.getSetCookie().find((one) => one.startsWith('postern.federation'));
    // Browsers take `None` with `Secure` only. Everywhere else another site's form brings nothing (login CSRF).
    expect(line).toMatch(/; Path=\/federation\/; Max-Age=1800; HttpOnly; SameSite=None; Secure$/);
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const { state } = Object.fromEntries(new URL(left.headers.get('location') ?? '').searchParams);
    const forged = await new Browser(foreign).post(`${product.url}/federation/apple/callback`, {
      state: state ?? '',
      code: 'x',
    });
    expect([forged.status, await lastReason()]).toEqual([400, 'another_browser']);
    await product.app.core.providers.upsert({ ...seedOf(kindOf('apple'), apple, 'apple'), disabled: true }, byOperator);
    await apple.stop();
  });

  it('keeps the cookie where only the callback sees it', async () => {
    const start = await new Browser().open(app.request().url);
    const browser = new Browser();
    const again = await browser.open(app.request().url);
    expect(start.text).toContain('id="choose-up"');
    const form = /action="(\/interaction\/[^"]+\/federation\/up)"/.exec(again.text)?.[1] ?? '';
    const left = await browser.post(product.url + form, {});
    const line = left.headers.getSetCookie().find((one) => one.startsWith('postern.federation'));
    expect(line).toMatch(/; Path=\/federation\/; Max-Age=1800; HttpOnly; SameSite=Lax$/);
  });
});

describe('the provider', () => {
  it('is the one that was set out for: each has a callback of its own (mix-up)', async () => {
    const { browser, asked } = await setOut(app, upstream);
    const back = upstream.agree(asked.href).replace('/federation/up/', '/federation/other/');
    await comesToNothing(() => browser.open(back), 'unknown_state', 400);
    expect(other.asked.map(({ path }) => path)).not.toContain('/token');
  });

  it.each([
    ['names another issuer beside the code (RFC 9207)', { iss: 'https://evil.example' }],
    ['names none although it says that it does', { iss: undefined }],
  ])('%s', async (_, parameters) => {
    const { browser, asked } = await setOut(app, upstream);
    const back = changed(upstream.agree(asked.href), parameters);
    await comesToNothing(() => browser.open(back), 'oauth_invalid_response', 502);
    expect(upstream.asked.map(({ path }) => path)).not.toContain('/token');
  });

  it('that was taken away is not asked any more', async () => {
    const { browser, asked } = await setOut(app, upstream);
    await addProvider(product, upstream, { disabled: true });
    await comesToNothing(() => browser.open(upstream.agree(asked.href)), 'unknown_provider', 400);
  });
});

const now = (): number => Math.floor(Date.now() / 1000);
const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const comparison = 'oauth_jwt_claim_comparison_failed';
type Token = (claims: Record<string, unknown>) => string;

describe('the ID token is refused', () => {
  const without =
    (name: string): Token =>
    (claims) =>
      upstream.keys.signAs(Object.fromEntries(Object.entries(claims).filter(([one]) => one !== name)));
  const having =
    (more: () => Record<string, unknown>): Token =>
    (claims) =>
      upstream.keys.signAs({ ...claims, ...more() });

  it.each<[string, Token, string]>([
    ['without a nonce', without('nonce'), 'oauth_invalid_response'],
    ['with another nonce', having(() => ({ nonce: 'another' })), comparison],
    ['of another issuer', having(() => ({ iss: 'https://evil.example' })), comparison],
    ['for another client', having(() => ({ aud: 'another-client' })), comparison],
    ['for several without azp', having(() => ({ aud: ['postern-at-up', 'another-client'] })), comparison],
    ['with another azp', having(() => ({ azp: 'another-client' })), 'wrong_azp'],
    ['that has expired', having(() => ({ exp: now() - 31 })), 'oauth_jwt_timestamp_check_failed'],
    ['that is not valid yet', having(() => ({ nbf: now() + 31 })), 'oauth_jwt_timestamp_check_failed'],
    ['without an expiry', without('exp'), 'oauth_invalid_response'],
    ['without a subject', without('sub'), 'oauth_invalid_response'],
    ['with alg none', (claims) => unsigned(claims), 'oauth_invalid_response'],
    ['with the public key as an HMAC secret', (claims) => upstream.keys.hmac(claims), 'oauth_invalid_response'],
    ['with a foreign key', (claims) => upstream.keys.signAs(claims, {}, foreign), 'oauth_invalid_response'],
    [
      'with an unknown key id',
      (claims) => upstream.keys.signAs(claims, { kid: 'nobody' }, foreign),
      'oauth_key_selection_failed',
    ],
    [
      'with a key of its own in the header',
      (claims) =>
        upstream.keys.signAs(claims, { kid: 'own', jwk: { kty: 'EC' }, jku: 'https://evil.example' }, foreign),
      'oauth_key_selection_failed',
    ],
    [
      'with a critical extension',
      (claims) => upstream.keys.signAs(claims, { crit: ['b64'] }),
      'oauth_unsupported_operation',
    ],
    ['cut short', (claims) => upstream.keys.signAs(claims).slice(0, -8), 'oauth_invalid_response'],
    ['that is none', () => 'no token at all', 'oauth_invalid_response'],
  ])('%s', async (_, signToken, reason) => {
    upstream.behave.signToken = signToken;
    const page = await comesToNothing(() => signInBy(app, upstream), reason, 502);
    expect(page.text).toContain('id="login-submit"');
    expect(page.text).toContain('id="choose-up"');
  });

  it('that is missing', async () => {
    upstream.behave.interfere = (request, response) => {
      if (request.url !== '/token') return false;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ access_token: 'x', token_type: 'Bearer' }));
      return true;
    };
    await comesToNothing(() => signInBy(app, upstream), 'oauth_invalid_response', 502);
  });

  it('where UserInfo speaks of somebody else', async () => {
    upstream.behave.userinfo = { sub: 'somebody-else', email: emailOf(), email_verified: true };
    await comesToNothing(() => signInBy(app, upstream), 'oauth_json_attribute_comparison_failed', 502);
  });

  it('and taken from a clock that differs by less than half a minute, and by a key that was changed', async () => {
    upstream.behave.forge = (claims) => ({ ...claims, iat: now() + 20, nbf: now() + 20, exp: now() - 20 });
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
    upstream.rotate();
    advance(61);
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
  });
});

describe('the address', () => {
  it('of an administrator, unverified, opens nothing', async () => {
    const admin = await product.addUser({ email: emailOf(), administrator: true });
    upstream.behave.claims['email_verified'] = false;
    const page = await signInBy(app, upstream);
    expect([page.status, await lastReason()]).toEqual([403, 'unverified']);
    upstream.behave.claims['email_verified'] = 'true';
    expect((await signInBy(app, upstream)).status).toBe(403);
    const events = await product.events('identity.linked');
    expect(events.filter(({ subject }) => subject === admin.id)).toEqual([]);
  });

  it('of an administrator, verified, opens nothing by itself', async () => {
    const admin = await product.addUser({ email: emailOf(), administrator: true });
    const page = await signInBy(app, upstream);
    expect(page.text).toContain('id="login-submit"');
    expect((await product.events('identity.verified')).filter(({ subject }) => subject === admin.id)).toEqual([]);
  });

  it('that the provider changes changes nothing here', async () => {
    const admin = await product.addUser({ administrator: true });
    await signInBy(app, upstream);
    const own = await product.app.core.users.findByLogin(emailOf());
    upstream.behave.claims['email'] = admin.email;
    await addProvider(product, upstream, { policy: { claims: 'always' } });
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
    expect((await product.events('identity.verified')).at(-1)?.subject).toBe(own?.id);
    expect(await product.app.core.users.find(own?.id ?? '')).toMatchObject({ email: emailOf() });
  });

  it('is not kept from its owner by who registered it before (pre-hijacking)', async () => {
    // What a stranger has typed waits in a table of its own; it is no account.
    const pending = { email: emailOf(), emailKey: emailOf(), passwordHash: 'x', browserHash: 'x' };
    const times = { createdAt: BigInt(Date.now()), expiresAt: BigInt(Date.now() + 3_600_000) };
    await product.database.together((tx) =>
      tx.pendingRegistration.create({ data: { id: `pending-${people}`, ...pending, ...times } }),
    );
    expect(isBack((await signInBy(app, upstream)).url)).toBe(true);
    expect((await product.events('user.created')).at(-1)?.actor).toMatchObject({ name: 'federation' });
  });

  it('makes one account of two first arrivals at once', async () => {
    const ways = await Promise.all([setOut(app, upstream), setOut(app, upstream)]);
    const filed = await Promise.all(
      ways.map(({ browser, asked }) => browser.open(upstream.agree(asked.href), (url) => url.includes('?attempt='))),
    );
    const racers = filed.map(({ url }, index) => ({
      origin: product.url,
      method: 'GET' as const,
      path: new URL(url).pathname + new URL(url).search,
      headers: {
        cookie: (ways[index]?.browser.cookies() ?? []).map(({ name, value }) => `${name}=${value}`).join('; '),
      },
    }));
    const answers = await race(racers);
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    const created = await product.events('identity.linked');
    const user = await product.app.core.users.findByLogin(emailOf());
    expect(created.filter(({ subject }) => subject === user?.id)).toHaveLength(1);
  });
});

describe('where people are led', () => {
  it('is never what came along (open redirect)', async () => {
    const evil = 'https://evil.example/';
    upstream.behave.answer = { return_to: evil, redirect_uri: evil, next: evil, RelayState: evil };
    const { browser, asked } = await setOut(app, upstream);
    const left = await browser.get(upstream.agree(asked.href));
    expect([left.status, left.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/^\/interaction\/[\w-]+\/federation\?attempt=[\w-]{43}$/),
    ]);
    const taken = await browser.get(new URL(`${left.headers.get('location')}&next=${evil}`, product.url).href);
    expect(taken.headers.get('location')).toMatch(/^\/interaction\/[\w-]+$/);
  });

  it('is the provider that the page promised, or a page of ours', async () => {
    upstream.behave.metadata = (metadata) => ({ ...metadata, authorization_endpoint: 'http://127.0.0.2:9/authorize' });
    const browser = new Browser();
    const start = await browser.open(app.request().url);
    expect(start.headers.get('content-security-policy')).toContain(`form-action 'self' `);
    const page = await browser.submit(start, 'choose-up');
    expect([page.status, textOf(page, 'leaving-go')]).toEqual([200, 'Continue with OpenID Connect']);
    expect(page.headers.get('refresh')).toMatch(/^0; url=http:\/\/127\.0\.0\.2:9\/authorize\?/);
  });
});

describe('our own network (SSRF)', () => {
  const metadataService = 'http://169.254.169.254/latest';
  const internal = 'http://10.0.0.1/internal';

  it.each([
    ['the issuer', { issuer: 'https://169.254.169.254' }, {}],
    ['jwks_uri', {}, { jwks_uri: metadataService }],
    ['token_endpoint', {}, { token_endpoint: internal }],
    ['userinfo_endpoint', {}, { userinfo_endpoint: internal }],
  ])('is not reached through %s', async (_, provider, metadata) => {
    await addProvider(product, upstream, provider);
    upstream.behave.metadata = (told) => ({ ...told, ...metadata });
    const browser = new Browser();
    const attack = async () => {
      const start = await browser.open(app.request().url);
      const left = await browser.submit(start, 'choose-up', {}, isUpstream(upstream));
      if (!isUpstream(upstream)(left.url)) return left;
      return browser.open(upstream.agree(left.url), isBack);
    };
    await comesToNothing(attack, 'outbound_refused', 502);
  });

  it.each(['/.well-known/openid-configuration', '/token', '/jwks', '/userinfo'])(
    'is not reached through a redirect of %s',
    async (path) => {
      upstream.behave.interfere = (request, response) => {
        if (request.url !== path) return false;
        response.writeHead(307, { location: `${other.issuer}/reached` }).end();
        return true;
      };
      const browser = new Browser();
      const attack = async () => {
        const start = await browser.open(app.request().url);
        const left = await browser.submit(start, 'choose-up', {}, isUpstream(upstream));
        if (!isUpstream(upstream)(left.url)) return left;
        return browser.open(upstream.agree(left.url), isBack);
      };
      await comesToNothing(attack, 'http_307', 502);
      expect(other.asked.map((one) => one.path)).not.toContain('/reached');
    },
  );
});

describe('strangers', () => {
  it('may set out, and come back with nothing, only so often in a minute', async () => {
    const limit = product.app.core.settings.current().limits.anonymousPerMinute;
    const browser = new Browser();
    const statuses: number[] = [];
    for (let n = 0; n <= limit; n += 1) {
      statuses.push((await browser.get(`${product.url}/federation/up/callback?state=x${n}&code=y`)).status);
    }
    expect(statuses.slice(0, 5)).toEqual([400, 400, 400, 400, 400]);
    expect(statuses.at(-1)).toBe(429);
    const events = (await product.events('federation.refused')).filter(({ reason }) => reason === 'another_browser');
    expect(events.length).toBeLessThan(limit);
  });

  it('are answered by nothing but their own form of answer', async () => {
    const posted = await new Browser().post(`${product.url}/federation/up/callback`, { state: 'x', code: 'y' });
    expect([posted.status, await lastReason()]).toEqual([400, 'wrong_response_mode']);
    expect((await new Browser().get(`${product.url}/federation/nobody/callback?state=x`)).status).toBe(400);
  });
});
