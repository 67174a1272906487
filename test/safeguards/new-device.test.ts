import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { createIdentityStore } from '../../src/features/federation/store.ts';
import { connectIdentity, type Entered, enter } from '../account/kit.ts';
import type { Authenticator } from '../kit/authenticator.ts';
import { Browser, formOf } from '../kit/browser.ts';
import type { Product } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import type { ArrivedMail } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';
import { codeOf, enrol, hrefOf, type Person } from '../mfa/kit.ts';
import { enrolPasskey, signOn } from '../passkeys/kit.ts';
import { advance } from '../protocol/kit/time.ts';
import { askForReset, linkIn, type Mailing, mailTo, startMailing } from '../recovery/kit.ts';

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
  await until('the notice is there', () => mails().length > 0);
  return mails()[0] as ArrivedMail;
}
const newDevices = async () => (await product.events('device.new')).filter(({ subject }) => subject === user.id);

/** So many notices, the first one first. */
async function notices(count: number): Promise<ArrivedMail[]> {
  const found = () => mails().filter(({ subject }) => subject.includes('New sign-in'));
  await until('the notices are there', () => found().length >= count);
  return found();
}

/** Opens a notice's link and uses it; the address of the page for a new password. */
async function throwOut(link: string): Promise<string> {
  const browser = new Browser();
  const reset = await browser.submit(await browser.open(link), 'link-confirm');
  expect([reset.status, new URL(reset.url).pathname]).toEqual([200, '/reset']);
  return reset.url;
}

const identities = () => createIdentityStore(product.foundations);

const connect = (subject: string) => connectIdentity(product, user.id, subject);

const isIn = async (browser: Browser): Promise<boolean> =>
  (await browser.open(`${product.url}/account`)).text.includes('id="sign-out"');

/** Signs in with a passkey alone, in a new browser. */
async function enterByKey(key: Authenticator): Promise<Browser> {
  const browser = new Browser();
  await signOn(browser, await browser.open(app.request().url), 'passkey-sign-in', [key]);
  return browser;
}
const signsIn = async (key: Authenticator): Promise<boolean> => isIn(await enterByKey(key));

/** Asks for another address on its page; the link that confirms it. */
async function confirmLink({ browser, page }: Entered, email: string): Promise<string> {
  const form = await browser.open(hrefOf(page, 'email-change'));
  await browser.submit(form, 'email-submit', { email, current_password: user.password });
  return linkIn(await mailTo(mailing.server, email, /Confirm your address/));
}

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

  it('is told in the language of its owner, whatever that browser speaks', async () => {
    user = await product.addUser({ claims: { locale: 'de-AT' } });
    await app.signIn(user);
    await app.signIn(user, { browser: new Browser({ 'accept-language': 'fr' }) });
    expect((await noticeMail()).text).toContain('Anmeldung');
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

  it('leaves whoever it was no way back: what was added since goes, what was there before stays', async () => {
    const ownKey = await enrolPasskey(product, user);
    await connect('own');
    advance(2 * 3600);
    expect(await signsIn(ownKey)).toBe(true);
    const thief = await enterByKey(ownKey);
    const key = await enrolPasskey(product, user);
    await enrol(product, user);
    await connect('somebody else’s');
    advance(2 * 3600);
    // The first of the two notices is never opened: whoever it was had been in before the second one.
    const late = await enterByKey(ownKey);
    const [, link = ''] = (await notices(2)).map(linkIn);
    expect(await signsIn(key)).toBe(true);
    const reset = await throwOut(link);
    const { totp, passkeys, recoveryCodesLeft } = await product.app.core.mfa.factors(user.id);
    expect([totp, passkeys.length, recoveryCodesLeft]).toEqual([undefined, 1, 0]);
    expect(await signsIn(key)).toBe(false);
    for (const browser of [thief, late]) expect(await isIn(browser)).toBe(false);
    await expect(app.signIn(user)).rejects.toThrow('401');
    const methods = (await product.events('factor.removed')).filter(({ subject }) => subject === user.id);
    expect(methods.map(({ details }) => details['method']).sort()).toEqual(['passkey', 'recovery_codes', 'totp']);
    const unlinked = (await product.events('identity.unlinked')).filter(({ subject }) => subject === user.id);
    expect(unlinked.map(({ details }) => details['provider'])).toEqual(['google']);
    expect((await identities().list(user.id)).map(({ subject }) => subject)).toEqual([`own ${user.id}`]);
    await mailTo(mailing.server, user.email, /What was added to your account .* was removed/);
    // The owner's own key is still good.
    expect(await signsIn(ownKey)).toBe(true);
    const browser = new Browser();
    const form = await browser.open(reset);
    const refused = await browser.submit(form, 'reset-submit', { password: user.password });
    expect([refused.status, refused.text.includes('used this password here before')]).toEqual([400, true]);
    const done = await browser.submit(form, 'reset-submit', { password: 'an altogether different password' });
    expect(new URL(done.url).pathname).toBe('/reset/done');
  });

  it('takes another address back, confirmed or asked for, and what waits in its mailbox', async () => {
    await app.signIn(user);
    const entered = await enter(product, user);
    const link = linkIn(await noticeMail());
    const [second, third] = [`second-${user.email}`, `third-${user.email}`];
    const confirmed = await confirmLink(entered, second);
    await entered.browser.submit(await entered.browser.open(confirmed), 'link-confirm');
    expect((await product.app.core.users.find(user.id))?.email).toBe(second);
    const open = await confirmLink(entered, third);
    await askForReset(product, second);
    const forgotten = linkIn(await mailTo(mailing.server, second, /Set a new password/));
    await throwOut(link);
    expect(await product.app.core.users.find(user.id)).toMatchObject({ email: user.email, emailVerified: true });
    for (const one of [open, forgotten]) expect((await new Browser().get(one)).status).toBe(410);
    await askForReset(product, second);
    const refusals = async () =>
      (await product.events('reset.requested')).filter(({ reason }) => reason === 'unknown_login');
    await until('the thief is not sent a link', async () => (await refusals()).length > 0);
  });

  it('takes a deletion back, which is nobody else’s to do', async () => {
    await app.signIn(user);
    const { browser, page } = await enter(product, user);
    const link = linkIn(await noticeMail());
    const asked = await browser.submit(page, 'delete-account');
    await browser.submit(asked, 'delete-account', { current_password: user.password });
    expect((await product.app.core.users.find(user.id))?.disabledAt).toBeDefined();
    expect((await new Browser().get(link.replace('not-me', 'unlock'))).status).toBe(410);
    await throwOut(link);
    expect((await product.app.core.users.find(user.id))?.disabledAt).toBeUndefined();
    await product.app.core.users.disable(user.id, byOperator, async () => []);
    expect((await new Browser().get(link)).status).toBe(410);
  });

  it('takes a deletion back together with everything else, or nothing at all', async () => {
    await app.signIn(user);
    const entered = await enter(product, user);
    const link = linkIn(await noticeMail());
    const second = `second-${user.email}`;
    await entered.browser.submit(await entered.browser.open(await confirmLink(entered, second)), 'link-confirm');
    // The former address is somebody else's by now: it cannot be given back.
    const { id } = await product.app.core.users.create({ email: user.email }, byOperator);
    const asked = await entered.browser.submit(await entered.browser.open(`${product.url}/account`), 'delete-account');
    await entered.browser.submit(asked, 'delete-account', { current_password: user.password });
    const browser = new Browser();
    const page = await browser.open(link);
    expect((await browser.submit(page, 'link-confirm')).status).toBe(409);
    expect(await product.app.core.users.find(user.id)).toMatchObject({ email: second, disabledAt: expect.any(Number) });
    const kept = async () =>
      (await product.events('user.deletion_undone')).filter(({ subject }) => subject === user.id);
    expect(await kept()).toEqual([]);
    await product.app.core.users.update(id, { email: `other-${user.email}` }, byOperator);
    await throwOut(link);
    const restored = await product.app.core.users.find(user.id);
    expect([restored?.email, restored?.disabledAt, (await kept()).length]).toEqual([user.email, undefined, 1]);
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
    await until('the last notice is there', () => mails().length >= 5);
    expect([(await newDevices()).length, mails().length]).toEqual([7, 5]);
  });
});
