import { randomUUID } from 'node:crypto';
import { createIdentityStore } from '../../src/features/federation/store.ts';
import { Browser, type Page } from '../kit/browser.ts';
import type { Product } from '../kit/product.ts';
import { hrefOf, isCodePage, type Person, typeCode, typePassword } from '../mfa/kit.ts';

/** A browser that is signed in on `/account`, and the page it is shown. */
export interface Entered {
  readonly browser: Browser;
  readonly page: Page;
}

export const accountPage = (product: Product, browser: Browser): Promise<Page> =>
  browser.open(`${product.url}/account`);

/** Signs in on the account page itself; with a code where one is asked for. */
export async function enter(
  product: Product,
  user: Person,
  { browser = new Browser(), code = () => '' }: { browser?: Browser; code?: () => string } = {},
): Promise<Entered> {
  const start = await accountPage(product, browser);
  let page = await typePassword(browser, await browser.open(hrefOf(start, 'sign-in-link')), user);
  if (isCodePage(page)) page = await typeCode(browser, page, code());
  return { browser, page };
}

/** Connects an identity at Google to an account, without its pages. */
export async function connectIdentity({ foundations, database }: Product, userId: string, subject: string) {
  const whose = { id: randomUUID(), userId, provider: 'google', issuer: 'https://accounts.google.com' };
  const identity = { ...whose, subject: `${subject} ${userId}`, label: undefined, attributes: {} };
  await database.commit({ operations: [createIdentityStore(foundations).add(identity)], fallback: [] });
}
