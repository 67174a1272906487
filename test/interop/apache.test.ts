import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ada, allowIfAsked, grace, openStage, openWindow, people, type Stage, signIn } from '../e2e/kit.ts';
import { type Apache, startApache } from '../kit/services/apache.ts';
import { freePort } from '../kit/services/free-port.ts';

let stage: Stage;
let apache: Apache;

beforeAll(async () => {
  stage = await openStage({});
});
afterAll(async () => {
  await apache?.stop();
  await stage?.close();
});

const who = (page: Page) => page.textContent('#who');

/** Opens the protected page, signs in and allows when asked, and says who Apache takes the browser for. */
async function visit(page: Page, person?: typeof ada): Promise<string | null> {
  await page.goto(apache.protectedUrl);
  if (person && page.url().startsWith(stage.server.url)) await signIn(page, person);
  await allowIfAsked(page, () => page.url() === apache.protectedUrl);
  return who(page);
}

describe('from an empty server to an app that nobody here wrote (Apache with mod_auth_openidc)', () => {
  it('leads from the set-up link to the first app, and signs in there', async () => {
    const page = await openWindow(stage);
    await page.goto(await stage.server.setupLink());
    await page.fill('input[name=email]', grace.email);
    await page.fill('input[name=password]', grace.password);
    await page.click('#setup-submit');
    expect(page.url()).toBe(`${stage.server.url}/`);

    const port = await freePort();
    await page.fill('input[name=name]', 'Harbour intranet');
    await page.fill('input[name=redirect_uri]', `http://127.0.0.1:${port}/protected/callback`);
    await page.click('#app-submit');
    const clientId = (await page.textContent('#app-client-id')) ?? '';
    const clientSecret = (await page.textContent('#app-client-secret')) ?? '';
    apache = await startApache({ issuer: stage.server.url, clientId, clientSecret, port });

    // The administrator is signed in already: only the app's question is left.
    expect(await visit(page)).toBe(`REMOTE_USER=${grace.email}`);
    // What the first form does not ask for, an operator adds.
    await stage.apply({ ...people, clients: [client(clientId)] });
  });

  it('signs out the browser that asked for it, and no other', async () => {
    const [mine, other] = [await openWindow(stage), await openWindow(stage)];
    expect(await visit(mine, ada)).toBe(`REMOTE_USER=${ada.email}`);
    expect(await visit(other, ada)).toBe(`REMOTE_USER=${ada.email}`);

    await mine.goto(apache.logoutUrl);
    await mine.click('#logout-yes');
    await mine.waitForURL(apache.publicUrl);
    expect(await who(mine)).toBe('signed out');

    await mine.goto(apache.protectedUrl);
    expect(await mine.locator('#login-page').count()).toBe(1);
    expect(await visit(other)).toBe(`REMOTE_USER=${ada.email}`);

    await stage.json('user', 'sign-out', ada.email);
    await expect.poll(() => asksAgain(other), { interval: 250 }).toBe(true);
  });
});

async function asksAgain(page: Page): Promise<boolean> {
  await page.goto(apache.protectedUrl);
  return page.locator('#login-page').isVisible();
}

const client = (clientId: string) => ({
  client_id: clientId,
  client_name: 'Harbour intranet',
  redirect_uris: [apache.redirectUri],
  post_logout_redirect_uris: [apache.postLogoutRedirectUri],
  backchannel_logout_uri: apache.backchannelLogoutUri,
  backchannel_logout_session_required: true,
  grant_types: ['authorization_code', 'refresh_token'],
});
