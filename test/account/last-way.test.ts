import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { createIdentityStore } from '../../src/features/federation/store.ts';
import { statement } from '../../src/foundation/db/statement.ts';
import type { Authenticator } from '../kit/authenticator.ts';
import { race } from '../kit/barrier.ts';
import { Browser, formOf, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { hrefOf, type Person } from '../mfa/kit.ts';
import { enrolPasskey, signedForm, signOn } from '../passkeys/kit.ts';
import { advance } from '../protocol/kit/time.ts';
import { accountPage, connectIdentity } from './kit.ts';

let product: Product;
let user: Person;

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  const google = { name: 'google', type: 'google', client_id: 'here', client_secret: 'a secret of theirs' } as const;
  await product.app.core.providers.upsert(google, byOperator);
});
beforeEach(async () => {
  // Somebody who has never had a password.
  const email = `${randomUUID()}@example.org`;
  const { id } = await product.app.core.users.create({ email, email_verified: true }, byOperator);
  user = { id, email, password: '', claims: {}, administrator: false };
  advance(900);
});
afterAll(() => product.stop());

const keysOf = () => product.app.core.passkeys.list(user.id);
const identitiesOf = () => createIdentityStore(product.foundations).list(user.id);
const waysIn = async () => (await keysOf()).length + (await identitiesOf()).length;
const cookiesOf = (browser: Browser) =>
  browser
    .cookies()
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');

async function setPassword(): Promise<void> {
  const operations = await product.app.core.passwords.set(user.id, 'a long enough password', user, byOperator);
  await product.database.commit({ operations, fallback: [] });
}

/** Signs in on the account page by a passkey. */
async function enter(key: Authenticator): Promise<{ browser: Browser; page: Page }> {
  const browser = new Browser();
  const start = await browser.open(hrefOf(await accountPage(product, browser), 'sign-in-link'));
  return { browser, page: await signOn(browser, start, 'passkey-sign-in', [key]) };
}

/** The page that asks for a factor before this passkey goes. */
const askToRemove = (browser: Browser, passkey: string): Promise<Page> =>
  browser.post(`${product.url}/account/passkeys/remove`, { passkey });

/** What would remove this passkey, signed by that one. */
async function removal(
  browser: Browser,
  passkey: string,
  key: Authenticator,
): Promise<Readonly<Record<string, string>>> {
  return signedForm(await askToRemove(browser, passkey), 'passkey-submit', key);
}

describe('the last way into an account', () => {
  it('is no passkey that can be removed, until there is another one', async () => {
    const key = await enrolPasskey(product, user);
    const { browser, page } = await enter(key);
    const refused = await browser.submit(page, 'factor-remove');
    expect([refused.status, textOf(refused, 'problem')]).toEqual([
      409,
      'This is the only way into your account. Set a password or connect another account before you remove it.',
    ]);
    // Nor by the form that follows, with a factor shown.
    const [own] = await keysOf();
    await connectIdentity(product, user.id, 'own');
    const form = await removal(browser, own?.id ?? '', key);
    const [identity] = await identitiesOf();
    await browser.post(`${product.url}/account/identities/unlink`, { identity: identity?.id ?? '' });
    const late = await browser.post(`${product.url}/account/passkeys/remove`, { ...form });
    expect([late.status, (await keysOf()).length, await product.events('factor.removed')]).toEqual([409, 1, []]);
    await setPassword();
    const ask = await browser.submit(await accountPage(product, browser), 'factor-remove');
    expect((await signOn(browser, ask, 'passkey-submit', [key])).url).toContain('done=passkey-removed');
    expect(await keysOf()).toEqual([]);
  });

  it('is no identity that can be taken off beside a key that never checked its person', async () => {
    await connectIdentity(product, user.id, 'own');
    const key = await enrolPasskey(product, user);
    const { browser, page } = await enter(key);
    const unverified = statement('test_unverified', 'UPDATE passkeys SET last_verified_at = NULL WHERE user_id = ?1');
    const operations = [{ statement: unverified, params: [user.id], mustHit: true }];
    await product.database.commit({ operations, fallback: [] });
    expect((await browser.submit(page, 'identity-unlink')).status).toBe(409);
    // The key is none, so it may go: the identity stays.
    const [own] = await keysOf();
    expect((await askToRemove(browser, own?.id ?? '')).status).toBe(200);
    expect(await identitiesOf()).toHaveLength(1);
  });

  it('is no identity of a provider that nobody may use', async () => {
    await connectIdentity(product, user.id, 'own');
    const { browser, page } = await enter(await enrolPasskey(product, user));
    const google = { name: 'google', type: 'google', client_id: 'here', disabled: true } as const;
    await product.app.core.providers.upsert(google, byOperator);
    expect((await browser.submit(page, 'factor-remove')).status).toBe(409);
    await product.app.core.providers.upsert({ ...google, disabled: false }, byOperator);
    expect((await browser.submit(page, 'factor-remove')).status).toBe(200);
  });

  it.each(['a passkey and an identity', 'two passkeys'])('is left of %s that are taken away at once', async (kind) => {
    const key = await enrolPasskey(product, user);
    const { browser } = await enter(key);
    const [first] = await keysOf();
    const headers = { cookie: cookiesOf(browser), 'sec-fetch-site': 'same-origin' };
    const at = { origin: product.url, method: 'POST', headers } as const;
    const remove = '/account/passkeys/remove';
    if (kind === 'two passkeys') {
      const other = await enrolPasskey(product, user);
      const second = (await keysOf()).find(({ id }) => id !== first?.id);
      const forms = [await removal(browser, first?.id ?? '', other), await removal(browser, second?.id ?? '', key)];
      await race(forms.map((form) => ({ ...at, path: remove, form })));
    } else {
      await connectIdentity(product, user.id, 'own');
      const [identity] = await identitiesOf();
      const form = await removal(browser, first?.id ?? '', key);
      const unlink = { path: '/account/identities/unlink', form: { identity: identity?.id ?? '' } };
      await race([
        { ...at, path: remove, form },
        { ...at, ...unlink },
      ]);
    }
    expect(await waysIn()).toBe(1);
  });

  it('is a link to a new password where "this was not me" takes all there is', async () => {
    await enrolPasskey(product, user);
    const options = { ttlSeconds: 3600, subject: user.id };
    const { secret } = await product.app.core.users.links.create('not-me', options, byOperator);
    const browser = new Browser();
    const reset = await browser.submit(await browser.open(`${product.url}/not-me?key=${secret}`), 'link-confirm');
    expect([await waysIn(), new URL(reset.url).pathname, formOf(reset, 'reset-submit').fields]).toEqual([
      0,
      '/reset',
      expect.anything(),
    ]);
    const done = await browser.submit(reset, 'reset-submit', { password: 'an altogether different password' });
    expect(new URL(done.url).pathname).toBe('/reset/done');
    expect(await product.app.core.passwords.has(user.id)).toBe(true);
  });
});
