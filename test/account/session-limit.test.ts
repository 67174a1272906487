import { afterAll, beforeAll, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { enrolOnPage, hrefOf, setPolicy } from '../mfa/kit.ts';
import { advance } from '../protocol/kit/time.ts';

let product: Product;
let app: RelyingApp;

beforeAll(async () => {
  const password = { hash: { memory: 7168, time: 1, parallelism: 1 } };
  product = await startProduct({ settings: { password, sessions: { maximum: 2 } } });
  app = await addWebApp(product, { first_party: true });
});
afterAll(() => product.stop());

it('lets the oldest sign-in of a person give way, and no other', async () => {
  const user = await product.addUser();
  const other = await product.addUser();
  const isIn = async (browser: Browser) => isBack((await browser.open(app.request().url, isBack)).url);
  const browsers = Array.from({ length: 3 }, () => new Browser());
  const strange = new Browser();
  await app.signIn(other, { browser: strange });
  for (const browser of browsers) {
    await app.signIn(user, { browser });
    // Proving it once more in the same browser takes no further place.
    await app.signIn(user, { browser, parameters: { prompt: 'login' } });
    advance(5);
  }
  expect(await Promise.all([...browsers, strange].map(isIn))).toEqual([false, true, true, true]);
  const ended = (await product.events('session.ended')).filter(({ subject }) => subject === user.id);
  expect(ended.map(({ details }) => details['by'])).toEqual(['limit']);
});

it('lets no sign-in give way to itself, though it owes a second factor by now', async () => {
  const user = await product.addUser();
  const [own, other] = [new Browser(), new Browser()];
  await app.signIn(user, { browser: own });
  advance(5);
  await app.signIn(user, { browser: other });
  await setPolicy(product, 'required');
  const { page } = await enrolOnPage(own, await own.open(app.request().url));
  const back = await own.open(hrefOf(page, 'recovery-done'), isBack);
  await setPolicy(product, 'optional');
  expect(isBack(back.url)).toBe(true);
  expect((await product.events('session.ended')).filter(({ subject }) => subject === user.id)).toEqual([]);
});
