import { type Product, startProduct, type TestUser } from '../../kit/product.ts';
import { addWebApp, type RelyingApp } from '../../kit/relying-app.ts';
import { until } from '../../kit/until.ts';
import { advance } from '../../protocol/kit/time.ts';
import { closeVisits, Visitor, type Way } from './visitor.ts';

/** How large the attack is: guesses at some accounts again and again, and one at each of many others. */
export interface Size {
  readonly accounts: number;
  readonly others: number;
  readonly addresses: number;
  /** How many accounts have to be tried until it is noticed, where it is not as many as an operator would wait for. */
  readonly noticedAfter?: number;
}

/** What became of it. */
export interface Story {
  /** Guesses that were looked at, of the account with the most. */
  readonly mostEvaluated: number;
  /** Guesses that were looked at from the peer that writes its own headers. */
  readonly evaluatedOfForger: number;
  readonly opened: number;
  readonly sprayingSeen: boolean;
  readonly ownersLockedOut: number;
  /** Addresses in the audit that guessers made up. */
  readonly forgedAddresses: number;
}

export const rounds = 90;
/** In which round the guesser finds the right password. */
const luckyRound = 40;
const atOnce = 8;
/** Every so manieth guess comes without the proxy. */
const forgedShare = 5;

/** The proxy that the server trusts, and a peer that it does not, both of loopback. */
const proxy = '127.0.0.2';
const forger = '127.0.0.3';
const addressOf = (n: number): string => `198.18.${n >> 8}.${n & 255}`;
const madeUp = (n: number): string => `10.${n & 255}.${(n >> 8) & 255}.7`;

/** Through the proxy, which adds the address that it sees behind whatever the visitor claims. */
function throughProxy(address: string): Way {
  let request = 0;
  return { peer: proxy, forwardedFor: () => `${madeUp(request++)}, ${address}` };
}

/** Straight to the server, claiming to be a proxy and somebody else each time. */
function asForger(): Way {
  let request = 0;
  return { peer: forger, forwardedFor: () => `${addressOf(request & 127)}, ${madeUp(request++)}` };
}

/** Does it for every number below `count`, a few at a time. */
async function forEach(count: number, work: (n: number) => Promise<unknown>, workers = atOnce): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

type Owner = TestUser & { readonly visitor: Visitor };

/** Owners who have signed in before, each with a browser of their own, and people who never come. */
async function settle(product: Product, app: RelyingApp, { accounts, others }: Size): Promise<Owner[]> {
  const owners: Owner[] = [];
  await forEach(
    accounts,
    async (n) => {
      const user = await product.addUser();
      const visitor = new Visitor(app, throughProxy(`198.19.${n >> 8}.${n & 255}`));
      if (!(await visitor.signIn(user.email, user.password))) throw new Error('an owner could not sign in');
      owners.push({ ...user, visitor });
    },
    2,
  );
  const other = (n: number) => {
    const email = `other${n}@example.org`;
    const times = { createdAt: 0n, updatedAt: 0n };
    return { id: `other ${n}`, email, emailKey: email, emailVerified: true, claims: '{}', ...times };
  };
  for (let from = 0; from < others; from += 50) {
    const data = Array.from({ length: Math.min(50, others - from) }, (_, n) => other(from + n));
    await product.database.together((tx) => tx.user.createMany({ data }));
  }
  return owners;
}

/** One guess, made again where it was not looked at because the page had been used or the server was busy. */
async function guess(guesser: Visitor, login: string, password: string): Promise<number> {
  for (let turn = 0; turn < 20; turn += 1) {
    const status = await guesser.try(login, password);
    if ([303, 401, 429].includes(status)) return status;
    if (status !== 400 && status !== 503) throw new Error(`a guess was answered with ${status}`);
  }
  throw new Error('the server looks at no guess');
}

async function attack(app: RelyingApp, size: Size, owners: readonly Owner[]) {
  const { accounts, others, addresses } = size;
  const guessers = Array.from({ length: addresses }, (_, n) => new Visitor(app, throughProxy(addressOf(n))));
  const liar = new Visitor(app, asForger());
  const evaluated = new Map<string, number>();
  const opened = new Set<string>();
  let evaluatedOfForger = 0;
  const every = Math.floor((accounts * rounds) / others) + 1;
  await forEach(accounts * rounds + others, async (n) => {
    // Fast, and yet so that waits end while it lasts.
    advance(0.02);
    const turn = n - Math.floor(n / every);
    const owner = n % every === every - 1 ? undefined : owners[turn % accounts];
    const name = owner?.email ?? `other${Math.floor(n / every)}@example.org`;
    const isLucky = owner !== undefined && Math.floor(turn / accounts) === luckyRound;
    const isForged = n % forgedShare === 0;
    const guesser = isForged ? liar : (guessers[n % addresses] as Visitor);
    const status = await guess(guesser, name, isLucky ? owner.password : `guess number ${n}`);
    if (status === 303) opened.add(name);
    if (status === 429) return;
    evaluated.set(name, (evaluated.get(name) ?? 0) + 1);
    if (isForged) evaluatedOfForger += 1;
  });
  return { mostEvaluated: Math.max(...evaluated.values()), evaluatedOfForger, opened: opened.size };
}

/** How many owners cannot sign in with the browser that they used before, from an address that guessers use as well. */
async function lockedOut(owners: readonly Owner[]): Promise<number> {
  let count = 0;
  await forEach(
    owners.length,
    async (n) => {
      const { email, password, visitor } = owners[n] as Owner;
      visitor.move(throughProxy(addressOf(n)));
      if (!(await visitor.signIn(email, password))) count += 1;
    },
    2,
  );
  return count;
}

/**
 * Attacks a server over HTTP: from many addresses behind a proxy that it trusts, each with a forged part in front, and
 * from a peer that it does not trust and that claims other addresses. `withoutThrottle` switches off what is tested.
 */
export async function guessOverHttp(size: Size, { withoutThrottle = false } = {}): Promise<Story> {
  const hash = { memory: 7168, time: 1, parallelism: 1 };
  const limits = size.noticedAfter === undefined ? {} : { accountsInAll: size.noticedAfter };
  const product = await startProduct({
    env: { POSTERN_TRUST_PROXY: `${proxy}/32` },
    settings: { password: { hash }, limits },
  });
  try {
    if (withoutThrottle) {
      Object.assign(product.app.core.throttle, { enter: () => ({ allowed: true, settle: () => undefined }) });
    }
    const app = await addWebApp(product, { first_party: true });
    const owners = await settle(product, app, size);
    const outcome = await attack(app, size, owners);
    const ownersLockedOut = await lockedOut(owners);
    const seen = async () =>
      (await product.events('attack.spraying')).some(({ reason }) => reason === 'many_addresses');
    const sprayingSeen = await until('it is written down', seen).then(
      () => true,
      () => false,
    );
    const told = await product.app.core.audit.search({ limit: 10_000 });
    const forgedAddresses = told.filter(({ ip }) => ip?.startsWith('10.')).length;
    return { ...outcome, ownersLockedOut, sprayingSeen, forgedAddresses };
  } finally {
    closeVisits();
    await product.stop();
  }
}
