import { afterEach, describe, expect, it } from 'vitest';
import { createCheckLogin, type LoginOutcome } from '../../src/features/sign-in/check-login.ts';
import { createRequestContextReader } from '../../src/foundation/http/request-context.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack } from '../kit/relying-app.ts';
import { advance } from '../protocol/kit/time.ts';
import {
  addOthers,
  addressOf,
  forEach,
  guessesIn,
  guessOf,
  isSprayingSeen,
  madeUp,
  rounds,
  type Size,
} from './kit/guesses.ts';

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

/** The proxy that everything comes through, and what the guessers write left of what it says. */
const proxy = '127.0.0.1';
const readContext = createRequestContextReader({ trustProxy: ['127.0.0.0/8'] });
const addressSeen = (n: number, addresses: number): string | undefined => {
  const headers = { 'x-forwarded-for': `${madeUp(n)}, ${addressOf(n % addresses)}` };
  return readContext({ headers, socket: { remoteAddress: proxy } } as never, 'test').ip;
};

let product: Product;
afterEach(() => product.stop());

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
  await addOthers(product, others);
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
  const { addresses } = size;
  const login = loginOf(product);
  const evaluated = new Map<string, number>();
  const opened = new Set<string>();
  let forged = 0;
  await forEach(guessesIn(size), async (n) => {
    // Fast, and yet so that waits end while it lasts.
    advance(0.02);
    const guess = guessOf(n, size, owners);
    const address = addressSeen(n, addresses);
    if (address !== addressOf(n % addresses)) forged += 1;
    const { kind } = await login(guess.login, guess.password, { address });
    if (kind === 'signed-in') opened.add(guess.login);
    if (kind !== 'throttled') evaluated.set(guess.login, (evaluated.get(guess.login) ?? 0) + 1);
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
  const sprayingSeen = await isSprayingSeen(product);
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
