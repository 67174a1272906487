import { afterEach, describe, expect, it } from 'vitest';
import { createCheckLogin, type LoginOutcome } from '../../src/features/sign-in/check-login.ts';
import { createRequestContextReader } from '../../src/foundation/http/request-context.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';
import { advance } from '../protocol/kit/time.ts';

/** How large the attack is: guesses at a few accounts again and again, and one at each of many others. */
interface Size {
  readonly accounts: number;
  readonly others: number;
  readonly addresses: number;
}

/** What became of it. */
interface Story {
  /** Guesses that were looked at, of the account with the most. */
  readonly mostEvaluated: number;
  readonly opened: number;
  readonly sprayingSeen: boolean;
  readonly ownersLockedOut: number;
  /** Guesses that counted for an address which the guesser made up. */
  readonly forged: number;
}

const rounds = 90;
/** In which round the guesser finds the right password. */
const luckyRound = 40;
const atOnce = 8;

/** The proxy that everything comes through, and what the guessers write left of what it says. */
const proxy = '127.0.0.1';
const readContext = createRequestContextReader({ trustProxy: ['127.0.0.0/8'] });
const addressOf = (n: number): string => `198.18.${n >> 8}.${n & 255}`;
const forgedAddress = (n: number): string => `10.${n & 255}.${(n >> 8) & 255}.7`;
const addressSeen = (n: number, addresses: number): string | undefined => {
  const headers = { 'x-forwarded-for': `${forgedAddress(n)}, ${addressOf(n % addresses)}` };
  return readContext({ headers, socket: { remoteAddress: proxy } } as never, 'test').ip;
};

let product: Product;
afterEach(() => product.stop());

/** Does it for every number below `count`, a few at a time. */
async function forEach(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** A browser that knows nothing but its cookies. */
function cookieJar() {
  const jar = new Map<string, string>();
  return {
    get: (name: string) => jar.get(name),
    set: (name: string, value: string | null) => jar.set(name, value ?? ''),
  };
}

type Owner = TestUser & { readonly id: string; readonly cookies: ReturnType<typeof cookieJar> };

async function settle({ accounts, others }: Size): Promise<Owner[]> {
  const { devices } = product.app.core;
  const owners: Owner[] = [];
  await forEach(accounts, async () => {
    const user = await product.addUser();
    const cookies = cookieJar();
    await product.database.commit({ operations: devices.meet(cookies, user.id, {}), fallback: [] });
    owners.push({ ...user, cookies });
  });
  const other = (n: number) => ({
    id: `other ${n}`,
    email: `other${n}@example.org`,
    emailKey: `other${n}@example.org`,
    emailVerified: true,
    claims: '{}',
    createdAt: 0n,
    updatedAt: 0n,
  });
  for (let from = 0; from < others; from += 50) {
    const data = Array.from({ length: Math.min(50, others - from) }, (_, n) => other(from + n));
    await product.database.together((tx) => tx.user.createMany({ data }));
  }
  return owners;
}

type TryLogin = (
  login: string,
  password: string,
  from: { address: string | undefined; owner?: Owner },
) => Promise<LoginOutcome>;

/** What the sign-in page does with what was typed. */
function loginOf(at: Product): TryLogin {
  const { devices } = at.app.core;
  const check = createCheckLogin(at.app.core);
  return (login, password, { address, owner }) =>
    check({ login, password, address, deviceOf: async (id) => owner && devices.known(owner.cookies, id) });
}

async function attack(size: Size, owners: readonly Owner[]): Promise<Omit<Story, 'sprayingSeen' | 'ownersLockedOut'>> {
  const { accounts, others, addresses } = size;
  const login = loginOf(product);
  const evaluated = new Map<string, number>();
  const opened = new Set<string>();
  let forged = 0;
  const every = Math.floor((accounts * rounds) / others) + 1;
  await forEach(accounts * rounds + others, async (n) => {
    // Fast, and yet so that waits end while it lasts.
    advance(0.02);
    const turn = n - Math.floor(n / every);
    const owner = n % every === every - 1 ? undefined : owners[turn % accounts];
    const name = owner?.email ?? `other${Math.floor(n / every)}@example.org`;
    const isLucky = owner !== undefined && Math.floor(turn / accounts) === luckyRound;
    const address = addressSeen(n, addresses);
    if (address !== addressOf(n % addresses)) forged += 1;
    const { kind } = await login(name, isLucky ? owner.password : `guess number ${n}`, { address });
    if (kind === 'signed-in') opened.add(name);
    if (kind !== 'throttled') evaluated.set(name, (evaluated.get(name) ?? 0) + 1);
  });
  return { mostEvaluated: Math.max(...evaluated.values()), opened: opened.size, forged };
}

/** How many owners cannot sign in with the browser that they used before, from an address that guessers use as well. */
async function lockedOut(owners: readonly Owner[]): Promise<number> {
  const login = loginOf(product);
  const outcomes: string[] = [];
  await forEach(owners.length, async (n) => {
    const owner = owners[n] as Owner;
    outcomes.push((await login(owner.email, owner.password, { address: addressOf(n), owner })).kind);
  });
  return outcomes.filter((kind) => kind !== 'signed-in').length;
}

async function run(size: Size, mutate: () => void = () => {}): Promise<Story> {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  mutate();
  const owners = await settle(size);
  const outcome = await attack(size, owners);
  const ownersLockedOut = await lockedOut(owners);
  const seen = async () => (await product.events('attack.spraying')).some(({ reason }) => reason === 'many_addresses');
  const sprayingSeen = await until('it is written down', seen).then(
    () => true,
    () => false,
  );
  return { ...outcome, ownersLockedOut, sprayingSeen };
}

describe('ten thousand guesses from five hundred addresses', () => {
  it('are hardly looked at, are noticed, open nothing and lock nobody out of a browser of theirs', async () => {
    const { mostEvaluated, ...story } = await run({ accounts: 100, others: 1000, addresses: 500 });
    expect(mostEvaluated).toBeGreaterThan(5);
    expect(mostEvaluated).toBeLessThanOrEqual(20);
    expect(story).toEqual({ opened: 0, sprayingSeen: true, ownersLockedOut: 0, forged: 0 });
  });

  it('would all be looked at without the throttle, and open accounts, as a tenth of them shows', async () => {
    const { mostEvaluated, ...story } = await run({ accounts: 10, others: 100, addresses: 50 }, () => {
      Object.assign(product.app.core.throttle, { enter: () => ({ allowed: true, settle: () => undefined }) });
    });
    expect(mostEvaluated).toBe(rounds);
    expect(story).toMatchObject({ opened: 10, sprayingSeen: false });
  });
});

describe('an account that strangers have locked', () => {
  const wrong = 'not the password at all';

  it('opens on the browser of its owner, and stays shut elsewhere, whatever headers say', async () => {
    const settings = { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } };
    product = await startProduct({ settings, env: { POSTERN_TRUST_PROXY: '127.0.0.0/8' } });
    const app = await addWebApp(product);
    const user = await product.addUser();
    const { browser: own } = await app.signIn(user, { browser: new Browser({ 'x-forwarded-for': '203.0.113.1' }) });
    const guess = async (from: string, password = wrong) => {
      const browser = new Browser({ 'x-forwarded-for': from });
      const page = await browser.open(app.request().url);
      return (await browser.submit(page, 'login-submit', { login: user.email, password })).status;
    };
    for (let n = 0; n < 15; n += 1) expect(await guess(addressOf(n))).toBe(401);
    expect(await guess('203.0.113.99', user.password)).toBe(429);
    expect(await guess('10.0.0.1, 203.0.113.99', user.password)).toBe(429);
    const page = await own.open(app.request({ prompt: 'login' }).url);
    const answer = await own.submit(page, 'login-submit', { login: user.email, password: user.password }, isBack);
    expect(isBack(answer.url)).toBe(true);
  });
});
