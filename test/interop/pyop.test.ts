import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Browser, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { type Pyop, startPyop } from '../kit/services/pyop.ts';
import { advance, standStill } from '../protocol/kit/time.ts';

let product: Product;
let pyop: Pyop;
let app: RelyingApp;

beforeAll(async () => {
  standStill();
  product = await startProduct();
  pyop = await startPyop({
    redirectUris: [`${product.url}/federation/pyop/callback`],
    people: { ada: { name: 'Ada Lovelace', email: 'ada@example.org', email_verified: true } },
  });
  app = await addWebApp(product, { first_party: true });
  const { issuer, clientId, clientSecret } = pyop;
  const client = { client_id: clientId, client_secret: clientSecret };
  await product.app.core.providers.upsert(
    { name: 'pyop', type: 'oidc', issuer, ...client, policy: { create: true } },
    byOperator,
  );
});
afterAll(async () => {
  await pyop?.stop();
  await product?.stop();
});

/** Chooses pyop, and says there who it is unless it knows. */
async function signIn(browser = new Browser(), parameters: Record<string, string> = {}): Promise<Page> {
  const start = await browser.open(app.request(parameters).url, isBack);
  const page = await browser.submit(start, 'choose-pyop', {}, isBack);
  return page.text.includes('person-ada') ? browser.submit(page, 'person-ada', {}, isBack) : page;
}

describe('sign-in with an OpenID provider that nobody here wrote (pyop, Python)', () => {
  it('makes an account, and finds it again', async () => {
    expect(isBack((await signIn()).url)).toBe(true);
    expect(isBack((await signIn()).url)).toBe(true);
    const user = await product.app.core.users.findByLogin('ada@example.org');
    expect(user).toMatchObject({ emailVerified: true, claims: { name: 'Ada Lovelace' } });
    expect((await product.events('identity.linked')).map(({ subject }) => subject)).toEqual([user?.id]);
  });

  it('goes on when pyop signs with another key, which it has not announced', async () => {
    // Keys that were read less than a minute ago are not read again for a name that nobody knows: strangers would make
    // us ask the provider as often as they like.
    await pyop.rotateKey();
    advance(61);
    expect(isBack((await signIn()).url)).toBe(true);
    await pyop.rotateKey({ dropFormer: true });
    advance(61);
    const page = await signIn();
    expect([isBack(page.url), textOf(page, 'problem')]).toEqual([true, undefined]);
  });

  it('has the person asked again there when the app wants it', async () => {
    const browser = new Browser();
    await signIn(browser);
    const start = await browser.open(app.request({ prompt: 'login' }).url, isBack);
    const asked = await browser.submit(start, 'choose-pyop', {}, isBack);
    expect(asked.url).toContain(`${pyop.issuer}/authorize`);
    expect(asked.url).toContain('prompt=login');
    const last = await browser.submit(asked, 'person-ada', {}, isBack);
    expect(isBack(last.url)).toBe(true);
  });
});
