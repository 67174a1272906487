import { type Product, startProduct, type TestUser } from '../../kit/product.ts';
import { addWebApp, type RelyingApp } from '../../kit/relying-app.ts';
import { advance } from '../../protocol/kit/time.ts';
import { addOthers, addressOf, forEach, guessesIn, guessOf, isSprayingSeen, madeUp, type Size } from './guesses.ts';
import { closeVisits, Visitor, type Way } from './visitor.ts';

/** An attack over HTTP. */
export interface SizeOverHttp extends Size {
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

/** Every so manieth guess comes without the proxy. */
const forgedShare = 5;

/** The proxy that the server trusts, and a peer that it does not, both of loopback. */
const proxy = '127.0.0.2';
const forger = '127.0.0.3';

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
  await addOthers(product, others);
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
  const guessers = Array.from({ length: size.addresses }, (_, n) => new Visitor(app, throughProxy(addressOf(n))));
  const liar = new Visitor(app, asForger());
  const evaluated = new Map<string, number>();
  const opened = new Set<string>();
  let evaluatedOfForger = 0;
  await forEach(guessesIn(size), async (n) => {
    // Fast, and yet so that waits end while it lasts.
    advance(0.02);
    const { login, password } = guessOf(n, size, owners);
    const isForged = n % forgedShare === 0;
    const guesser = isForged ? liar : (guessers[n % size.addresses] as Visitor);
    const status = await guess(guesser, login, password);
    if (status === 303) opened.add(login);
    if (status === 429) return;
    evaluated.set(login, (evaluated.get(login) ?? 0) + 1);
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
export async function guessOverHttp(size: SizeOverHttp, { withoutThrottle = false } = {}): Promise<Story> {
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
    const sprayingSeen = await isSprayingSeen(product);
    const told = await product.app.core.audit.search({ limit: 10_000 });
    const forgedAddresses = told.filter(({ ip }) => ip?.startsWith('10.')).length;
    return { ...outcome, ownersLockedOut, sprayingSeen, forgedAddresses };
  } finally {
    closeVisits();
    await product.stop();
  }
}
