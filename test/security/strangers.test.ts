import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';

let product: Product;
let app: RelyingApp;

beforeAll(async () => {
  product = await startProduct({ settings: { limits: { anonymousPerMinute: 60 } } });
  app = await addWebApp(product);
});
afterAll(() => product.stop());

describe('callers who have proved nothing', () => {
  it('cannot have more stored than their share, and are told when to come back; signed-in people go on', async () => {
    const user = await product.addUser();
    const { browser } = await app.signIn(user);
    const statuses: number[] = [];
    for (let request = 0; request < 70; request += 1)
      statuses.push((await new Browser().get(app.request().url)).status);
    expect(new Set(statuses)).toEqual(new Set([303, 429]));
    const page = await new Browser().get(app.request().url);
    expect(page.status).toBe(429);
    expect(textOf(page, 'error-code')).toBe('too_many_requests');
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(page.headers.get('set-cookie')).toBeNull();
    const silent = await browser.open(app.request({ prompt: 'none' }).url, isBack);
    expect(new URL(silent.url).searchParams.get('code')).not.toBeNull();
  });
});
