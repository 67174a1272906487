import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { userResetFactors } from '../../src/app/commands/user.ts';
import { deletionOperations } from '../../src/features/deletions/module.ts';
import { createNotices } from '../../src/features/notices/module.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, isBack } from '../kit/relying-app.ts';
import { codeOf, enrol, enrolOnPage, hrefOf, multiFactor, type Person, setPolicy, typePassword } from '../mfa/kit.ts';
import { addTill, askFor } from '../protocol/kit/ciba.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance } from '../protocol/kit/time.ts';
import { type Mailing, mailTo, startMailing } from '../recovery/kit.ts';
import { enter } from './kit.ts';

let mailing: Mailing;
let product: Product;
let user: Person;

beforeAll(async () => {
  mailing = await startMailing({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  ({ product } = mailing);
  await setPolicy(product, 'optional');
});
beforeEach(async () => {
  user = await product.addUser();
  advance(900);
});
afterAll(() => mailing.stop());

const german = () => new Browser({ 'accept-language': 'de' });

describe('a person hears by mail', () => {
  it('that the password was changed, in the language of the page', async () => {
    const { browser, page } = await enter(product, user, { browser: german() });
    await browser.submit(page, 'password-change', {
      current_password: user.password,
      new_password: 'a quite different password',
    });
    const mail = await mailTo(mailing.server, user.email, /Passwort .* geändert/);
    expect(mail.text).toContain(`${product.url}/forgot`);
    expect(mail.text).toContain('127.0.0.1');
  });

  it('of a second step that is added, replaced codes, and its removal', async () => {
    const { browser, page } = await enter(product, user);
    const form = await browser.open(hrefOf(page, 'factor-add'));
    const { recoveryCodes, page: shown } = await enrolOnPage(browser, form);
    await mailTo(mailing.server, user.email, /second step was added/);
    const account = await browser.open(hrefOf(shown, 'recovery-done'));
    await browser.submit(account, 'recovery-regenerate');
    await mailTo(mailing.server, user.email, /New recovery codes/);
    const asked = await browser.submit(account, 'factor-remove');
    // The replaced codes end nothing, and so tell nobody.
    expect((await browser.submit(asked, 'code-submit', { code: recoveryCodes[0] ?? '' })).status).toBe(401);
    expect(mailing.server.arrived.filter(({ subject }) => /was removed/.test(subject))).toEqual([]);
    const { secret } = { secret: /<code[^>]*id="totp-secret"[^>]*>([^<]*)</.exec(form.text)?.[1] ?? '' };
    await browser.submit(asked, 'code-submit', { code: codeOf(secret.replaceAll(/\s/g, ''), 1) });
    await mailTo(mailing.server, user.email, /second step .* was removed/);
  });

  it('of a second step that a sign-in asked them to set up', async () => {
    const app = await addWebApp(product, { first_party: true });
    const browser = new Browser();
    const start = await browser.open(app.request({ acr_values: multiFactor }).url, isBack);
    await enrolOnPage(browser, await typePassword(browser, start, user));
    expect((await mailTo(mailing.server, user.email, /second step was added/)).text).toContain('127.0.0.1');
  });

  it('that an app waits for their answer, once for all that waits', async () => {
    const french = await product.addUser({ claims: { locale: 'fr-CA' } });
    const till = await addTill(product);
    const queued = async () =>
      (await rows(product.database, "SELECT id FROM outbox_messages WHERE kind = 'mail'")).length;
    const before = await queued();
    await askFor(till, french, { binding_message: 'W4SCT' });
    await askFor(till, french);
    await askFor(till, { email: 'nobody@example.org' });
    const mail = await mailTo(mailing.server, french.email, /demande votre autorisation/);
    expect(mail.text).toContain(`${product.url}/account/approvals`);
    expect(mail.text).toContain('W4SCT');
    expect(await queued()).toBe(before + 1);
  });

  it('that an operator took every factor away, in the language of their claims', async () => {
    const french = await product.addUser({ claims: { locale: 'fr-CA' } });
    await enrol(product, french);
    const notices = createNotices({ issuer: product.url, clock: systemClock, mail: product.app.mail });
    const io = { json: false, out: () => undefined, err: () => undefined };
    const nothing = async () => [];
    const app = {
      ...product.app.core,
      database: product.database,
      notices,
      deletions: deletionOperations(product.foundations),
      endings: nothing,
      logoutNotices: nothing,
    };
    const urls = { resetUrl: String, invitationUrl: String };
    expect(await userResetFactors(io, { ...app, ...urls }, { login: french.email })).toBe(0);
    const mail = await mailTo(mailing.server, french.email, /réinitialisée/);
    expect(mail.text).not.toContain('127.0.0.1');
    await userResetFactors(io, { ...app, ...urls }, { login: french.email });
    const events = await product.events('factor.reset');
    expect(events.filter(({ subject }) => subject === french.id)).toHaveLength(1);
  });
});

describe('without a mail server', () => {
  it('nothing is queued that nobody would send', async () => {
    const silent = await startProduct();
    const person = await silent.addUser();
    const { browser, page } = await enter(silent, person);
    const done = await browser.submit(page, 'password-change', {
      current_password: person.password,
      new_password: 'a quite different password',
    });
    expect(done.text).toContain('Your password is changed');
    expect(await rows(silent.database, "SELECT id FROM outbox_messages WHERE kind = 'mail'")).toEqual([]);
    await silent.stop();
  });
});
