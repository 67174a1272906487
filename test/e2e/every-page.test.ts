import { mkdirSync, statSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { CDPSession, Page } from 'playwright';
import { describe, expect, it } from 'vitest';
import { axeViolations } from '../kit/axe.ts';
import { type Certificate, makeCertificate } from '../kit/services/certificate.ts';
import { temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { codeOf, wrongCodeOf } from '../mfa/kit.ts';
import {
  ada,
  authorizationUrl,
  bob,
  grace,
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

/** Set to write the pictures of README: `POSTERN_SCREENSHOTS=1`. */
const takesPictures = process.env.POSTERN_SCREENSHOTS === '1';
const isLong = process.env.POSTERN_TEST_LONG === '1';
const pictures = join(import.meta.dirname, '../../docs/images');
const largestPicture = 150 * 1024;

interface Look {
  readonly width: 390 | 1280;
  readonly scheme: 'light' | 'dark';
}

/** How each page is looked at: two of the four show it both schemes and both widths, the long run and the pictures need all. */
const opposites: readonly Look[] = [
  { width: 390, scheme: 'light' },
  { width: 1280, scheme: 'dark' },
];
const looks: readonly Look[] =
  isLong || takesPictures
    ? [...opposites, { width: 1280, scheme: 'light' }, { width: 390, scheme: 'dark' }]
    : opposites;

/** Which pages README shows, and in which look. */
const shown: Readonly<Record<string, readonly string[]>> = {
  'sign-in': ['1280-light', '1280-dark', '390-light'],
  consent: ['1280-light', '390-dark'],
  'device-input': ['1280-light'],
  'device-confirm': ['1280-light'],
  'set-up': ['1280-light'],
  'home-first-app': ['1280-light'],
  'first-app-created': ['1280-light'],
  'home-apps': ['1280-light'],
  'error-app-request': ['1280-light'],
  'start-again': ['1280-light'],
  'logged-out': ['1280-light'],
  logout: ['1280-light'],
  code: ['1280-light'],
  enrolment: ['1280-light'],
  'account-with-second-step': ['1280-light'],
  'recovery-codes': ['1280-light'],
};

/** Everything the tour needs to go from page to page. */
interface Tour {
  readonly stage: Stage;
  readonly harbour: Harbour;
  readonly page: Page;
  /** Looks at the page as it is now. */
  see(name: string, mainId: string): Promise<void>;
}

async function setUp({ stage, page, see }: Tour): Promise<void> {
  await page.goto(`${stage.server.url}/`);
  await see('home-needs-set-up', 'main');
  const link = await stage.server.setupLink();
  await page.goto(link);
  await see('set-up', '#setup-page');
  await page.fill('input[name=email]', 'grace');
  await page.fill('input[name=password]', 'short');
  await page.click('#setup-submit');
  await page.waitForSelector('[aria-invalid=true]');
  await see('set-up-wrong', '#setup-page');
  await page.fill('input[name=email]', grace.email);
  await page.fill('input[name=password]', grace.password);
  await page.click('#setup-submit');
  await page.waitForSelector('#app-submit');
  await see('home-first-app', 'main');
  await page.goto(link);
  await see('set-up-link-used', '#op-error');
}

async function connectApps({ stage, harbour, page, see }: Tour): Promise<void> {
  await page.goto(`${stage.server.url}/`);
  await page.fill('input[name=name]', 'Harbour intranet');
  await page.fill('input[name=redirect_uri]', 'http://intranet.example/callback');
  await page.click('#app-submit');
  await page.waitForSelector('[aria-invalid=true]');
  await see('home-first-app-wrong', 'main');
  await page.fill('input[name=redirect_uri]', 'https://intranet.example/callback');
  await page.click('#app-submit');
  await page.waitForSelector('#app-client-secret');
  await see('first-app-created', 'main');
  const television = {
    client_id: 'television',
    client_name: 'Harbour TV',
    client_secret: 'a secret of the television, 32 long',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
  };
  await stage.apply({ ...people, clients: [television, harbourClient(harbour)] });
  await page.goto(`${stage.server.url}/`);
  await see('home-apps', 'main');
  await page.click('#sign-out');
  await page.waitForSelector('#sign-in-link');
  await see('home-signed-out', 'main');
}

async function enterApp({ stage, harbour, page, see }: Tour): Promise<void> {
  await page.goto(authorizationUrl(stage, harbour));
  await see('sign-in', '#login-page');
  await signIn(page, { ...ada, password: 'not the right one' });
  await page.waitForSelector('#problem');
  await see('sign-in-wrong', '#login-page');
  await signIn(page, ada);
  await page.waitForSelector('#consent-allow');
  await see('consent', '#consent-page');
  const finished = page.url();
  await page.click('#consent-allow');
  await page.waitForURL(`${harbour.callback}?*`);
  await page.goto(finished);
  await see('start-again', '#op-error');
  const own = {
    ...harbourClient(harbour),
    client_id: 'harbour-treasury',
    client_name: 'Harbour treasury',
    allowed_users: [],
  };
  await stage.apply({ ...people, clients: [own] });
  await page.goto(authorizationUrl(stage, harbour, { client_id: own.client_id }));
  await see('not-allowed', '#op-error');
  await page.goto(authorizationUrl(stage, harbour, { prompt: 'login' }));
  await see('sign-in-again', '#login-page');
  await page.goto(`${stage.server.url}/`);
  await see('home-signed-in', 'main');
}

/** Signed in by password a moment ago: sets a second step up, signs in by it, and takes it away. */
async function secondStep({ stage, harbour, page, see }: Tour): Promise<void> {
  await page.goto(`${stage.server.url}/account`);
  await see('account', '#second-step');
  await page.click('#factor-add');
  await see('account-authenticator', '#authenticator-page');
  const secret = (await page.textContent('#totp-secret')) ?? '';
  await page.fill('input[name=code]', wrongCodeOf(secret));
  await page.click('#code-submit');
  await page.waitForSelector('#problem');
  await see('account-authenticator-wrong', '#authenticator-page');
  await page.fill('input[name=code]', codeOf(secret));
  await page.click('#code-submit');
  await page.waitForSelector('#recovery-codes');
  await see('account-recovery-codes', '#recovery-page');
  const codes = await page.locator('#recovery-codes li').allTextContents();
  await page.click('#recovery-done');
  await see('account-with-second-step', '#second-step');
  await page.goto(authorizationUrl(stage, harbour, { prompt: 'login' }));
  await signIn(page, ada);
  await page.waitForSelector('#use-another-way');
  await see('code', '#code-page');
  await page.click('#use-another-way');
  await see('code-recovery', '#code-page');
  await page.fill('input[name=code]', codes[0] ?? '');
  await page.click('#code-submit');
  await page.waitForURL(`${harbour.callback}?*`);
  await page.goto(`${stage.server.url}/account`);
  await page.click('#factor-remove');
  await see('account-remove-factor', '#remove-page');
  await page.fill('input[name=code]', codes[1] ?? '');
  await page.click('#code-submit');
  await page.waitForSelector('#factor-add');
  await see('account-factor-removed', '#second-step');
}

/** An app that asks for more than a password, of a person who has no more yet. */
async function stepUp({ stage, harbour, page, see }: Tour): Promise<void> {
  await page.goto(authorizationUrl(stage, harbour, { prompt: 'login', acr_values: 'urn:postern:acr:2fa' }));
  await signIn(page, ada);
  await page.waitForSelector('#totp-secret');
  await see('enrolment', '#enrolment-page');
  await page.fill('input[name=code]', codeOf((await page.textContent('#totp-secret')) ?? ''));
  await page.click('#code-submit');
  await page.waitForSelector('#recovery-codes');
  await see('recovery-codes', '#recovery-page');
  await page.click('#recovery-done');
  await page.waitForURL(`${harbour.callback}?*`);
}

/** What the person of a fresh sign-in looks after, up to leaving and coming back. */
async function lookAfter({ stage, page, see }: Tour): Promise<void> {
  const { url } = stage.server;
  await page.goto(`${url}/account`);
  await page.click('#sign-in-link');
  await signIn(page, bob);
  await page.waitForSelector('#profile-open');
  for (const [name, path] of [
    ['account-profile', 'profile'],
    ['account-activity', 'activity'],
    ['account-email', 'email'],
    ['account-delete', 'delete'],
  ] as const) {
    await page.goto(`${url}/account/${path}`);
    await see(name, `#${path}-page`);
  }
  await page.fill('input[name=current_password]', bob.password);
  await page.click('#delete-account');
  await page.waitForSelector('#delete-undo');
  await see('account-leaving', '#leaving-page');
  await page.click('#delete-undo');
  await page.waitForSelector('#returned-page');
  await see('account-returned', '#returned-page');
}

/** Pages of people who are not signed in: forgotten passwords, registration, and links that are over. */
async function fromOutside({ stage, page, see }: Tour): Promise<void> {
  const { url } = stage.server;
  await page.goto(`${url}/forgot`);
  await see('forgot-without-mail', '#forgot-page');
  await page.goto(`${url}/register`);
  await see('register-off', '#register-page');
  await page.goto((await stage.json<{ url: string }>('user', 'invite', 'dora@example.org')).url);
  await see('invitation', '#register-page');
  await page.goto((await stage.json<{ url: string }>('user', 'reset-link', bob.email)).url);
  await see('reset', '#reset-page');
  await page.fill('input[name=password]', 'a brand new password for bob');
  await page.click('#reset-submit');
  await page.waitForSelector('#reset-done');
  await see('reset-done', '#reset-done');
  for (const path of [
    'reset',
    'invitation',
    'register/confirm',
    'email/confirm',
    'email/undo',
    'account/undelete',
    'unlock',
  ]) {
    await page.goto(`${url}/${path}?key=x`);
    await see(`${path} is over`, '#op-error');
  }
}

async function connectDevice({ stage, page, see }: Tour): Promise<void> {
  const codes = await Promise.all([deviceCode(stage), deviceCode(stage)]);
  await page.goto(`${stage.server.url}/device`);
  await see('device-input', '#device-page');
  await page.fill('input[name=user_code]', 'BCDF-GHJK');
  await page.click('#device-submit');
  await page.waitForSelector('#problem');
  await see('device-input-wrong', '#device-page');
  await page.fill('input[name=user_code]', codes[0]);
  await page.click('#device-submit');
  await page.waitForSelector('#device-confirm');
  await see('device-confirm', '#device-confirm-page');
  await page.click('#deny');
  await page.waitForSelector('#device-done');
  await see('device-refused', '#device-done');
  await page.goto(`${stage.server.url}/device?user_code=${codes[1]}`);
  await page.click('#device-submit');
  await page.click('#device-confirm');
  await page.click('#consent-allow');
  await page.waitForSelector('#device-done');
  await see('device-connected', '#device-done');
}

/** The code that a device shows, which reaches the server by its port, past the browser's names. */
function deviceCode({ server }: Stage): Promise<string> {
  const form = { client_id: 'television', client_secret: 'a secret of the television, 32 long', scope: 'openid' };
  const where = { host: '127.0.0.1', port: server.port, path: '/device/authorize', rejectUnauthorized: false };
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return new Promise((resolve, reject) => {
    const call = request({ ...where, method: 'POST', headers }, (answer) => {
      text(answer).then((body) => resolve((JSON.parse(body) as { user_code: string }).user_code), reject);
    });
    call.once('error', reject);
    call.end(new URLSearchParams(form).toString());
  });
}

async function fail({ stage, harbour, page, see }: Tour): Promise<void> {
  await page.goto(`${stage.server.url}/nowhere`);
  await see('error-not-found', '#op-error');
  await page.goto(authorizationUrl(stage, harbour, { redirect_uri: 'https://evil.example/' }));
  await see('error-app-request', '#op-error');
  await page.goto(authorizationUrl(stage, harbour, { client_id: 'nobody' }));
  await see('error-unknown-app', '#op-error');
  await page.context().clearCookies({ name: /interaction/ });
  await page.goto(`${stage.server.url}/interaction/${'x'.repeat(21)}`);
  await see('start-again-unknown', '#op-error');
}

async function leave({ stage, harbour, page, see }: Tour): Promise<void> {
  const query = new URLSearchParams({ client_id: 'harbour-books' });
  await page.goto(`${stage.server.url}/logout?${query}`);
  await see('logout', '#logout-page');
  await page.click('#logout-yes');
  await page.waitForSelector('#logged-out');
  await see('logged-out', '#logged-out');
  await page.context().clearCookies();
  const interaction = authorizationUrl(stage, harbour);
  await page.goto(interaction);
  await page.context().clearCookies();
  await page.reload();
  await see('cookies-off', '#op-error');
}

const scrollsSideways = 'document.body.scrollWidth > document.body.clientWidth';

/** The product and an app on https, under names that an operator would give them. */
async function openNamedStage(certificate: Certificate): Promise<{ stage: Stage; harbour: Harbour }> {
  const harbour = await openHarbour({ url: 'https://harbour-books.example', certificate });
  const port = await freePort();
  const env = {
    POSTERN_PORT: String(port),
    POSTERN_ISSUER: 'https://login.northwind.example',
    POSTERN_HOST: '127.0.0.1',
    POSTERN_TLS__CERT: certificate.cert,
    POSTERN_TLS__KEY: certificate.key,
  };
  const names = {
    'login.northwind.example:443': `127.0.0.1:${port}`,
    'harbour-books.example:443': `127.0.0.1:${harbour.port}`,
  };
  return { stage: await openStage({}, { env, names }), harbour };
}

/** Walks past every page of the running product and sees each in every look; returns what is wrong with them. */
async function complaintsOfAll(): Promise<string[]> {
  const folder = temporaryFolder('every-page');
  const { stage, harbour } = await openNamedStage(makeCertificate(folder.path));
  // Without motion: nothing fades from one look to the next.
  const page = await openWindow(stage, { ignoreHTTPSErrors: true, reducedMotion: 'reduce' });
  const { complaints } = watch(page.context(), [stage.server.url, harbour.url]);
  const browser = await page.context().newCDPSession(page);
  const see = async (name: string, mainId: string) => {
    if ((await page.locator(mainId).count()) === 0) complaints.push(`no ${name} but ${await page.textContent('h1')}`);
    for (const look of looks) {
      await lookAs(page, browser, look);
      const found = (await page.evaluate(scrollsSideways)) ? ['scrolls sideways'] : [];
      found.push(...(await axeViolations(page)));
      complaints.push(...found.map((fault) => `${name} at ${look.width} px, ${look.scheme}: ${fault}`));
      if (takesPictures && shown[name]?.includes(`${look.width}-${look.scheme}`)) await takePicture(page, name, look);
    }
  };
  const tour = { stage, harbour, page, see };
  const parts = [setUp, connectApps, enterApp, secondStep, stepUp, connectDevice, fail, leave, lookAfter, fromOutside];
  for (const part of parts) await part(tour);
  await stage.close();
  await harbour.close();
  folder.remove();
  return complaints;
}

/** Shows the page that is open on a phone or a desk, light or dark. */
async function lookAs(page: Page, browser: CDPSession, { width, scheme }: Look): Promise<void> {
  const phone = width < 480;
  const size = { width, height: phone ? 844 : 860 };
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: scheme });
  // Playwright makes a window a phone's when it opens it, and never after.
  await browser.send('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: 1, mobile: phone });
  await browser.send('Emulation.setTouchEmulationEnabled', { enabled: phone });
}

const lowestEdge = `Math.ceil(Math.max(...[...document.body.querySelectorAll('main, section')].map((box) => box.getBoundingClientRect().bottom)))`;

/** What a page is shown of in README at most, in pixels: the account's is longer. */
const tallest = 1500;

/** The page without the emptiness around it. */
async function takePicture(page: Page, name: string, { width, scheme }: Look): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  const path = join(pictures, `${name}-${width}-${scheme}.png`);
  await page.evaluate('document.activeElement?.blur()');
  const bottom = Number(await page.evaluate(lowestEdge)) + 56;
  const margin = width > 1000 ? 200 : 0;
  const clip = {
    x: margin,
    y: 0,
    width: width - 2 * margin,
    height: Math.min(Math.max(bottom, width > 1000 ? 560 : 844), tallest),
  };
  await page.screenshot({ path, fullPage: true, clip, animations: 'disabled' });
  expect(statSync(path).size, `${name} is too large for README`).toBeLessThanOrEqual(largestPicture);
}

describe('every page of the running product', () => {
  it('is accessible, self-contained and within its policy, on a phone and a desk, light and dark', async () => {
    expect(await complaintsOfAll()).toEqual([]);
  });
});
