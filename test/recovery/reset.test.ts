import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { Browser, formOf, textOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { until } from '../kit/until.ts';
import { rows } from '../protocol/kit/tables.ts';
import { askForReset, linkIn, type Mailing, mailTo as mailIn, makeResetLink, startMailing } from './kit.ts';

const fresh = 'an altogether different password';

let mailing: Mailing;
let product: Product;
let app: RelyingApp;

beforeAll(async () => {
  mailing = await startMailing();
  ({ product } = mailing);
  await product.addUser({ administrator: true });
  app = await addWebApp(product, { client_name: 'Harbour Books', client_uri: 'https://app.example/start' });
});
afterAll(() => mailing.stop());

const mailTo = (email: string, subject: RegExp) => mailIn(mailing.server, email, subject);

const requested = async () => (await product.events('reset.requested')).map(({ outcome, reason }) => reason ?? outcome);

describe('a forgotten password', () => {
  it('is set anew by a link in a mail, which ends everything and starts nothing', async () => {
    const user = await product.addUser();
    const { body } = await app.tokens(user, { scope: 'openid offline_access', prompt: 'consent' });
    const signedIn = new Browser();
    await app.signIn(user, { browser: signedIn });

    const browser = new Browser();
    expect((await askForReset(product, ` ${user.email.toUpperCase()} `, browser)).status).toBe(200);
    const mail = await mailTo(user.email, /Set a new password/);
    expect(mail.html).toContain(linkIn(mail));
    const form = await browser.open(linkIn(mail));
    expect([form.status, form.text.includes(user.email)]).toEqual([200, true]);
    expect((await browser.open(linkIn(mail))).status).toBe(200);
    const done = await browser.submit(form, 'reset-submit', { password: fresh });
    expect([done.status, new URL(done.url).pathname]).toEqual([200, '/reset/done']);

    expect((await app.introspect(body['access_token'])).body['active']).toBe(false);
    expect((await app.refresh(body['refresh_token'])).status).toBe(400);
    expect((await signedIn.open(app.request().url, isBack)).text).toContain('login-submit');
    expect((await browser.open(`${product.url}/`)).text).toContain('sign-in-link');
    await expect(app.signIn(user)).rejects.toThrow('401');
    await app.signIn({ ...user, password: fresh });

    await mailTo(user.email, /was changed/);
    const types = (await product.app.core.audit.search({ user: user.id, limit: 100 })).map(({ type }) => type);
    for (const type of ['reset.requested', 'link.created', 'password.changed', 'password.reset', 'mail.delivered']) {
      expect(types).toContain(type);
    }
  });

  it('is answered alike for everybody, to the byte, and mails go to those alone who have an account', async () => {
    const known = await product.addUser();
    const disabled = await product.addUser();
    await product.app.core.users.disable(disabled.id, byOperator, async () => []);
    const unverified = 'unverified@example.org';
    await product.app.core.users.create({ email: unverified }, byOperator);
    const unknown = 'nobody@example.org';
    const emails = [known.email, disabled.email, unverified, unknown];
    const answers = [];
    for (const email of emails) {
      const before = await queued();
      const { status, headers, text } = await askForReset(product, email);
      const told = Object.fromEntries([...headers].filter(([name]) => !['date', 'x-request-id'].includes(name)));
      const length = Number(told['content-length']) - email.length;
      answers.push({ status, told: { ...told, 'content-length': length }, text: text.replaceAll(email, 'EMAIL') });
      expect(await queued()).toBe(before + 1);
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    await mailTo(known.email, /Set a new password/);
    await until('all are looked at', async () => (await requested()).includes('unknown_login'));
    expect(await requested()).toEqual(
      expect.arrayContaining(['success', 'account_disabled', 'email_unverified', 'unknown_login']),
    );
    const reached = mailing.server.arrived.flatMap(({ recipients }) => recipients);
    expect(reached).not.toEqual(expect.arrayContaining([disabled.email]));
    expect(reached).not.toEqual(expect.arrayContaining([unverified]));
    expect(reached).not.toEqual(expect.arrayContaining([unknown]));
  });

  const queued = async () =>
    Number(
      (await rows(product.database, "SELECT count(*) AS n FROM outbox_messages WHERE kind = 'reset-request'"))[0]?.[
        'n'
      ],
    );

  it('leads back to the app, within the sign-in and after the link', async () => {
    const user = await product.addUser();
    const browser = new Browser();
    const signIn = await browser.open(app.request().url);
    const forgot = await browser.open(
      new URL(/id="forgot-link" href="([^"]+)"/.exec(signIn.text)?.[1] ?? '', signIn.url).href,
    );
    const sent = await browser.submit(forgot, 'forgot-submit', { email: user.email });
    expect(sent.text).toContain(`href="${new URL(signIn.url).pathname}"`);
    const form = await browser.open(linkIn(await mailTo(user.email, /Set a new password/)));
    const done = await browser.submit(form, 'reset-submit', { password: fresh });
    expect(done.text).toContain('Back to Harbour Books');
    const again = await browser.open(signIn.url);
    const page = await browser.submit(again, 'login-submit', { login: user.email, password: fresh }, isBack);
    expect(page.text + page.url).toMatch(/consent-allow|app\.example/);
  });

  it('asks again for what is missing, and keeps the link until the password is right', async () => {
    const user = await product.addUser();
    const link = await makeResetLink(product, user.id);
    const browser = new Browser();
    for (const password of ['', 'too short', 'x'.repeat(1025), user.email]) {
      const refused = await browser.submit(await browser.open(link), 'reset-submit', { password });
      expect([refused.status, refused.text.includes('aria-invalid')]).toEqual([400, true]);
    }
    const done = await browser.submit(await browser.open(link), 'reset-submit', { password: fresh });
    expect(new URL(done.url).pathname).toBe('/reset/done');
    expect((await askForReset(product, ' ')).status).toBe(400);
  });

  it('takes a link once, and with it go the others of the person', async () => {
    const user = await product.addUser();
    await askForReset(product, user.email);
    const other = linkIn(await mailTo(user.email, /Set a new password/));
    await askForReset(product, user.email);
    const two = () => mailing.server.arrived.filter(({ recipients }) => recipients.includes(user.email)).length;
    await until('the second mail', async () => two() === 2);
    const link = linkIn(await mailTo(user.email, /Set a new password/));
    expect(link).not.toBe(other);
    const browser = new Browser();
    const form = await browser.open(link);
    await browser.submit(form, 'reset-submit', { password: fresh });
    for (const over of [link, other, `${product.url}/reset`, `${product.url}/reset?key=guess`]) {
      const page = await browser.open(over);
      expect([page.status, textOf(page, 'error-code')]).toEqual([410, 'link_not_usable']);
    }
    expect((await browser.submit(form, 'reset-submit', { password: `${fresh} 2` })).status).toBe(410);
    await app.signIn({ ...user, password: fresh });
  });

  it('sends no more than three links that work, whoever asks', async () => {
    const user = await product.addUser();
    for (let ask = 0; ask < 5; ask += 1) {
      await askForReset(product, user.email);
      await until('it is looked at', async () => (await about(user.id)).length === ask + 1 || ask === 4);
    }
    await until('it is refused', async () => (await about(user.id)).includes('too_many_links'));
    expect((await about(user.id)).filter((said) => said === 'success')).toHaveLength(3);
  });

  const about = async (id: string) =>
    (await product.app.core.audit.search({ user: id, type: 'reset.requested', limit: 100 })).map(
      ({ outcome, reason }) => reason ?? outcome,
    );

  it('cannot be outrun by a sign-in that was begun with the old password', async () => {
    const user = await product.addUser();
    const thief = new Browser();
    const page = await thief.open(app.request().url);
    const { action } = formOf(page, 'login-submit');
    const answered = await thief.post(new URL(action, page.url).href, { login: user.email, password: user.password });
    expect(answered.status).toBe(303);
    const browser = new Browser();
    await browser.submit(await browser.open(await makeResetLink(product, user.id)), 'reset-submit', {
      password: fresh,
    });
    const resumed = await thief.open(new URL(answered.headers.get('location') ?? '', page.url).href, isBack);
    expect(isBack(resumed.url)).toBe(false);
    expect(resumed.text).not.toContain('consent-allow');
    expect((await thief.open(`${product.url}/`)).text).toContain('sign-in-link');
  });

  it('is no way in for somebody who was disabled meanwhile', async () => {
    const user = await product.addUser();
    const link = await makeResetLink(product, user.id);
    await product.app.core.users.disable(user.id, byOperator, async () => []);
    expect((await new Browser().open(link)).status).toBe(410);
  });

  it('holds back who asks too often, known or not, and nobody else', async () => {
    const strict = await startMailing({ settings: { limits: { failuresPerPair: 3 } } });
    try {
      const user = await strict.product.addUser();
      for (const email of [user.email, 'nobody@example.org']) {
        const statuses = [];
        for (let ask = 0; ask < 4; ask += 1) statuses.push((await askForReset(strict.product, email)).status);
        expect(statuses).toEqual([200, 200, 200, 429]);
      }
      // Asking is no failed sign-in: the owner still gets in.
      await (await addWebApp(strict.product)).signIn(user);
    } finally {
      await strict.stop();
    }
  });

  it('leaves no link, password or address in the log', async () => {
    const user = await product.addUser();
    const strange = 'strange-canary@example.org';
    mailing.server.mood = { at: 'recipient', code: 451 };
    await askForReset(product, user.email);
    await askForReset(product, strange);
    const failed = () => product.log.lines.some(({ message }) => message === 'a mail was not sent');
    await until('a mail fails', async () => failed());
    mailing.server.mood = undefined;
    const logged = JSON.stringify(product.log.lines);
    for (const secret of ['key=', fresh, user.email, strange]) expect(logged).not.toContain(secret);
    const audited = JSON.stringify(await product.app.core.audit.search({ limit: 10_000 }));
    for (const secret of ['key=', fresh, user.email, strange]) expect(audited).not.toContain(secret);
  });
});

describe('without a mail server', () => {
  it('nothing pretends: the page says so, and takes nothing', async () => {
    const without = await startProduct();
    try {
      const browser = new Browser();
      const page = await browser.open(`${without.url}/forgot`);
      expect([page.status, page.text.includes('forgot-submit')]).toEqual([200, false]);
      expect(page.text).toContain("can't send mails");
      const posted = await browser.post(`${without.url}/forgot`, { email: 'ada@example.org' });
      expect([posted.status, posted.text.includes('on its way')]).toEqual([409, false]);
      expect(await rows(without.database, 'SELECT id FROM outbox_messages')).toEqual([]);
      const user = await without.addUser();
      const link = await makeResetLink(without, user.id);
      await browser.submit(await browser.open(link), 'reset-submit', { password: fresh });
      await (await addWebApp(without)).signIn({ ...user, password: fresh });
      expect(await rows(without.database, 'SELECT id FROM outbox_messages')).toEqual([]);
    } finally {
      await without.stop();
    }
  });
});
