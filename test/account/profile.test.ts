import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp } from '../kit/relying-app.ts';
import { hrefOf, type Person } from '../mfa/kit.ts';
import { advance } from '../protocol/kit/time.ts';
import { enter } from './kit.ts';

let product: Product;
let user: Person;

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
});
beforeEach(async () => {
  user = await product.addUser({ claims: { name: 'Ada', gender: 'f' } });
  advance(900);
});
afterAll(() => product.stop());

const claims = async () => (await product.app.core.users.find(user.id))?.claims;
const updates = async () => (await product.events('user.updated')).filter(({ subject }) => subject === user.id);

describe('the profile', () => {
  it('is what apps get, with what the operator keeps beside it', async () => {
    const { browser, page } = await enter(product, user);
    const form = await browser.open(hrefOf(page, 'profile-open'));
    expect(form.text).toContain('value="Ada"');
    const picture = 'https://pictures.example/ada.png';
    const saved = await browser.submit(form, 'profile-submit', { name: ' Ada Lovelace ', picture, gender: 'x' });
    expect([saved.status, saved.text.includes('Your profile is saved')]).toEqual([200, true]);
    expect(await claims()).toEqual({ gender: 'f', name: 'Ada Lovelace', picture });
    expect((await updates()).map(({ actor, details }) => [actor, details])).toEqual([
      [{ kind: 'user', id: user.id }, { changed: ['claims'] }],
    ]);
    const app = await addWebApp(product, { first_party: true });
    const { body } = await app.tokens(user, { scope: 'openid profile' });
    expect((await app.userinfo(body['access_token'])).body).toMatchObject({ name: 'Ada Lovelace', picture });
    // Saved once more as it is, nothing happens.
    await browser.submit(await browser.open(form.url), 'profile-submit');
    expect(await updates()).toHaveLength(1);
  });

  it('refuses what cannot be, keeps what was typed, and changes nothing', async () => {
    const { browser, page } = await enter(product, user);
    const form = await browser.open(hrefOf(page, 'profile-open'));
    const bad = { picture: 'http://pictures.example/ada.png', zoneinfo: 'Nowhere', nickname: 'x'.repeat(300) };
    const refused = await browser.submit(form, 'profile-submit', { name: 'Somebody else', ...bad });
    expect([refused.status, refused.text.match(/aria-invalid="true"/g)?.length]).toEqual([400, 3]);
    expect(refused.text).toContain('value="Somebody else"');
    expect([await claims(), await updates()]).toEqual([{ name: 'Ada', gender: 'f' }, []]);
    const stranger = await new Browser().post(form.url, { name: 'x' });
    expect(stranger.headers.get('location')).toBe('/account');
  });

  it('does not undo what an operator changes at the same moment', async () => {
    const { browser, page } = await enter(product, user);
    const form = await browser.open(hrefOf(page, 'profile-open'));
    const claimsOfOperator = { name: 'Ada', gender: 'm' };
    const both = [
      browser.submit(form, 'profile-submit', { name: 'Ada Lovelace' }),
      product.app.core.users.update(
        user.id,
        { email: user.email, email_verified: true, claims: claimsOfOperator },
        byOperator,
      ),
    ];
    await Promise.all(both);
    // Whoever came first, nobody's word on a claim that they did not change is lost.
    expect((await claims())?.gender).toBe('m');
  });
});
