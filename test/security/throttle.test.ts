import * as argon2 from 'argon2';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, type RelyingApp, send } from '../kit/relying-app.ts';
import { addService } from '../protocol/kit/apps.ts';
import { advance } from '../protocol/kit/time.ts';
import { withoutChallenges } from '../timing/flows.ts';

vi.mock('argon2', async (original) => {
  const real = await original<typeof argon2>();
  return { ...real, verify: vi.fn(real.verify) };
});

let product: Product;
let proxied: Product;
let app: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  // Cheap hashes: what is counted here is how many, not how long.
  const settings = { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } };
  product = await startProduct({ settings });
  proxied = await startProduct({ settings, env: { POSTERN_TRUST_PROXY: '127.0.0.0/8' } });
  app = await addWebApp(product);
});
beforeEach(async () => {
  user = await product.addUser();
  advance(900);
});
afterAll(() => Promise.all([product.stop(), proxied.stop()]));

const wrong = 'not the password at all';

async function tryPassword(
  login: string,
  password: string,
  { headers = {}, to = app }: { headers?: Record<string, string>; to?: RelyingApp } = {},
): Promise<Page> {
  const browser = new Browser(headers);
  return browser.submit(await browser.open(to.request().url), 'login-submit', { login, password });
}
const statuses = async (count: number, attempt: (n: number) => Promise<Page>): Promise<number[]> => {
  const found: number[] = [];
  for (let n = 0; n < count; n += 1) found.push((await attempt(n)).status);
  return found;
};

describe('wrong passwords', () => {
  it('are counted: after the fifth from one place each has to wait for longer, whoever types it', async () => {
    expect(await statuses(5, () => tryPassword(user.email, wrong))).toEqual(Array(5).fill(401));
    const waits: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      waits.push(Number((await tryPassword(user.email, wrong)).headers.get('retry-after')));
      advance(waits.at(-1) ?? 0);
      expect((await tryPassword(user.email, wrong)).status).toBe(401);
    }
    expect(waits).toEqual([1, 2, 4, 8]);
    const held = await tryPassword(user.email, wrong);
    expect(held.status).toBe(429);
    expect(Number(held.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(held.text).toContain('Too many tries');
    // The right password gets no other answer, or the wait would tell whether a guess was right.
    expect((await tryPassword(user.email, user.password)).status).toBe(429);
    advance(Number(held.headers.get('retry-after')));
    expect((await tryPassword(user.email, user.password)).status).toBe(200);
  });

  it('are counted alike for people who do not exist', async () => {
    const nobody = `nobody${Date.now()}@example.org`;
    expect(await statuses(6, () => tryPassword(nobody, wrong))).toEqual([...Array(5).fill(401), 429]);
  });

  it('of one account hold back nobody else', async () => {
    const other = await product.addUser();
    await statuses(11, () => tryPassword(user.email, wrong));
    expect((await tryPassword(other.email, other.password)).status).toBe(200);
  });

  it('are not counted when the password was right: a person may sign in all day', async () => {
    expect(await statuses(15, () => tryPassword(user.email, user.password))).toEqual(Array(15).fill(200));
  });

  it('sixty at once get in no more than one after the other', async () => {
    const pages = await Promise.all(Array.from({ length: 60 }, () => tryPassword(user.email, wrong)));
    const lookedAt = pages.filter(({ status }) => status === 401).length;
    expect(lookedAt).toBeLessThanOrEqual(10);
    expect(pages.filter(({ status }) => status === 429)).toHaveLength(60 - lookedAt);
  });

  it('of many accounts from one address hold that address back', async () => {
    const found = await statuses(31, () => tryPassword(`x${Math.random()}@example.org`, wrong));
    expect(found).toEqual([...Array(30).fill(401), 429]);
  });
});

describe('the address of a caller', () => {
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });

  it('is not what the caller says it is', async () => {
    const found = await statuses(6, (n) => tryPassword(user.email, wrong, from(`203.0.113.${n}`)));
    expect(found).toEqual([...Array(5).fill(401), 429]);
    const [event] = (await product.events('signin.failed')).slice(-1);
    expect(event?.ip).toBe('127.0.0.1');
  });

  it('is what a trusted proxy says, and the caller’s own words left of it count for nothing', async () => {
    const behind = await addWebApp(proxied);
    const person = await proxied.addUser();
    const same = (n: number) =>
      tryPassword(person.email, wrong, { to: behind, ...from(`198.51.100.${n}, 203.0.113.7`) });
    expect(await statuses(6, same)).toEqual([...Array(5).fill(401), 429]);
    expect((await tryPassword(person.email, person.password, { to: behind, ...from('203.0.113.8') })).status).toBe(200);
  });
});

describe('programs', () => {
  it('that authenticate are never held back, whatever they ask', async () => {
    const service = await addService(product);
    const { body } = await app.tokens(user);
    const calls = [
      () => app.refresh('rt_unknown'),
      () => app.exchange('unknown', 'x'.repeat(43)),
      () => app.introspect('unknown'),
      () => app.revoke('unknown'),
      () => app.userinfo(body['access_token']),
      () => service.token({ grant_type: 'client_credentials' }),
    ];
    for (const call of calls) {
      const answers = await Promise.all(Array.from({ length: 150 }, call));
      expect(answers.map(({ status }) => status)).not.toContain(429);
    }
  });

  it('with a wrong secret do not lock the client out', async () => {
    const { clientId } = app.credentials;
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: 'wrong' });
    await Promise.all(Array.from({ length: 150 }, () => send(`${product.url}/token`, { method: 'POST', body })));
    expect((await app.refresh('rt_unknown')).status).toBe(400);
  });
});

describe('the work of a sign-in', () => {
  const hashes = () => vi.mocked(argon2.verify).mock.calls.length;
  const workOf = async (login: string, password = wrong): Promise<number> => {
    const before = hashes();
    await tryPassword(login, password);
    return hashes() - before;
  };

  it('is one hash, whether the person exists, is disabled, has no password or does not exist', async () => {
    const disabled = await product.addUser();
    await product.app.core.users.disable(disabled.id, { actor: { kind: 'system' }, facts: {} }, async () => []);
    const bare = await product.app.core.users.create(
      { email: `bare${Date.now()}@example.org`, email_verified: true, claims: {}, roles: [] },
      { actor: { kind: 'system' }, facts: {} },
    );
    expect(await workOf(user.email)).toBe(1);
    expect(await workOf(disabled.email)).toBe(1);
    expect(await workOf(bare.email)).toBe(1);
    expect(await workOf('nobody@example.org')).toBe(1);
    expect(await workOf('not even an address')).toBe(1);
  });

  it('costs the same parameters for those who do not exist', async () => {
    await tryPassword('nobody@example.org', wrong);
    expect(vi.mocked(argon2.verify).mock.calls.at(-1)?.[0]).toMatch(/^\$argon2id\$v=19\$m=7168,t=1,p=1\$/);
  });

  it('is none for what is too long, for known and unknown people alike', async () => {
    const long = 'x'.repeat(5000);
    expect(await workOf(user.email, long)).toBe(0);
    expect(await workOf('nobody@example.org', long)).toBe(0);
  });

  it('ends in the same page for a wrong password, a disabled and an unknown person', async () => {
    const disabled = await product.addUser();
    await product.app.core.users.disable(disabled.id, { actor: { kind: 'system' }, facts: {} }, async () => []);
    const plain = async (login: string, password: string) => {
      const page = await tryPassword(login, password);
      const text = withoutChallenges(page.text)
        .replaceAll(login, 'LOGIN')
        .replaceAll(/interaction\/[\w-]+/g, 'interaction/UID');
      return [page.status, text];
    };
    const [one, two, three] = [
      await plain(user.email, wrong),
      await plain(disabled.email, disabled.password),
      await plain('nobody@example.org', wrong),
    ];
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  });
});
