import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { userUnlock } from '../../src/app/commands/user.ts';
import { deletionOperations } from '../../src/features/deletions/module.ts';
import { createNotices } from '../../src/features/notices/module.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { Browser, formOf } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import type { ArrivedMail } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';
import type { Person } from '../mfa/kit.ts';
import { advance } from '../protocol/kit/time.ts';
import { askForReset, linkIn, type Mailing, makeResetLink, startMailing } from '../recovery/kit.ts';

const wrong = 'not the password at all';
const settings = {
  password: { hash: { memory: 7168, time: 1, parallelism: 1 } },
  limits: { failuresPerAccount: 3, lockSeconds: 600 },
};

let mailing: Mailing;
let product: Product;
let app: RelyingApp;
let user: Person;

beforeAll(async () => {
  mailing = await startMailing({ settings });
  ({ product } = mailing);
  app = await addWebApp(product);
});
beforeEach(async () => {
  user = await product.addUser({ claims: { locale: 'de' } });
  advance(900);
});
afterAll(() => mailing.stop());

async function guess(login = user.email, password = wrong): Promise<number> {
  const browser = new Browser();
  const page = await browser.open(app.request().url);
  return (await browser.submit(page, 'login-submit', { login, password })).status;
}
async function lock(login = user.email): Promise<void> {
  expect([await guess(login), await guess(login), await guess(login)]).toEqual([401, 401, 401]);
  expect(await guess(login, user.password)).toBe(429);
}
const isOpen = async (): Promise<boolean> => (await guess(user.email, user.password)) === 200;
const mailsTo = (email: string): ArrivedMail[] =>
  mailing.server.arrived.filter(({ recipients }) => recipients.includes(email));
async function lockMail(email = user.email): Promise<ArrivedMail> {
  await until('the mail is there', () => mailsTo(email).length > 0);
  return mailsTo(email)[0] as ArrivedMail;
}
const typesOf = async () =>
  (await product.app.core.audit.search({ user: user.id, limit: 100 })).map(({ type }) => type);

describe('an account that was tried too often', () => {
  it('is locked, tells its owner once in their language, and opens by the link of that mail', async () => {
    await lock();
    expect(await guess()).toBe(429);
    const mail = await lockMail();
    expect(mail.subject).toContain('Anmeldeversuche');
    const link = linkIn(mail);
    const browser = new Browser();
    // A scanner that follows the link opens nothing.
    const page = await browser.open(link);
    expect([page.status, page.text.includes(user.email), await isOpen()]).toEqual([200, true, false]);
    const done = await browser.submit(page, 'link-confirm');
    expect([done.status, new URL(done.url).pathname]).toEqual([200, '/unlock/done']);
    expect(await isOpen()).toBe(true);
    expect(mailsTo(user.email)).toHaveLength(1);
    expect(await typesOf()).toEqual(expect.arrayContaining(['account.locked', 'link.created', 'account.unlocked']));
  });

  it('opens once by a link, and by no other', async () => {
    await lock();
    const link = linkIn(await lockMail());
    const page = await new Browser().open(link);
    const { action } = formOf(page, 'link-confirm');
    const racers = Array.from({ length: 8 }, () => new Browser().post(new URL(action, link).href, {}));
    const statuses = (await Promise.all(racers)).map(({ status }) => status).sort();
    expect(statuses).toEqual([303, ...Array(7).fill(410)]);
    const unusable = [link, `${product.url}/unlock`, `${product.url}/unlock?key=x`];
    unusable.push((await makeResetLink(product, user.id)).replace('/reset', '/unlock'));
    for (const address of unusable) {
      expect((await new Browser().get(address)).status).toBe(410);
      expect((await new Browser().post(address, {})).status).toBe(410);
    }
    expect((await typesOf()).filter((type) => type === 'account.unlocked')).toHaveLength(1);
  });

  it('opens in the running server when an operator says so beside it', async () => {
    const other = await startProduct(product.node);
    await lock();
    const said: string[] = [];
    const io = { json: false, out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
    const { core } = other.app;
    const none = async () => [];
    const notices = createNotices({ issuer: product.url, clock: systemClock, mail: other.app.mail });
    const deletions = deletionOperations(other.foundations);
    const within = { ...core, notices, deletions, database: other.database, endings: none, logoutNotices: none };
    const url = () => '';
    expect(await userUnlock(io as never, { ...within, resetUrl: url, invitationUrl: url }, { login: user.email })).toBe(
      0,
    );
    await until('it is open', isOpen);
    expect(said.join('')).toContain('is not locked any more');
    const [event] = (await product.events('account.unlocked')).slice(-1);
    expect([event?.actor.kind, event?.subject]).toEqual(['system', user.id]);
    await other.stop();
  });

  it('opens with a new password by a link', async () => {
    await lock();
    const link = await makeResetLink(product, user.id);
    const browser = new Browser();
    await browser.submit(await browser.open(link), 'reset-submit', { password: 'an altogether different password' });
    user = { ...user, password: 'an altogether different password' };
    await until('it is open', isOpen);
  });

  it('opens by itself when its time is over', async () => {
    await lock();
    advance(600);
    expect(await isOpen()).toBe(true);
  });

  it('answers as one that does not exist', async () => {
    const nobody = `nobody${Date.now()}@example.org`;
    await lock(nobody);
    await lock();
    await lockMail();
    expect(mailsTo(nobody)).toEqual([]);
  });
});

describe('an office behind one address', () => {
  it('may ask for links and still sign in', async () => {
    for (let n = 0; n < 40; n += 1) await askForReset(product, `colleague${n}@example.org`);
    expect(await isOpen()).toBe(true);
  });
});
