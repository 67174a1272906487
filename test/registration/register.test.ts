import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { race } from '../kit/barrier.ts';
import { Browser, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';
import { rows } from '../protocol/kit/tables.ts';
import { linkIn, type Mailing, mailTo as mailIn, startMailing } from '../recovery/kit.ts';

const password = 'a password of my own choice';
const other = 'a password of somebody else';

let mailing: Mailing;
let product: Product;
let app: RelyingApp;

beforeAll(async () => {
  mailing = await startMailing({ settings: { registration: { mode: 'open' } } });
  ({ product } = mailing);
  await product.addUser({ administrator: true });
  app = await addWebApp(product, { client_name: 'Harbour Books', client_uri: 'https://app.example/start' });
});
afterAll(() => mailing.stop());

const mailTo = (email: string, subject: RegExp) => mailIn(mailing.server, email, subject);
const confirmMail = (email: string) => mailTo(email, /Confirm your address/);

async function register(email: string, { browser = new Browser(), secret = password, at = product } = {}) {
  return browser.submit(await browser.open(`${at.url}/register`), 'register-submit', { email, password: secret });
}

describe('an account', () => {
  it('is made by who shows that the address is theirs, and leads back to the app', async () => {
    const email = 'new@example.org';
    const browser = new Browser();
    const signIn = await browser.open(app.request().url);
    const href = /id="register-link" href="([^"]+)"/.exec(signIn.text)?.[1] ?? '';
    const form = await browser.open(new URL(href, signIn.url).href);
    const sent = await browser.submit(form, 'register-submit', { email, password });
    expect([sent.status, sent.text.includes(`href="${new URL(signIn.url).pathname}"`)]).toEqual([200, true]);
    expect(await product.app.core.users.findByLogin(email)).toBeUndefined();
    await expect(app.signIn({ email, password })).rejects.toThrow('401');

    const link = linkIn(await confirmMail(email));
    const shown = await browser.open(link);
    expect([shown.status, shown.text.includes('name="password"')]).toEqual([200, false]);
    expect(await product.app.core.users.findByLogin(email)).toBeUndefined();
    const done = await browser.submit(shown, 'link-confirm');
    expect(new URL(done.url).pathname).toBe('/register/done');
    expect(done.text).toContain('Back to Harbour Books');
    expect(await product.app.core.users.findByLogin(email)).toMatchObject({ emailVerified: true, roles: [] });
    const page = await browser.submit(
      await browser.open(signIn.url),
      'login-submit',
      { login: email, password },
      isBack,
    );
    expect(page.text + page.url).toMatch(/consent-allow|app\.example/);
    const over = await browser.open(link);
    expect([over.status, textOf(over, 'error-code')]).toEqual([410, 'link_not_usable']);
  });

  it('tells the audit where its password could not be looked up', async () => {
    await product.app.core.settings.set({ password: { breached: { file: '/nowhere/breached' } } }, byOperator);
    await register('unasked@example.org');
    await confirmMail('unasked@example.org');
    await product.app.core.settings.set({ password: { breached: { file: '' } } }, byOperator);
    const [event] = (await product.events('registration.requested')).slice(-1);
    expect(event?.details['breached_unasked']).toEqual(['file']);
  });

  it('is asked for with the same answer for everybody, and the owner of the address is told', async () => {
    const known = await product.addUser();
    const answers = [];
    for (const email of [known.email, 'unheard-of@example.org']) {
      const { status, headers, text } = await register(email);
      const names = [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name));
      const told = Object.fromEntries(names.map(([name, value]) => [name, value.replace(/=[\w-]{43};/, '=SECRET;')]));
      const length = Number(told['content-length']) - email.length;
      answers.push({ status, told: { ...told, 'content-length': length }, text: text.replaceAll(email, 'EMAIL') });
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const mail = await mailTo(known.email, /have an account/);
    expect(mail.text).not.toContain('key=');
    await confirmMail('unheard-of@example.org');
    await app.signIn(known);
    const reasons = (await product.events('registration.requested')).map(({ reason, outcome }) => reason ?? outcome);
    expect(reasons).toEqual(expect.arrayContaining(['address_taken', 'success']));
  });

  it('is never captured by who registered the address before its owner', async () => {
    const email = 'owner@example.org';
    await register(email, { secret: other });
    const planted = linkIn(await confirmMail(email));
    const owner = new Browser();
    // The owner opens the stranger's link: without the stranger's password nothing happens.
    const shown = await owner.open(planted);
    expect(shown.text).toContain('name="password"');
    const refused = await owner.submit(shown, 'link-confirm', { password });
    expect([refused.status, await product.app.core.users.findByLogin(email)]).toEqual([401, undefined]);
    const before = mailing.server.arrived.length;
    await register(email, { browser: owner });
    await until('the second mail', async () => mailing.server.arrived.length > before);
    await owner.submit(await owner.open(linkIn(await confirmMail(email))), 'link-confirm');
    await app.signIn({ email, password });
    await expect(app.signIn({ email, password: other })).rejects.toThrow('401');
    // The stranger's link has come to nothing, whatever they know.
    const late = await new Browser().submit(await owner.open(planted), 'link-confirm', { password: other });
    expect(late.status).toBe(410);
    await app.signIn({ email, password });
  });

  it('can be confirmed in another browser by who knows the password', async () => {
    const email = 'two-browsers@example.org';
    await register(email);
    const elsewhere = new Browser();
    const shown = await elsewhere.open(linkIn(await confirmMail(email)));
    await elsewhere.submit(shown, 'link-confirm', { password });
    await app.signIn({ email, password });
  });

  it('is made once by one link, however many use it at the same time', async () => {
    const email = 'racers@example.org';
    const browser = new Browser();
    await register(email, { browser });
    const { pathname, search } = new URL(linkIn(await confirmMail(email)));
    const cookie = browser
      .cookies()
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const headers = { 'sec-fetch-site': 'same-origin', cookie };
    const one = { origin: product.url, method: 'POST', path: pathname + search, headers, form: {} } as const;
    const statuses = (await race(Array.from({ length: 16 }, () => one))).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([303, ...Array<number>(15).fill(410)]);
  });

  it('asks again for what is missing or not allowed, and stores nothing', async () => {
    const before = await pendings();
    for (const [email, secret] of [
      ['', password],
      ['nobody', password],
      ['nobody@example.org', ''],
      ['nobody@example.org', 'short'],
      ['nobody@example.org', 'nobody@example.org'],
    ] as const) {
      const refused = await register(email, { secret });
      expect([email, secret, refused.status, refused.text.includes('aria-invalid')]).toEqual([
        email,
        secret,
        400,
        true,
      ]);
    }
    expect(await pendings()).toBe(before);
  });

  const pendings = async () =>
    (await rows(product.database, "SELECT id FROM outbox_messages WHERE kind = 'registration'")).length;
});

describe('who may register', () => {
  it('is nobody unless an operator says so, and nobody without a mail server', async () => {
    for (const settings of [{}, { registration: { mode: 'open' } }]) {
      const closed = await startProduct({ settings });
      try {
        const browser = new Browser();
        const page = await browser.open(`${closed.url}/register`);
        expect([page.status, page.text.includes('register-submit')]).toEqual([200, false]);
        const form = { email: 'ada@example.org', password };
        expect((await browser.post(`${closed.url}/register`, form)).status).toBe(409);
        const signIn = await browser.open((await addWebApp(closed)).request().url);
        expect(signIn.text).not.toContain('register-link');
        expect(await rows(closed.database, 'SELECT id FROM outbox_messages')).toEqual([]);
      } finally {
        await closed.stop();
      }
    }
  });

  it('is whoever has an address of an allowed domain', async () => {
    await product.app.core.settings.set(
      { registration: { mode: 'domains', domains: ['Harbour.example'] } },
      byOperator,
    );
    try {
      for (const email of ['ada@example.org', 'ada@sub.harbour.example', 'harbour.example@evil.example']) {
        expect((await register(email)).status).toBe(400);
      }
      expect((await register('ada@harbour.EXAMPLE')).status).toBe(200);
      const again = { registration: { domains: ['Harbour.example'] } };
      expect(await product.app.core.settings.set(again, byOperator)).toEqual([]);
    } finally {
      await product.app.core.settings.set({ registration: { mode: 'open', domains: [] } }, byOperator);
    }
  });

  it('is who was invited, once, with no mail server at all', async () => {
    const without = await startProduct({ settings: { registration: { mode: 'invitation' } } });
    try {
      const email = 'guest@example.org';
      const options = { ttlSeconds: 600, subject: email };
      const { secret } = await without.app.core.users.links.create('invite', options, byOperator);
      const browser = new Browser();
      const link = `${without.url}/invitation?key=${secret}`;
      const short = await browser.submit(await browser.open(link), 'register-submit', { password: 'short' });
      expect(short.status).toBe(400);
      const form = await browser.open(link);
      const done = await browser.submit(form, 'register-submit', { password, email: 'eve@example.org' });
      expect(new URL(done.url).pathname).toBe('/register/done');
      await (await addWebApp(without)).signIn({ email, password });
      expect(await without.app.core.users.findByLogin('eve@example.org')).toBeUndefined();
      for (const over of [link, `${without.url}/invitation`, `${without.url}/register/confirm?key=guess`]) {
        expect((await browser.open(over)).status).toBe(410);
      }
    } finally {
      await without.stop();
    }
  });
});
