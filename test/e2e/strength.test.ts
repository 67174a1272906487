import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { wordsOf } from '../../src/features/passwords/own-words.ts';
import { strengthOf } from '../../src/features/passwords/strength.ts';
import { axeViolations } from '../kit/axe.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { launchBrowser } from '../kit/services/chromium.ts';
import { until } from '../kit/until.ts';
import { makeResetLink } from '../recovery/kit.ts';
import { watch } from './kit.ts';

const claims = { name: 'Ada Lovelace', given_name: 'Ada' };
const typed = [
  'password1234567',
  'lovelace lovelace',
  'aaaaaaaaaaaaaaaaaaaa',
  'qwertzuiopasdfghjkl',
  'Correct-Horse-2024',
  'a lighthouse keeper at dawn',
  'über den Wolken 1974',
  '海の見える丘の上で会いましょう',
  'zK8#vQ2!mW9@pL4$',
];

let product: Product;
let browser: Browser;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  browser = await launchBrowser();
  user = await product.addUser({ claims });
});
afterAll(async () => {
  await browser.close();
  await product.stop();
});

const scoreOf = (password: string) => strengthOf(password, wordsOf({ ...user, claims }, 'localhost'));

async function openReset(options = {}): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 390, height: 800 }, ...options })).newPage();
  await page.goto(await makeResetLink(product, user.id));
  return page;
}

/** Types a password and waits for the verdict on it. */
async function verdictOn(page: Page, password: string): Promise<{ score: number; says: string; value: number }> {
  await page.fill('#password', '');
  await page.locator('.strength').waitFor({ state: 'hidden' });
  await page.fill('#password', password);
  await page.locator('.strength').waitFor({ state: 'visible' });
  const box = page.locator('.strength');
  return {
    score: Number(await box.getAttribute('data-score')),
    says: (await box.locator('p').textContent()) ?? '',
    value: await box.locator('meter').evaluate((meter) => (meter as unknown as { value: number }).value),
  };
}

describe('the strength meter', () => {
  it('says of each password what the server thinks of it, in words too', async () => {
    const page = await openReset({ colorScheme: 'dark' });
    const { complaints } = watch(page.context(), [product.url]);
    const seen = [];
    for (const password of typed) {
      const { score, says, value } = await verdictOn(page, password);
      seen.push(score);
      expect([password, score]).toEqual([password, await scoreOf(password)]);
      expect([says, value]).toEqual([expect.stringMatching(/guess\.$/), score + 1]);
    }
    expect(new Set(seen).size).toBeGreaterThan(2);
    expect([...complaints, ...(await axeViolations(page))]).toEqual([]);
    await page.context().close();
  });

  it('calls nothing strong that is too short, or too little for the operator', async () => {
    const page = await openReset();
    expect(await verdictOn(page, 'zK8#vQ2!mW9@p')).toMatchObject({ says: 'Too short so far.', value: 2 });
    await page.context().close();
    await product.app.core.settings.set({ password: { minScore: 4 } }, byOperator);
    const strict = await openReset();
    const { says, score } = await verdictOn(strict, 'lovelace lovelace lamp');
    expect([says.endsWith('This service asks for a stronger one.'), score < 4]).toEqual([true, true]);
    await strict.click('#reset-submit');
    await until(
      'the server says so as well',
      async () => (await strict.textContent('#password-error')) !== null,
      10_000,
    );
    await product.app.core.settings.set({ password: { minScore: 0 } }, byOperator);
    await strict.context().close();
  });

  it('sends nothing of what is typed', async () => {
    const page = await openReset();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    await verdictOn(page, 'a lighthouse keeper at dawn');
    expect(asked.filter((one) => !/^GET \/assets\/[\w-]+\.[0-9a-f]{16}\.(js|svg)$/.test(one))).toEqual([]);
    await page.context().close();
  });

  it('is not there without JavaScript', async () => {
    const page = await openReset({ javaScriptEnabled: false });
    expect(await page.locator('.strength').isVisible()).toBe(false);
    await page.context().close();
  });
});
