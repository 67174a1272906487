import type { Product, TestUser } from '../../kit/product.ts';
import { until } from '../../kit/until.ts';

/** How large an attack is: guesses at some accounts again and again, and one at each of many others. */
export interface Size {
  readonly accounts: number;
  readonly others: number;
  readonly addresses: number;
}

/** How often each of the accounts is tried. */
export const rounds = 90;
/** In which round the guesser finds the right password. */
const luckyRound = 40;
const atOnce = 8;

/** Where a guesser is. */
export const addressOf = (n: number): string => `198.18.${n >> 8}.${n & 255}`;
/** Where a guesser claims to be. */
export const madeUp = (n: number): string => `10.${n & 255}.${(n >> 8) & 255}.7`;

/** Does it for every number below `count`, a few at a time. */
export async function forEach(count: number, work: (n: number) => Promise<unknown>, workers = atOnce): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

/** People who never come, and have no password. */
export async function addOthers({ database }: Product, count: number): Promise<void> {
  const other = (n: number) => {
    const email = `other${n}@example.org`;
    const times = { createdAt: 0n, updatedAt: 0n };
    return { id: `other ${n}`, email, emailKey: email, emailVerified: true, claims: '{}', ...times };
  };
  for (let from = 0; from < count; from += 50) {
    const data = Array.from({ length: Math.min(50, count - from) }, (_, n) => other(from + n));
    await database.together((tx) => tx.user.createMany({ data }));
  }
}

/** How many guesses there are in all. */
export const guessesIn = ({ accounts, others }: Size): number => accounts * rounds + others;

/** The guess of a number: the accounts in turn, and between them the others, evenly spread. */
export function guessOf(n: number, { accounts, others }: Size, owners: readonly TestUser[]) {
  const every = Math.floor((accounts * rounds) / others) + 1;
  const turn = n - Math.floor(n / every);
  const owner = n % every === every - 1 ? undefined : owners[turn % accounts];
  const login = owner?.email ?? `other${Math.floor(n / every)}@example.org`;
  const isLucky = owner !== undefined && Math.floor(turn / accounts) === luckyRound;
  return { login, password: isLucky ? owner.password : `guess number ${n}` };
}

/** Whether the audit comes to say that many accounts are tried from many addresses. */
export async function isSprayingSeen(product: Product): Promise<boolean> {
  const seen = async () => (await product.events('attack.spraying')).some(({ reason }) => reason === 'many_addresses');
  return until('it is written down', seen).then(
    () => true,
    () => false,
  );
}
