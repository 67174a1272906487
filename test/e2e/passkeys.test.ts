import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeViolations } from '../kit/axe.ts';
import {
  ada,
  authorizationUrl,
  bob,
  type Harbour,
  harbourClient,
  openHarbour,
  openStage,
  openWindow,
  people,
  type Stage,
  signIn,
  watch,
} from './kit.ts';
import { addAuthenticator, offersNothing } from './virtual-authenticator.ts';

let stage: Stage;
let harbour: Harbour;

beforeAll(async () => {
  harbour = await openHarbour();
  stage = await openStage({ ...people, clients: [{ ...harbourClient(harbour), first_party: true }] });
});
afterAll(async () => {
  await stage.close();
  await harbour.close();
});

/** Signs in on the account page by password and adds a passkey there. */
async function addPasskey(page: Page, person: { email: string; password: string }): Promise<void> {
  await page.goto(`${stage.server.url}/account`);
  await page.click('#sign-in-link');
  await signIn(page, person);
  await page.fill('#passkey-name', 'Lighthouse');
  await page.click('#passkey-add');
  await page.waitForSelector('#recovery-codes');
  await page.click('#recovery-done');
  expect(await page.textContent('#passkeys')).toContain('Lighthouse');
}

describe('passkeys in a browser', () => {
  it('are added, sign in at an app, and are refused when a copy has counted less', async () => {
    const page = await openWindow(stage);
    await page.addInitScript(offersNothing);
    const { complaints } = watch(page.context(), [stage.server.url, harbour.url]);
    const { cdp, id } = await addAuthenticator(page);
    await addPasskey(page, ada);
    expect(await axeViolations(page)).toEqual([]);
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: id });
    expect(credentials).toHaveLength(1);

    await page.click('#sign-out');
    await page.goto(authorizationUrl(stage, harbour));
    expect(await axeViolations(page)).toEqual([]);
    await page.click('#passkey-sign-in');
    await page.waitForURL(`${harbour.callback}?*`);
    expect(harbour.answers.at(-1)?.has('code')).toBe(true);

    // As second step, behind the password.
    await page.goto(authorizationUrl(stage, harbour, { prompt: 'login' }));
    await signIn(page, ada);
    await page.waitForSelector('#passkey-submit');
    expect(await axeViolations(page)).toEqual([]);
    await page.click('#passkey-submit');
    await page.waitForURL(`${harbour.callback}?*`);

    // The same key as it was at first: a copy, which has counted less.
    const [credential] = credentials;
    if (!credential) throw new Error('the key is gone');
    await cdp.send('WebAuthn.removeCredential', { authenticatorId: id, credentialId: credential.credentialId });
    await cdp.send('WebAuthn.addCredential', { authenticatorId: id, credential: { ...credential, signCount: 0 } });
    await page.goto(authorizationUrl(stage, harbour, { prompt: 'login' }));
    await page.click('#passkey-sign-in');
    await page.waitForSelector('#problem');
    expect(await page.textContent('#problem')).toContain('was not taken');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('are offered while the name is typed, and taken from there', async () => {
    const page = await openWindow(stage);
    await addAuthenticator(page);
    await addPasskey(page, bob);
    await page.click('#sign-out');
    await page.goto(authorizationUrl(stage, harbour));
    // Nobody presses anything: the browser offers, and its person picks.
    await page.waitForURL(`${harbour.callback}?*`);
    expect(harbour.answers.at(-1)?.has('code')).toBe(true);
    await page.context().close();
  });

  it('say what they need where there are no scripts, and that nothing was used when the person breaks off', async () => {
    const plain = await openWindow(stage, { javaScriptEnabled: false });
    await plain.goto(authorizationUrl(stage, harbour));
    expect(await plain.locator('#passkey-sign-in').isVisible()).toBe(false);
    await signIn(plain, bob);
    expect(await plain.textContent('noscript')).toContain('JavaScript');
    expect(await plain.locator('#passkey-submit').isVisible()).toBe(false);
    await plain.click('#use-another-way');
    await plain.waitForSelector('#code-submit');
    await plain.context().close();

    const page = await openWindow(stage);
    await page.addInitScript(offersNothing);
    await addAuthenticator(page);
    await page.goto(authorizationUrl(stage, harbour));
    // This device has no passkey for this server.
    await page.click('#passkey-sign-in');
    await page.waitForSelector('[data-problem]:not([hidden])');
    expect(await page.textContent('[data-problem]')).toContain('No passkey was used');
    expect(await axeViolations(page)).toEqual([]);
    await page.context().close();
  });
});
