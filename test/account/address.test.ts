import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAddressStore } from '../../src/features/addresses/store.ts';
import { byOperator } from '../../src/features/audit/module.ts';
import { createIdentityStore } from '../../src/features/federation/store.ts';
import { sha256 } from '../../src/foundation/crypto/hash.ts';
import { type Operation, statement } from '../../src/foundation/db/statement.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import type { ArrivedMail } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';
import { enrol, hrefOf, isSignInPage, type Person } from '../mfa/kit.ts';
import { enrolPasskey } from '../passkeys/kit.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance, days } from '../protocol/kit/time.ts';
import { linkIn, type Mailing, mailTo, makeResetLink, startMailing } from '../recovery/kit.ts';
import { accountPage, connectIdentity, type Entered, enter } from './kit.ts';

let mailing: Mailing;
let product: Product;
let app: RelyingApp;
let user: Person;
let count = 0;
let wanted: string;

beforeAll(async () => {
  mailing = await startMailing({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  ({ product } = mailing);
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  user = await product.addUser();
  count += 1;
  wanted = `new${count}@example.org`;
  advance(900);
});
afterAll(() => mailing.stop());

const has = (page: Page, id: string): boolean => page.text.includes(`id="${id}"`);
const mail = (to: string, subject: RegExp) => mailTo(mailing.server, to, subject);
const emailOf = async () => (await product.app.core.users.find(user.id))?.email;
const eventsOf = async (type: string) => (await product.events(type)).filter(({ subject }) => subject === user.id);

/** Asks for another address on its page. */
async function ask({ browser, page }: Entered, email = wanted, password = user.password): Promise<Page> {
  const form = await browser.open(hrefOf(page, 'email-change'));
  return browser.submit(form, 'email-submit', { email, current_password: password });
}

/** The link that confirms, once it is asked for. */
async function confirmLink(entered: Entered, email = wanted): Promise<string> {
  expect((await ask(entered, email)).status).toBe(200);
  return linkIn(await mail(email, /Confirm your address/));
}

const confirmed = async (entered: Entered, email = wanted) => {
  const link = await confirmLink(entered, email);
  return entered.browser.submit(await entered.browser.open(link), 'link-confirm');
};

/** Whoever has the account changes its address; the link that takes it back. */
async function changedByThief(): Promise<string> {
  const { clock } = product.foundations;
  const store = createAddressStore({ database: product.database, clock });
  const [id, secret] = [`hash of ${wanted}`, `secret of ${wanted}`];
  const undoUntil = clock.now() + 7 * days * 1000;
  const commit = (operation: Operation) => product.database.commit({ operations: [operation], fallback: [] });
  await commit(store.put({ id, userId: user.id, formerEmail: user.email, email: wanted, expiresAt: undoUntil }));
  await commit(store.confirm(id, { hash: sha256(secret), undoUntil }));
  await product.app.core.users.update(user.id, { email: wanted, email_verified: true }, byOperator);
  return `${product.url}/email/undo?key=${encodeURIComponent(secret)}`;
}

/** The new address hears of the change too, without a link. */
async function undoLink(to: string): Promise<string> {
  const find = () =>
    mailing.server.arrived.find(({ recipients, text }) => recipients.includes(to) && text.includes('/email/undo'));
  await until(`an undo link to ${to}`, async () => find() !== undefined);
  return linkIn(find() as ArrivedMail);
}

describe('another address', () => {
  it('counts once it is confirmed, and both addresses hear of it', async () => {
    const entered = await enter(product, user);
    const reset = await makeResetLink(product, user.id);
    const link = await confirmLink(entered);
    // Nothing has changed yet, and looking at the link changes nothing.
    expect((await entered.browser.open(link)).text).toContain(wanted);
    expect((await entered.browser.open(link)).status).toBe(200);
    expect(await emailOf()).toBe(user.email);
    const done = await entered.browser.submit(await entered.browser.open(link), 'link-confirm');
    expect([done.status, has(done, 'address-done')]).toEqual([200, true]);
    expect(await product.app.core.users.find(user.id)).toMatchObject({ email: wanted, emailVerified: true });
    expect((await entered.browser.get(link)).status).toBe(410);
    expect((await entered.browser.post(link, {})).status).toBe(410);
    expect((await new Browser().get(reset)).status).toBe(410);
    expect((await mail(wanted, /was changed/)).text).not.toContain('/email/undo');
    expect((await mail(user.email, /was changed/)).text).toContain(wanted);
    await app.signIn({ ...user, email: wanted });
    await expect(app.signIn(user)).rejects.toThrow('401');
    expect((await eventsOf('user.email_changed')).map(({ actor }) => actor)).toEqual([{ kind: 'user', id: user.id }]);
    expect(await eventsOf('user.email_change_requested')).toHaveLength(1);
  });

  it('is taken back from the former one, with all that was done with it since', async () => {
    await confirmed(await enter(product, user));
    const undo = await undoLink(user.email);
    const thief = await enter(product, { ...user, email: wanted });
    const { body } = await app.tokens(
      { ...user, email: wanted },
      { scope: 'openid offline_access', prompt: 'consent' },
    );
    const further = `further-${wanted}`;
    await confirmed(thief, further);
    const undoOfThief = await undoLink(wanted);
    const open = await confirmLink(thief, `open-${wanted}`);

    const browser = new Browser();
    const page = await browser.open(undo);
    expect([page.status, page.text.includes(user.email), await emailOf()]).toEqual([200, true, further]);
    const done = await browser.submit(page, 'link-confirm');
    expect([done.status, done.text.includes('restored')]).toEqual([200, true]);
    expect(await emailOf()).toBe(user.email);
    expect(has(await accountPage(product, thief.browser), 'sign-in-link')).toBe(true);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    for (const link of [undo, undoOfThief, open]) expect((await browser.get(link)).status).toBe(410);
    expect(await eventsOf('user.email_restored')).toHaveLength(1);
  });

  it('leaves whoever changed it no way back, and its owner one', async () => {
    const { core } = product.app;
    await enrolPasskey(product, user);
    await connectIdentity(product, user.id, 'own');
    const [own] = await core.passkeys.list(user.id);
    advance(2 * 3600);
    const undo = await changedByThief();
    await enrolPasskey(product, user);
    await enrol(product, user);
    await connectIdentity(product, user.id, 'somebody else’s');
    // They delete it as well: the mail about that went to them.
    await product.app.core.users.disable(user.id, byOperator, async () => []);
    const dueAt = Date.now() + 86_400_000;
    const insert = 'INSERT INTO account_deletions (user_id, requested_at, due_at) VALUES (?1, ?2, ?3)';
    await product.database.commit({
      operations: [
        { statement: statement('test_delete', insert), params: [user.id, Date.now(), dueAt], mustHit: true },
      ],
      fallback: [],
    });
    const browser = new Browser();
    const done = await browser.submit(await browser.open(undo), 'link-confirm');
    expect([done.status, done.text.includes('restored')]).toEqual([200, true]);
    const { totp, passkeys, recoveryCodesLeft } = await core.mfa.factors(user.id);
    const identities = await createIdentityStore(product.foundations).list(user.id);
    expect([totp, passkeys, recoveryCodesLeft, identities.map(({ subject }) => subject)]).toEqual([
      undefined,
      [own],
      0,
      [`own ${user.id}`],
    ]);
    expect((await core.users.find(user.id))?.disabledAt).toBeUndefined();
    expect(await core.passwords.has(user.id)).toBe(false);
    expect(await eventsOf('factor.removed')).toHaveLength(3);
    expect(await eventsOf('user.deletion_undone')).toHaveLength(1);
    await mail(user.email, /What was added to your account .* was removed/);
    // The button of the page leads to a new password at once.
    const href = /href="(\/reset\?key=[^"]+)"/.exec(done.text)?.[1] ?? '';
    const form = await browser.open(`${product.url}${href}`);
    const set = await browser.submit(form, 'reset-submit', { password: 'an altogether different password' });
    expect(new URL(set.url).pathname).toBe('/reset/done');
  });

  it('can be taken back for seven days', async () => {
    await confirmed(await enter(product, user));
    const undo = await undoLink(user.email);
    advance(7 * days - 60);
    expect((await new Browser().get(undo)).status).toBe(200);
    advance(120);
    expect((await new Browser().get(undo)).status).toBe(410);
    expect((await new Browser().post(undo, {})).status).toBe(410);
    expect(await emailOf()).toBe(wanted);
  });

  it('is not taken back over an account that has the former one by now', async () => {
    await confirmed(await enter(product, user));
    const undo = await undoLink(user.email);
    await product.app.core.users.create({ email: user.email, email_verified: true }, byOperator);
    const browser = new Browser();
    const refused = await browser.submit(await browser.open(undo), 'link-confirm');
    expect([refused.status, refused.text.includes('Another account')]).toEqual([409, true]);
    expect(await emailOf()).toBe(wanted);
  });

  it('is confirmed elsewhere by who knows the password', async () => {
    const link = await confirmLink(await enter(product, user));
    const other = await product.addUser();
    for (const { browser } of [{ browser: new Browser() }, await enter(product, other)]) {
      const page = await browser.open(link);
      expect(page.text).toContain('name="password"');
      expect((await browser.submit(page, 'link-confirm', {})).status).toBe(400);
      expect((await browser.submit(page, 'link-confirm', { password: 'not the right one' })).status).toBe(401);
    }
    expect(await emailOf()).toBe(user.email);
    const browser = new Browser();
    await browser.submit(await browser.open(link), 'link-confirm', { password: user.password });
    expect(await emailOf()).toBe(wanted);
    expect((await eventsOf('signin.failed')).map(({ reason }) => reason)).toEqual(['wrong_password', 'wrong_password']);
  });

  it('is confirmed once by racers, and for a day', async () => {
    const entered = await enter(product, user);
    const link = await confirmLink(entered);
    const page = await entered.browser.open(link);
    const racers = [1, 2, 3, 4].map(() => entered.browser.copy().submit(page, 'link-confirm'));
    const statuses = (await Promise.all(racers)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 410, 410, 410]);
    expect(await eventsOf('user.email_changed')).toHaveLength(1);
    const late = await confirmLink(entered, `late-${wanted}`);
    advance(days);
    expect((await new Browser().get(late)).status).toBe(410);
  });

  it('that was asked for before gives way to the next, and to a change by an operator', async () => {
    const entered = await enter(product, user);
    const first = await confirmLink(entered);
    const second = await confirmLink(entered, `second-${wanted}`);
    expect((await entered.browser.get(first)).status).toBe(410);
    await product.app.core.users.update(user.id, { email: `operator-${wanted}`, email_verified: true }, byOperator);
    const lost = await entered.browser.submit(await entered.browser.open(second), 'link-confirm');
    expect([lost.status, await emailOf()]).toEqual([410, `operator-${wanted}`]);
  });

  it('is lost when somebody else took it meanwhile', async () => {
    const entered = await enter(product, user);
    const link = await confirmLink(entered);
    const page = await entered.browser.open(link);
    await product.app.core.users.create({ email: wanted }, byOperator);
    expect((await entered.browser.submit(page, 'link-confirm')).status).toBe(410);
    expect([await emailOf(), (await eventsOf('user.email_changed')).length]).toEqual([user.email, 0]);
  });
});

describe('an address that somebody else has', () => {
  it('is answered like any other, and its owner is told', async () => {
    const owner = await product.addUser();
    const entered = await enter(product, user);
    const free = await ask(entered);
    const taken = await ask(entered, ` ${owner.email.toUpperCase()} `);
    const plain = (page: Page, email: string) =>
      page.text.replaceAll(email, 'ADDRESS').replaceAll(page.headers.get('x-request-id') ?? '', 'ID');
    expect(plain(taken, owner.email.toUpperCase())).toBe(plain(free, wanted));
    const told = await mail(owner.email, /have an account/);
    expect(told.text).not.toContain('key=');
    await mail(wanted, /Confirm your address/);
    // Nor does anything that the person can see of their own differ.
    const own = await product.app.core.audit.search({ user: user.id, limit: 100 });
    const aboutThem = own.filter(({ subject }) => subject === user.id).map(({ type }) => type);
    expect(aboutThem.filter((type) => type.startsWith('user.email') || type.startsWith('mail'))).toEqual([
      'user.email_change_requested',
      'user.email_change_requested',
    ]);
  });
});

describe('the page for another address', () => {
  it('needs a fresh sign-in, which leads on to it', async () => {
    const { browser, page } = await enter(product, user);
    const form = await browser.open(hrefOf(page, 'email-change'));
    advance(601);
    const again = await browser.submit(form, 'email-submit', { email: wanted, current_password: user.password });
    expect(isSignInPage(again)).toBe(true);
    const back = await browser.submit(again, 'login-submit', { login: user.email, password: user.password });
    expect(back.url).toBe(`${product.url}/account/email`);
    expect((await new Browser().get(`${product.url}/account/email`)).headers.get('location')).toBe('/account');
    expect((await new Browser().post(`${product.url}/account/email`, {})).headers.get('location')).toBe('/account');
  });

  it('refuses what cannot be, and says so', async () => {
    const entered = await enter(product, user);
    const problems: [string, string, number][] = [
      ['', user.password, 400],
      ['nobody', user.password, 400],
      [`a@${'b'.repeat(300)}.example`, user.password, 400],
      [user.email.toUpperCase(), user.password, 400],
      [wanted, '', 400],
      [wanted, 'not the right one', 401],
    ];
    for (const [email, password, status] of problems) {
      const page = await ask(entered, email, password);
      expect([page.status, page.text.includes('aria-invalid="true"')]).toEqual([status, true]);
    }
    expect(await rows(product.database, 'SELECT id FROM address_changes WHERE user_id = ?1', [user.id])).toEqual([]);
    expect(await eventsOf('user.email_change_requested')).toEqual([]);
    for (const path of ['confirm', 'undo']) {
      for (const key of ['', '?key=', '?key=nonsense', '?key=a&key=b']) {
        expect((await entered.browser.get(`${product.url}/email/${path}${key}`)).status).toBe(410);
        expect((await entered.browser.post(`${product.url}/email/${path}${key}`, {})).status).toBe(410);
      }
    }
  });

  it('says so where no mail can be sent', async () => {
    const silent = await startProduct();
    const person = await silent.addUser();
    const { browser, page } = await enter(silent, person);
    const off = await browser.open(hrefOf(page, 'email-change'));
    expect([off.status, off.text.includes('can&#39;t send mails') || off.text.includes("can't send mails")]).toEqual([
      200,
      true,
    ]);
    expect((await browser.post(off.url, { email: wanted, current_password: person.password })).status).toBe(409);
    await silent.stop();
  });
});
