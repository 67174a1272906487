import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, formOf } from '../kit/browser.ts';
import type { Product } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import type { ArrivedMail } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';
import { codeOf, enrol, type Person } from '../mfa/kit.ts';
import { advance } from '../protocol/kit/time.ts';
import { linkIn, type Mailing, startMailing } from '../recovery/kit.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
let mailing: Mailing;
let product: Product;
let app: RelyingApp;
let user: Person;

beforeAll(async () => {
  mailing = await startMailing({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  ({ product } = mailing);
  app = await addWebApp(product, { first_party: true });
});
beforeEach(async () => {
  user = await product.addUser();
  advance(900);
});
afterAll(() => mailing.stop());

const mails = (): ArrivedMail[] => mailing.server.arrived.filter(({ recipients }) => recipients.includes(user.email));
async function noticeMail(): Promise<ArrivedMail> {
  await until('the notice is there', () => mails().length > 0, 8000);
  return mails()[0] as ArrivedMail;
}
const newDevices = async () => (await product.events('device.new')).filter(({ subject }) => subject === user.id);

describe('a sign-in with a browser that the account does not know', () => {
  it('is told to its owner, the first one and known ones are not', async () => {
    const own = new Browser();
    await app.signIn(user, { browser: own });
    await app.signIn(user, { browser: own, parameters: { prompt: 'login' } });
    expect(await newDevices()).toEqual([]);
    await app.signIn(user, { browser: new Browser({ 'user-agent': firefox }) });
    const mail = await noticeMail();
    expect([mail.subject, mail.text.includes('Firefox on Linux'), mail.text.includes('127.0.0.1')]).toEqual([
      expect.stringContaining('New sign-in'),
      true,
      true,
    ]);
    expect([mails().length, (await newDevices()).length]).toEqual([1, 1]);
  });

  it('is told as well when it is to skip the second step from now on', async () => {
    await app.signIn(user);
    const { secret } = await enrol(product, user);
    advance(60);
    const browser = new Browser();
    const page = await browser.open(app.request().url);
    const asked = await browser.submit(page, 'login-submit', { login: user.email, password: user.password });
    const fields = { code: codeOf(secret), remember_device: 'yes' };
    await browser.submit(asked, 'code-submit', fields, (url) => url.startsWith('https:'));
    expect(await newDevices()).toHaveLength(1);
  });

  it('is ended with everything else by the link of the notice, which leads to a new password', async () => {
    const own = await app.tokens(user, { scope: 'openid offline_access', prompt: 'consent' });
    const { browser: thief } = await app.signIn(user);
    const link = linkIn(await noticeMail());
    const browser = new Browser();
    const page = await browser.open(link);
    expect([page.status, page.text.includes(user.email)]).toEqual([200, true]);
    // A scanner that follows the link ends nothing.
    expect((await app.refresh(own.body['refresh_token'])).status).toBe(200);
    const reset = await browser.submit(page, 'link-confirm');
    expect([reset.status, new URL(reset.url).pathname]).toEqual([200, '/reset']);
    expect((await app.refresh(own.body['refresh_token'])).status).toBe(400);
    expect((await thief.open(`${product.url}/account`)).text).toContain('sign-in-link');
    expect(await product.app.core.devices.hasAny(user.id)).toBe(false);
    const password = 'an altogether different password';
    const done = await browser.submit(reset, 'reset-submit', { password });
    expect(new URL(done.url).pathname).toBe('/reset/done');
    await expect(app.signIn(user)).rejects.toThrow('401');
    await app.signIn({ ...user, password });
    const [event] = (await product.events('account.disowned')).filter(({ subject }) => subject === user.id);
    expect(event?.outcome).toBe('success');
  });

  it('is ended once, and by no other link', async () => {
    await app.signIn(user);
    await app.signIn(user);
    const link = linkIn(await noticeMail());
    const { action } = formOf(await new Browser().open(link), 'link-confirm');
    const racers = Array.from({ length: 8 }, () => new Browser().post(new URL(action, link).href, {}));
    const statuses = (await Promise.all(racers)).map(({ status }) => status).sort();
    expect(statuses).toEqual([303, ...Array(7).fill(410)]);
    for (const address of [
      link,
      `${product.url}/not-me`,
      `${product.url}/not-me?key=x`,
      link.replace('not-me', 'unlock'),
    ]) {
      expect((await new Browser().get(address)).status).toBe(410);
      expect((await new Browser().post(address, {})).status).toBe(410);
    }
  });

  it('fills nobody’s mailbox', async () => {
    for (let n = 0; n < 8; n += 1) await app.signIn(user);
    await until('the last notice is there', () => mails().length >= 5, 8000);
    expect([(await newDevices()).length, mails().length]).toEqual([7, 5]);
  });
});
