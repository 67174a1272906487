import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp } from '../kit/relying-app.ts';
import { hrefOf, type Person } from '../mfa/kit.ts';
import { advance } from '../protocol/kit/time.ts';
import { accountPage, enter } from './kit.ts';

let product: Product;
let user: Person;

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
});
beforeEach(async () => {
  user = await product.addUser();
  advance(900);
});
afterAll(() => product.stop());

const titles = (page: Page): string[] =>
  [...page.text.matchAll(/class="row-title">([\s\S]*?)<\/p>/g)].map(([, text = '']) =>
    text
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
const open = async (browser: Browser) => browser.open(hrefOf(await accountPage(product, browser), 'activity-open'));

describe('activity', () => {
  it('tells a person in words what happened, the newest first, with the app and the address', async () => {
    const app = await addWebApp(product, { client_name: 'Harbour Books' });
    const { browser } = await app.tokens(user, { scope: 'openid email' });
    const page = await open(browser);
    expect(titles(page).slice(0, 2).sort()).toEqual(['An app was allowed Harbour Books', 'Signed in Harbour Books']);
    expect(titles(page).at(-1)).toBe('The account was created');
    expect(page.text).toContain('from 127.0.0.1');
    expect(page.text).not.toMatch(/token\.issued|Something was done/);
    const german = await browser.with({ 'accept-language': 'de' }).open(`${product.url}/account/activity`);
    expect(titles(german)).toContain('Eine App wurde zugelassen Harbour Books');
  });

  it('goes on page by page and ends', async () => {
    const { browser } = await enter(product, user);
    const events = Array.from({ length: 60 }, () =>
      product.app.core.audit.record(
        { type: 'reset.requested', outcome: 'success', actor: { kind: 'anonymous' }, subject: user.id },
        {},
      ),
    );
    await product.database.commit({ operations: events, fallback: [] });
    let page = await open(browser);
    const lengths = [titles(page).length];
    while (page.text.includes('activity-earlier')) {
      page = await browser.open(hrefOf(page, 'activity-earlier'));
      lengths.push(titles(page).length);
    }
    expect([lengths.slice(0, 2), lengths.reduce((sum, one) => sum + one, 0) > 60]).toEqual([[25, 25], true]);
    expect(page.text).toContain('Nothing earlier is kept');
    for (const query of ['?before=', '?before=nonsense', '?before=a&before=b', `?before=${'x'.repeat(2000)}`]) {
      expect((await browser.open(`${product.url}/account/activity${query}`)).status).toBe(200);
    }
  });

  it('has nothing of anybody else, also where they did it, and a general sentence for what has no words', async () => {
    const other = await product.addUser({ administrator: true });
    const facts = { ip: '198.51.100.7', userAgent: 'their browser' };
    const by = { kind: 'user', id: other.id } as const;
    const { audit } = product.app.core;
    const about = (type: 'user.updated' | 'role.assigned', subject: string) =>
      audit.record({ type, outcome: 'success', actor: by, subject, details: { note: 'a secret of theirs' } }, facts);
    const operations = [
      about('user.updated', user.id),
      about('role.assigned', user.id),
      about('user.updated', other.id),
    ];
    await product.database.commit({ operations, fallback: [] });
    const { browser } = await enter(product, user);
    const page = await open(browser);
    expect(titles(page).filter((title) => title === 'The account was changed')).toHaveLength(1);
    expect(titles(page)).toContain('Something was done with your account');
    for (const text of [other.id, other.email, facts.ip, facts.userAgent, 'a secret of theirs'])
      expect(page.text).not.toContain(text);
    // What the administrator did to others is not about themselves.
    const theirs = await open((await enter(product, other)).browser);
    expect(titles(theirs).filter((title) => title === 'The account was changed')).toHaveLength(1);
    expect((await new Browser().get(`${product.url}/account/activity`)).headers.get('location')).toBe('/account');
  });
});
