import { readFileSync } from 'node:fs';
import { decodeJwt } from 'jose';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ArrivedMail, MailServer } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';
import { codeOf, multiFactor } from '../mfa/kit.ts';
import { linkIn } from '../recovery/kit.ts';
import {
  allowIfAsked,
  authorizationUrl,
  type Harbour,
  harbourClient,
  openHarbour,
  openStage,
  openWindow,
  pkce,
  type Stage,
  signIn,
  type Watch,
  watch,
} from './kit.ts';
import { addAuthenticator, offersNothing } from './virtual-authenticator.ts';

let stage: Stage;
let harbour: Harbour;
const mails = new MailServer();

beforeAll(async () => {
  await mails.start();
  harbour = await openHarbour();
  const env = { POSTERN_MAIL__URL: mails.url, POSTERN_MAIL__FROM: 'Northwind <id@northwind.example>' };
  const settings = { registration: { mode: 'open' }, mfa: { policy: 'optional' } };
  stage = await openStage({ settings, clients: [harbourClient(harbour)] }, { env });
});
afterAll(async () => {
  await stage?.close();
  await harbour?.close();
  await mails.stop();
});

/** The newest mail to somebody whose text holds this, once it is there. */
async function mailTo(email: string, words: string): Promise<ArrivedMail> {
  const find = () =>
    mails.arrived.findLast(({ recipients, text }) => recipients.includes(email) && text.includes(words));
  await until(`a mail to ${email} with ${words}`, () => find() !== undefined);
  return find() as ArrivedMail;
}

const isBack = (page: Page) => page.url().startsWith(`${harbour.callback}?`);
/** A passkey of the device that Chromium plays itself, whose person is there and says yes. */
async function addPasskey(page: Page): Promise<void> {
  await addAuthenticator(page);
  await page.addInitScript(offersNothing);
  await page.goto(`${stage.server.url}/account`);
  await page.fill('#passkey-name', 'Lighthouse');
  await page.click('#passkey-add');
  await page.waitForURL(/done=passkey-added/);
}

const typeCode = async (page: Page, code: string) => {
  await page.fill('input[name=code]', code);
  await page.click('#code-submit');
};

/** What the app learns of how the person signed in, from the answer that the browser has brought it. */
async function idTokenOf(page: Page) {
  const { client_id: id, client_secret: secret } = harbourClient(harbour);
  const response = await fetch(`${stage.server.url}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${encodeURIComponent(secret)}`).toString('base64')}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: new URL(page.url()).searchParams.get('code') ?? '',
      redirect_uri: harbour.callback,
      code_verifier: pkce.verifier,
    }),
  });
  return decodeJwt(((await response.json()) as { id_token: string }).id_token);
}

/** Ways of one person through the life of an account, in order; each goes on where the one before ended. */
describe.each([{ javaScriptEnabled: true }, { javaScriptEnabled: false }])(
  'the life of an account with %o',
  (script) => {
    const person = { email: `mary-${script.javaScriptEnabled}@example.org`, password: 'a lantern over the quay' };
    let page: Page;
    let observed: Watch;
    let secret: string;
    let recoveryCodes: string[];

    const enterApp = async (parameters: Record<string, string> = {}) => {
      await page.goto(authorizationUrl(stage, harbour, parameters));
      await signIn(page, person);
    };

    beforeAll(async () => {
      page = await openWindow(stage, script);
      observed = watch(page.context(), [stage.server.url, harbour.url]);
    });
    it('begins at the app with a registration that a mail confirms', async () => {
      await page.goto(authorizationUrl(stage, harbour));
      await page.click('#register-link');
      await page.fill('input[name=email]', person.email);
      await page.fill('input[name=password]', person.password);
      await page.click('#register-submit');
      await page.goto(linkIn(await mailTo(person.email, '/register/confirm')));
      await page.click('#link-confirm');
      await page.waitForSelector('#register-done');
      await enterApp();
      await allowIfAsked(page, () => isBack(page));
      expect(await idTokenOf(page)).toMatchObject({ amr: ['pwd'] });
      expect(await stage.json('user', 'show', person.email)).toMatchObject({ email_verified: true, disabled: false });
    });

    it('gets a second step', async () => {
      await page.goto(`${stage.server.url}/account`);
      await page.click('#factor-add');
      secret = (await page.textContent('#totp-secret')) ?? '';
      await typeCode(page, codeOf(secret));
      recoveryCodes = await page.locator('#recovery-codes li').allTextContents();
      expect(recoveryCodes).toHaveLength(10);
      await page.click('#recovery-done');
      await page.waitForSelector('#factor-remove');
    });

    it('is asked for it where an app wants more than a password', async () => {
      await enterApp({ prompt: 'login', acr_values: multiFactor });
      await page.waitForSelector('#code-page');
      await typeCode(page, codeOf(secret, 1));
      await page.waitForURL(isBackUrl);
      expect(await idTokenOf(page)).toMatchObject({ acr: multiFactor, amr: ['pwd', 'otp', 'mfa'] });
    });

    it('is let in by a recovery code, once', async () => {
      await enterApp({ prompt: 'login' });
      await page.click('#use-another-way');
      await typeCode(page, recoveryCodes[0] ?? '');
      await page.waitForURL(isBackUrl);
      await enterApp({ prompt: 'login' });
      await typeCode(page, recoveryCodes[0] ?? '');
      await page.waitForSelector('#problem');
      await typeCode(page, recoveryCodes[1] ?? '');
      await page.waitForURL(isBackUrl);
    });

    it('ends a sign-in elsewhere', async () => {
      const elsewhere = await openWindow(stage, script);
      await elsewhere.goto(authorizationUrl(stage, harbour));
      await signIn(elsewhere, person);
      await typeCode(elsewhere, recoveryCodes[2] ?? '');
      await elsewhere.waitForURL(isBackUrl);
      await page.goto(`${stage.server.url}/account`);
      const others = page
        .locator('li', { has: page.locator('#session-end') })
        .filter({ hasNot: page.locator('.badge-good') });
      await others.first().locator('#session-end').click();
      await page.waitForURL(/done=session/);
      await elsewhere.goto(`${stage.server.url}/account`);
      expect(await elsewhere.locator('#sign-in-link').count()).toBe(1);
      await elsewhere.context().close();
    });

    const byPasskey = async () => {
      await addPasskey(page);
      await page.goto(authorizationUrl(stage, harbour, { prompt: 'login' }));
      await page.click('#passkey-sign-in');
      await page.waitForURL(isBackUrl);
      expect(await idTokenOf(page)).toMatchObject({ acr: multiFactor, amr: expect.arrayContaining(['pop', 'mfa']) });
    };
    const withoutPasskeys = async () => {
      await page.goto(`${stage.server.url}/account`);
      expect(await page.locator('#passkey-add').isVisible()).toBe(false);
    };
    it(
      'is let in by a passkey in place of the password, where there is script',
      script.javaScriptEnabled ? byPasskey : withoutPasskeys,
    );

    it('is not asked for the code again in a browser that is remembered, unless an app wants it', async () => {
      const trusted = await openWindow(stage, script);
      await trusted.goto(authorizationUrl(stage, harbour));
      await signIn(trusted, person);
      if (script.javaScriptEnabled) await trusted.click('#use-another-way');
      await trusted.check('#remember-device');
      await typeCode(trusted, recoveryCodes[3] ?? '');
      await trusted.waitForURL(isBackUrl);
      await trusted.goto(`${stage.server.url}/`);
      await trusted.click('#sign-out');
      await trusted.goto(authorizationUrl(stage, harbour));
      await signIn(trusted, person);
      await trusted.waitForURL(isBackUrl);
      expect((await idTokenOf(trusted))['amr']).toEqual(['pwd']);
      await trusted.goto(authorizationUrl(stage, harbour, { acr_values: multiFactor }));
      await trusted.waitForSelector('#code-page');
      await trusted.context().close();
    });

    it('is taken along as a file', async () => {
      await page.goto(`${stage.server.url}/account`);
      const coming = page.waitForEvent('download');
      await page.click('#export-data');
      const file = JSON.parse(readFileSync(await (await coming).path(), 'utf8')) as Record<string, object>;
      expect(file['account']).toMatchObject({ email: person.email, email_verified: true });
      expect(JSON.stringify(file)).not.toContain(secret);
    });

    it('is deleted, and brought back by signing in', async () => {
      await page.goto(`${stage.server.url}/account`);
      await page.click('#delete-account');
      await page.fill('input[name=current_password]', person.password);
      await page.click('#delete-account');
      await page.waitForSelector('#leaving-page');
      await mailTo(person.email, '/account/undelete');
      await page.goto(authorizationUrl(stage, harbour));
      await signIn(page, person);
      await page.click('#delete-undo');
      await enterApp();
      await page.waitForSelector('#code-page');
      expect(observed.complaints).toEqual([]);
    });
  },
);

const isBackUrl = (url: URL) => url.href.startsWith(`${harbour.callback}?`);
