import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { userDisable, userEnable } from '../../src/app/commands/user.ts';
import { byOperator } from '../../src/features/audit/module.ts';
import { deletionOperations } from '../../src/features/deletions/module.ts';
import { statement } from '../../src/foundation/db/statement.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import type { ArrivedMail } from '../kit/services/mail-server.ts';
import { enrol, hrefOf, isSignInPage, type Person } from '../mfa/kit.ts';
import { isActive } from '../protocol/kit/apps.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance, days } from '../protocol/kit/time.ts';
import { linkIn, type Mailing, mailTo, startMailing } from '../recovery/kit.ts';
import { accountPage, type Entered, enter } from './kit.ts';

let mailing: Mailing;
let product: Product;
let app: RelyingApp;
let user: Person;

beforeAll(async () => {
  mailing = await startMailing({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  ({ product } = mailing);
  await product.addUser({ administrator: true });
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  user = await product.addUser({ claims: { name: 'Ada Lovelace' } });
  advance(900);
});
afterAll(() => mailing.stop());

const has = (page: Page, id: string): boolean => page.text.includes(`id="${id}"`);
const typesOf = async (id = user.id) =>
  (await product.app.core.audit.search({ subject: id, limit: 200 })).map(({ type }) => type);
const isThere = async (id = user.id) => (await product.app.core.users.find(id)) !== undefined;

/** The mail that tells a person that their deletion was undone. */
const isNoticeTo =
  ({ email }: Person) =>
  ({ recipients, subject }: ArrivedMail) =>
    recipients.includes(email) && subject.endsWith('is kept');

/** From the account page to the answer; the button is called the same on both pages. */
async function leave({ browser, page }: Entered, password = user.password): Promise<Page> {
  const asked = await browser.submit(page, 'delete-account');
  return browser.submit(asked, 'delete-account', { current_password: password });
}

describe('an account that its person deletes', () => {
  it('is refused at once, and what it held has ended', async () => {
    const { body } = await app.tokens(user, { scope: 'openid offline_access', prompt: 'consent' });
    const other = await enter(product, user);
    const entered = await enter(product, user);
    const left = await leave(entered);
    expect([left.status, has(left, 'delete-undo')]).toEqual([200, true]);
    expect(has(await accountPage(product, entered.browser), 'sign-in-link')).toBe(true);
    expect(has(await accountPage(product, other.browser), 'sign-in-link')).toBe(true);
    expect(await isActive(app, body['access_token'])).toBe(false);
    expect((await app.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await typesOf()).toEqual(expect.arrayContaining(['user.deletion_requested', 'user.disabled']));
    await product.app.deletions.eraseDue();
    expect(await isThere()).toBe(true);
  });

  it('comes back by the link of the mail, which works once', async () => {
    await leave(await enter(product, user));
    const link = linkIn(await mailTo(mailing.server, user.email, /is to be deleted/));
    const browser = new Browser();
    expect((await browser.open(link)).status).toBe(200);
    const page = await browser.open(link);
    const racers = await Promise.all([1, 2, 3].map(() => browser.copy().submit(page, 'delete-undo')));
    expect(racers.map(({ status }) => status).sort()).toEqual([200, 410, 410]);
    expect((await browser.get(link)).status).toBe(410);
    expect((await typesOf()).filter((type) => type === 'user.deletion_undone')).toHaveLength(1);
    await mailTo(mailing.server, user.email, /is kept$/);
    expect(mailing.server.arrived.filter(isNoticeTo(user))).toHaveLength(1);
    await enter(product, user);
    advance(20 * days);
    await product.app.deletions.eraseDue();
    expect(await isThere()).toBe(true);
  });

  it('comes back by its password at the sign-in, which nobody else is told of', async () => {
    await leave(await enter(product, user));
    const browser = new Browser();
    const start = await browser.open(hrefOf(await accountPage(product, browser), 'sign-in-link'));
    const unknown = await browser.submit(start, 'login-submit', { login: user.email, password: 'not the right one' });
    expect([unknown.status, has(unknown, 'login-page')]).toEqual([401, true]);
    const offered = await browser.submit(start, 'login-submit', { login: user.email, password: user.password });
    expect([offered.status, has(offered, 'delete-undo')]).toEqual([200, true]);
    const back = await browser.submit(offered, 'delete-undo');
    expect([back.status, has(back, 'returned-page')]).toEqual([200, true]);
    expect((await mailTo(mailing.server, user.email, /is kept$/)).text).toContain('127.0.0.1');
    // It starts no session: signing in asks for whatever it asks for.
    expect(has(await accountPage(product, browser), 'sign-in-link')).toBe(true);
    expect((await enter(product, user)).page.url).toBe(`${product.url}/account`);
  });

  it('is let in again by an operator, who calls the deletion off, and kept out by one who disables it', async () => {
    const io = { json: false, out: () => undefined, err: () => undefined };
    const nothing = async () => [];
    const operator = {
      ...product.app.core,
      database: product.database,
      deletions: deletionOperations(product.foundations),
      notices: { about: () => [] },
      endings: nothing,
      logoutNotices: nothing,
      resetUrl: String,
      invitationUrl: String,
    };
    await leave(await enter(product, user));
    await userEnable(io, operator, { login: user.email });
    await userDisable(io, operator, { login: user.email });
    advance(20 * days);
    await product.app.deletions.eraseDue();
    expect(await isThere()).toBe(true);

    const second = await product.addUser();
    user = second;
    await leave(await enter(product, second));
    const link = linkIn(await mailTo(mailing.server, second.email, /is to be deleted/));
    await userDisable(io, operator, { login: second.email });
    expect((await new Browser().get(link)).status).toBe(410);
    const browser = new Browser();
    const start = await browser.open(hrefOf(await accountPage(product, browser), 'sign-in-link'));
    const refused = await browser.submit(start, 'login-submit', { login: second.email, password: second.password });
    expect([refused.status, has(refused, 'login-page')]).toEqual([401, true]);
    advance(20 * days);
    await product.app.deletions.eraseDue();
    expect(await isThere(second.id)).toBe(false);
  });

  it('needs a fresh sign-in and the password', async () => {
    const entered = await enter(product, user);
    for (const [password, status] of [
      ['', 400],
      ['not the right one', 401],
    ] as const) {
      const refused = await leave(entered, password);
      expect([refused.status, has(refused, 'delete-page')]).toEqual([status, true]);
    }
    const asked = await entered.browser.submit(entered.page, 'delete-account');
    advance(601);
    const again = await entered.browser.submit(asked, 'delete-account', { current_password: user.password });
    expect(isSignInPage(again)).toBe(true);
    expect((await new Browser().post(`${product.url}/account/delete`, {})).headers.get('location')).toBe('/account');
    for (const key of ['', '?key=', '?key=nonsense', '?key=a&key=b']) {
      expect((await new Browser().get(`${product.url}/account/undelete${key}`)).status).toBe(410);
      expect((await new Browser().post(`${product.url}/account/undelete${key}`, {})).status).toBe(410);
    }
    expect(await typesOf()).not.toContain('user.deletion_requested');
  });

  it('is not the last one that can administer the server', async () => {
    const small = await startProduct();
    const last = await small.addUser({ administrator: true });
    const { browser, page } = await enter(small, last);
    const asked = await browser.submit(page, 'delete-account');
    const send = () => browser.submit(asked, 'delete-account', { current_password: last.password });
    const refused = await send();
    expect([refused.status, has(refused, 'problem')]).toEqual([409, true]);
    // A disabled one does not count.
    const other = await small.addUser({ administrator: true });
    await small.app.core.users.disable(other.id, byOperator, async () => []);
    expect((await send()).status).toBe(409);
    await small.app.core.users.enable(other.id, byOperator, async () => []);
    expect((await send()).status).toBe(200);
    await small.stop();
  });
});

interface Field {
  readonly column: string;
  readonly type: string;
  readonly isOptional: boolean;
}
interface Model {
  readonly table: string;
  readonly fields: readonly Field[];
}

/** The tables of the data model with their columns, read as they are written. */
const models: readonly Model[] = readdirSync(join(import.meta.dirname, '../../prisma/model')).flatMap((file) => {
  const text = readFileSync(join(import.meta.dirname, '../../prisma/model', file), 'utf8');
  return [...text.matchAll(/^model \w+ \{([\s\S]*?)@@map\("(\w+)"\)/gm)].map(([, body = '', table = '']) => ({
    table,
    fields: [...body.matchAll(/^ {2}(\w+) +(String|BigInt|Int|Boolean)(\??)(.*)$/gm)].map(
      ([, name = '', type = '', optional = '', rest = '']) => ({
        column: /@map\("(\w+)"\)/.exec(rest)?.[1] ?? name,
        type,
        isOptional: optional === '?',
      }),
    ),
  }));
});

/** How a person is named in a column, by what the column is called. A new name belongs here. */
const personColumns: Readonly<Record<string, (person: Person) => string>> = {
  user_id: ({ id }) => id,
  account_id: ({ id }) => id,
  subject: ({ id }) => id,
  email: ({ email }) => email,
  email_key: ({ email }) => email,
  former_email: ({ email }) => email,
};
/** What stays: the audit, pseudonymous. */
const kept = new Set(['audit_events']);

let made = 0;
/** A row of the table that belongs to the person, as far as the database lets it be made. */
async function plant({ table, fields }: Model, person: Person): Promise<void> {
  made += 1;
  const given = fields.filter(({ column, isOptional }) => !isOptional || column in personColumns);
  const values = given.map(({ column, type }) => {
    const own = personColumns[column];
    if (own) return own(person);
    return type === 'String' ? `planted ${made}` : 4_000_000_000_000;
  });
  const places = values.map((_, index) => `?${index + 1}`).join(', ');
  const sql = `INSERT OR IGNORE INTO ${table} (${given.map(({ column }) => column).join(', ')}) VALUES (${places})`;
  const operation = { statement: statement(`test.plant-${table}`, sql), params: values, mustHit: false };
  await product.database.commit({ operations: [operation], fallback: [] });
}

describe('an account whose grace is over', () => {
  it('leaves no row in any table that has a column for people, and an audit that names nobody', async () => {
    await enrol(product, user);
    const about = models.filter(({ fields }) => fields.some(({ column }) => column in personColumns));
    expect(about.length).toBeGreaterThan(10);
    const owner = await product.app.core.users.find(user.id);
    if (owner === undefined) throw new Error('no user');
    const by = { actor: { kind: 'user', id: user.id }, facts: {} } as const;
    await product.app.deletions.schedule(owner, by, 'en');
    for (const model of about) if (!kept.has(model.table) && model.table !== 'users') await plant(model, user);
    const countOf = async ({ table, fields }: Model) => {
      const named = fields.filter(({ column }) => column in personColumns);
      const where = named.map(({ column }) => `${column} IN (?1, ?2)`).join(' OR ');
      const [row] = await rows(product.database, `SELECT count(*) AS n FROM ${table} WHERE ${where}`, [
        user.id,
        user.email,
      ]);
      return Number(row?.['n']);
    };
    for (const model of about) expect([model.table, (await countOf(model)) > 0]).toEqual([model.table, true]);

    advance(14 * days + 60);
    await Promise.all([1, 2, 3].map(() => product.app.deletions.eraseDue()));
    for (const model of about) {
      if (!kept.has(model.table)) expect([model.table, await countOf(model)]).toEqual([model.table, 0]);
    }
    // Nor does anything else say who it was: not a payload, not a detail of an event.
    for (const { table } of models) {
      const text = JSON.stringify(await rows(product.database, `SELECT * FROM ${table}`));
      expect([table, text.includes(user.email), text.includes('Ada Lovelace') && table !== 'users']).toEqual([
        table,
        false,
        false,
      ]);
      if (!kept.has(table)) expect([table, text.includes(user.id)]).toEqual([table, false]);
    }
    expect((await typesOf()).filter((type) => type === 'user.erased')).toHaveLength(1);
    const created = await product.addUser({ email: user.email });
    expect(created.id).not.toBe(user.id);
  });

  it('cannot be kept any more', async () => {
    await leave(await enter(product, user));
    const link = linkIn(await mailTo(mailing.server, user.email, /is to be deleted/));
    advance(14 * days + 60);
    expect((await new Browser().get(link)).status).toBe(410);
    await product.app.deletions.eraseDue();
    expect([await isThere(), (await new Browser().post(link, {})).status]).toEqual([false, 410]);
    const browser = new Browser();
    const start = await browser.open(hrefOf(await accountPage(product, browser), 'sign-in-link'));
    expect((await browser.submit(start, 'login-submit', { login: user.email, password: user.password })).status).toBe(
      401,
    );
  });
});
