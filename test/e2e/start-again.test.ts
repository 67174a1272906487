import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumOptions } from '../kit/services/chromium.ts';
import { temporaryFolder } from '../kit/services/folder.ts';
import {
  ada,
  allowIfAsked,
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
} from './kit.ts';

/** Two hours pass in the server whenever it gets the signal. */
const clockThatJumps = `data:text/javascript,${encodeURIComponent(
  "const now = Date.now; let ahead = 0; Date.now = () => now() + ahead; process.on('SIGUSR2', () => (ahead += 7_200_000));",
)}`;

const television = {
  client_id: 'television',
  client_name: 'Harbour TV',
  token_endpoint_auth_method: 'none',
  grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
};

let stage: Stage;
let harbour: Harbour;
let page: Page;

beforeAll(async () => {
  harbour = await openHarbour();
  stage = await openStage(
    { ...people, clients: [television, harbourClient(harbour)] },
    { nodeArgs: ['--import', clockThatJumps] },
  );
});
afterAll(async () => {
  await stage?.close();
  await harbour?.close();
});
beforeEach(async () => {
  page = await openWindow(stage);
});

const begin = (parameters: Record<string, string> = {}) => page.goto(authorizationUrl(stage, harbour, parameters));

const allow = '#consent-allow';
const hasArrived = (on: Page) => on.url().startsWith(`${harbour.callback}?`);

/** Signs in and allows what is asked, up to the app. */
async function arrive(person = ada, on = page): Promise<void> {
  if (await on.locator('#login-page').isVisible()) await signIn(on, person);
  await allowIfAsked(on, () => hasArrived(on));
}

/** The page says what happened, carries its reference, and its one button leads to the app, where all begins again. */
async function expectWayBack(heading: string): Promise<void> {
  expect(await page.textContent('h1')).toBe(heading);
  expect(await page.textContent('#error-reference')).toMatch(/^[0-9a-f-]{36}$/);
  await page.getByRole('link', { name: 'Back to Harbour Books' }).click();
  expect(page.url()).toBe(`${harbour.url}/`);
  await begin();
  if (page.url().startsWith(stage.server.url)) await arrive();
  expect(harbour.answers.at(-1)?.get('code')).toMatch(/^[\w-]{43}$/);
}

/** Chromium swaps pages between two sites, and until it has, there is no history to ask for. */
async function goBack(): Promise<void> {
  await page.waitForLoadState();
  await page.goBack().catch(async () => {
    await page.waitForLoadState();
    await page.goBack();
  });
}

/** Lets the time of every interaction under way run out. */
async function letTimePass(): Promise<void> {
  const told = async () => {
    const text = await (await fetch(`${stage.server.url}/nowhere`, { headers: { accept: 'text/html' } })).text();
    return Date.parse(/datetime="([^"]+)"/.exec(text)?.[1] ?? '');
  };
  const before = await told();
  process.kill(stage.server.pid, 'SIGUSR2');
  await expect.poll(told).toBeGreaterThan(before + 3_600_000);
}

const expired = 'This sign-in has expired';
const finished = 'This step is already done';

describe('an expired sign-in', () => {
  it('leads back to the app when the form is sent too late', async () => {
    await begin();
    await letTimePass();
    await signIn(page, ada);
    await expectWayBack(expired);
  });

  it('leads back to the app when the page is loaded again too late', async () => {
    await begin();
    await letTimePass();
    await page.reload();
    await expectWayBack(expired);
  });
});

describe('the back button', () => {
  it('after the sign-in finds a page that leads on', async () => {
    await begin();
    await arrive();
    await goBack();
    await expectWayBack(finished);
  });

  it('from the consent page to the sign-in page, and sending that again, leads on', async () => {
    await begin({ prompt: 'consent' });
    await signIn(page, ada);
    await page.waitForSelector(allow);
    await goBack();
    if (await page.locator('#login-submit').isVisible()) await signIn(page, ada);
    await expectWayBack(finished);
  });
});

/** The browser shows the answer to the second click; what it is depends on how far the first one came. */
async function expectArrivalOrWayBack(): Promise<void> {
  await expect.poll(async () => hasArrived(page) || page.locator('#op-error').isVisible()).toBe(true);
  if (!hasArrived(page)) await expectWayBack(finished);
}

describe('a double click', () => {
  it('on "Sign in" arrives, or leads back to the app', async () => {
    await begin();
    await arrive();
    await begin({ prompt: 'login' });
    await page.fill('input[name=login]', ada.email);
    await page.fill('input[name=password]', ada.password);
    await page.dblclick('#login-submit');
    await expectArrivalOrWayBack();
  });

  it('on "Allow" arrives, or leads back to the app', async () => {
    await begin({ prompt: 'consent' });
    await signIn(page, ada);
    await page.dblclick(allow);
    await expectArrivalOrWayBack();
  });

  it('sent twice at once gives one answer to the app and a way back to the other', async () => {
    await begin();
    const action = await page.getAttribute('form:has(#login-submit)', 'action');
    const headers = { origin: stage.server.url, 'sec-fetch-site': 'same-origin' };
    const form = { login: ada.email, password: ada.password };
    const send = () => page.request.post(stage.server.url + action, { form, headers });
    const statuses = (await Promise.all([send(), send()])).map((answer) => answer.status());
    expect(statuses).toContain(200);
    expect(statuses.every((status) => status === 200 || status === 400 || status === 409)).toBe(true);
  });
});

describe('the pages of a device', () => {
  const begin = async () => {
    const form = new URLSearchParams({ client_id: television.client_id, scope: 'openid' });
    const answer = await fetch(`${stage.server.url}/device/authorize`, { method: 'POST', body: form });
    return String(((await answer.json()) as Record<string, unknown>)['verification_uri_complete']);
  };

  it('a double click on "Connect" goes on, or says that it is done', async () => {
    await page.goto(await begin());
    await page.click('#device-submit');
    await page.dblclick('#device-confirm');
    const goesOn = () => page.locator('#login-page, #op-error').isVisible();
    await expect.poll(goesOn).toBe(true);
    if (await page.locator('#op-error').isVisible()) expect(await page.textContent('h1')).toBe(finished);
  });

  it('lead on when they were asked for anew in another tab, or have lost their cookie', async () => {
    await page.goto(await begin());
    await page.click('#device-submit');
    const confirm = await page.context().newPage();
    await confirm.goto(`${stage.server.url}/device`);
    await page.waitForSelector('#device-confirm');
    await page.click('#device-confirm');
    // The other page asked anew, so this one is of no use; it is the input page that lets the person go on.
    await page.waitForSelector('#device-page');
    await page.context().clearCookies();
    await confirm.fill('input[name=user_code]', 'BCDF-GHJK');
    await confirm.click('#device-submit');
    await confirm.waitForSelector('#op-error');
    expect(await confirm.textContent('h1')).toBe('Your browser did not send back our cookie');
  });
});

describe('loading a page again', () => {
  it('keeps the sign-in page usable, also after a wrong password', async () => {
    await begin();
    await page.reload();
    await signIn(page, { ...ada, password: 'not her password at all' });
    expect(await page.textContent('#problem')).toContain("don't match");
    await page.reload();
    await arrive();
    expect(harbour.answers.at(-1)?.get('state')).toBe('state-1');
  });

  it('keeps the consent page usable', async () => {
    await begin({ prompt: 'consent' });
    await signIn(page, ada);
    await page.waitForSelector(allow);
    await page.reload();
    await page.click(allow);
    await page.waitForURL(`${harbour.callback}?*`);
  });
});

describe('two tabs', () => {
  it('both arrive, whichever is first', async () => {
    const second = await page.context().newPage();
    await begin({ state: 'first' });
    await second.goto(authorizationUrl(stage, harbour, { state: 'second' }));
    await arrive();
    await arrive(ada, second);
    expect(new URL(page.url()).searchParams.get('state')).toBe('first');
    expect(new URL(second.url()).searchParams.get('state')).toBe('second');
  });

  it('with two people: each app gets the person who typed there', async () => {
    const second = await page.context().newPage();
    await begin({ state: 'ada' });
    await second.goto(authorizationUrl(stage, harbour, { state: 'bob' }));
    await arrive();
    await arrive(bob, second);
    expect(new URL(second.url()).searchParams.get('code')).toMatch(/^[\w-]{43}$/);
  });
});

describe('a bookmarked sign-in page', () => {
  it('leads back to the app, in another browser', async () => {
    await begin();
    const bookmark = page.url();
    page = await openWindow(stage);
    await page.goto(bookmark);
    await expectWayBack('Your browser did not send back our cookie');
  });

  it('leads back to the app, in the same browser when it is over', async () => {
    await begin();
    const bookmark = page.url();
    await arrive();
    await page.goto(bookmark);
    await expectWayBack(finished);
  });

  it('of a sign-in that nobody remembers leads to the start page', async () => {
    await page.goto(`${stage.server.url}/`);
    const answer = await page.goto(`${stage.server.url}/interaction/${'x'.repeat(21)}`);
    expect(answer?.status()).toBe(400);
    await page.getByRole('link', { name: 'Go to the start page' }).click();
    await page.waitForURL(`${stage.server.url}/`);
  });
});

describe('a browser that keeps no cookies', () => {
  it('says so, and leads back to the app', async () => {
    const profile = temporaryFolder('no-cookies');
    mkdirSync(join(profile.path, 'Default'));
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
    writeFileSync(join(profile.path, 'Default', 'Preferences'), JSON.stringify(preferences));
    const context = await chromium.launchPersistentContext(profile.path, chromiumOptions());
    page = await context.newPage();
    const answer = await begin();
    expect(await context.cookies()).toEqual([]);
    expect(answer?.status()).toBe(400);
    expect(await page.textContent('h1')).toBe('Your browser did not send back our cookie');
    await page.getByRole('link', { name: 'Back to Harbour Books' }).click();
    expect(page.url()).toBe(`${harbour.url}/`);
    await context.close();
    profile.remove();
  });
});

describe('signing out twice', () => {
  it('says that the person is signed out', async () => {
    await begin();
    await arrive();
    const second = await page.context().newPage();
    await page.goto(`${stage.server.url}/logout`);
    await second.goto(`${stage.server.url}/logout`);
    // The second page asked anew, so the answer from the first one is put once more.
    await page.click('#logout-yes');
    await page.waitForURL(`${stage.server.url}/logout`);
    await page.click('#logout-yes');
    await page.waitForSelector('#logged-out');
    await second.click('#logout-yes');
    await second.waitForSelector('#logged-out');
  });
});
