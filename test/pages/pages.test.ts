import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browsers, type Look, type PageServer, servePages, startChromium } from './kit.ts';
import { samples } from './samples.ts';

/** Where pictures go when someone wants to look at the pages; none are taken otherwise. */
const pictures = process.env.POSTERN_PAGE_PICTURES;
const isLong = process.env.POSTERN_TEST_LONG === '1';

/** Every how many samples one is taken, beginning with which. */
interface Share {
  readonly of: number;
  readonly from: number;
}
const all: Share = { of: 1, from: 0 };
const isIn = ({ of, from }: Share, index: number): boolean => index % of === from;

/** Axe takes most of the time: each sample sees it in one of two looks that differ in everything, in the long run in all. */
const looks: readonly (Look & { readonly axe?: Share })[] = [
  { width: 390, scheme: 'light', axe: isLong ? all : { of: 2, from: 0 } },
  { width: 390, scheme: 'dark', ...(isLong ? { axe: all } : {}) },
  { width: 1280, scheme: 'light', ...(isLong ? { axe: all } : {}) },
  { width: 1280, scheme: 'dark', axe: isLong ? all : { of: 2, from: 1 } },
];

/**
 * The longest words, the script without spaces and the one from right to left, each on another third of the samples; the
 * long run sees every language on all.
 */
const translations: readonly (readonly [string, Share])[] = isLong
  ? ['ar', 'de', 'es', 'fr', 'ja', 'pt', 'zh-Hans'].map((language) => [language, all] as const)
  : ['ar', 'de', 'ja'].map((language, from) => [language, { of: 3, from }] as const);

/** Buttons and fields that are too low for a thumb, as their ids; links in running text are exempt. */
const lowTargets = `[...document.querySelectorAll('.button, .input, .aside button, summary')]
  .filter((element) => element.getBoundingClientRect().height < 46)
  .map((element) => element.id || element.textContent)
  .join(', ')`;
const scrollsSideways = 'document.body.scrollWidth > document.body.clientWidth';

let server: PageServer;
let browsers: Browsers;

beforeAll(async () => {
  server = await servePages();
  browsers = await startChromium();
});

afterAll(async () => {
  await browsers?.close();
  await server?.close();
});

/**
 * Opens every sample in turn, in English unless the look has another language, and hands it to `inspect`, which tells
 * what is wrong with it. Returns all complaints: those, what the console says (policy violations among it), requests that fail and requests to other hosts.
 */
async function complaintsAbout(
  look: Look & { readonly language?: string; readonly share?: Share },
  inspect: (page: Page, name: string, index: number) => Promise<string[]>,
): Promise<string[]> {
  const context = await browsers.open(look);
  const page = await context.newPage();
  const complaints: string[] = [];
  let current = '';
  const complain = (text: string) => complaints.push(`${current}: ${text}`);
  page.on('console', (message) => complain(`${message.type()} ${message.text()}`));
  page.on('pageerror', (error) => complain(error.message));
  page.on('requestfailed', (request) => {
    // The icon comes when the browser finds time for it, and is given up when the next page is opened before.
    const isGivenUp = request.failure()?.errorText === 'net::ERR_ABORTED' && request.url().includes('/favicon.');
    if (!isGivenUp) complain(`failed ${request.url()}`);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== server.origin) complain(`asked ${request.url()}`);
  });
  for (const [index, { name }] of samples.entries()) {
    if (!isIn(look.share ?? all, index)) continue;
    current = name;
    await page.goto(`${server.origin}/${name}?ui_locales=${look.language ?? 'en'}`);
    await page.evaluate('document.fonts.ready');
    for (const complaint of await inspect(page, name, index)) complain(complaint);
  }
  await context.close();
  return complaints;
}

async function takePicture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

async function axeViolations(page: Page): Promise<string[]> {
  // No frames here, so the mode without a second page will do.
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true)
    .options({ resultTypes: ['violations'] })
    .analyze();
  return violations.map((found) => `axe ${found.id} at ${found.nodes.map((node) => node.target).join(', ')}`);
}

async function layoutFaults(page: Page): Promise<string[]> {
  const low = (await page.evaluate(lowTargets)) as string;
  const sideways = (await page.evaluate(scrollsSideways)) as boolean;
  return [...(low === '' ? [] : [`too low: ${low}`]), ...(sideways ? ['scrolls sideways'] : [])];
}

describe('every page in every state', () => {
  for (const look of looks) {
    it(`is accessible, self-contained and within its policy at ${look.width} px, ${look.scheme}`, async () => {
      const complaints = await complaintsAbout(look, async (page, name, index) => {
        await takePicture(page, `${name}-${look.width}-${look.scheme}`);
        const axe = look.axe !== undefined && isIn(look.axe, index);
        return [...(await layoutFaults(page)), ...(axe ? await axeViolations(page) : [])];
      });
      expect(complaints).toEqual([]);
    });
  }

  it.each(translations)(
    'keeps everything on the page in %s, also with text twice as large',
    async (language, share) => {
      const look = { width: 390, scheme: 'light', language, share } as const;
      const complaints = await complaintsAbout(look, async (page, name) => {
        await takePicture(page, `${language}-${name}-390-light`);
        const faults = await layoutFaults(page);
        await page.evaluate("document.documentElement.style.fontSize = '200%'");
        return [...faults, ...(await layoutFaults(page))];
      });
      expect(complaints).toEqual([]);
    },
  );
});

describe('the focus, without script,', () => {
  const places = {
    'sign-in': 'login',
    'sign-in-hint': 'password',
    'sign-in-wrong': 'password',
    'sign-in-throttled': 'problem',
    code: 'code',
    'code-wrong': 'code',
    'code-throttled': 'problem',
    'enrolment-wrong': 'code',
    'account-password-wrong': 'current_password',
    'account-password-short': 'new_password',
    'account-password-throttled': 'problem',
    'account-remove-factor': 'code',
    'account-remove-passkey': 'code',
    'account-remove-passkey-wrong': 'problem',
    'account-passkey-wrong': 'problem',
    'sign-in-passkey-wrong': 'problem',
    'sign-in-beside-passkey': 'password',
    'second-factor-passkey-wrong': 'problem',
    'enrolment-passkey-wrong': 'problem',
    'device-input': 'user_code',
    'device-input-throttled': 'problem',
    forgot: 'email',
    'forgot-missing': 'email',
    'forgot-throttled': 'problem',
    reset: 'password',
    'reset-short': 'password',
    'reset-busy': 'problem',
    'set-up': 'email',
    'set-up-wrong': 'email',
    'set-up-short': 'password',
    'home-first-app-wrong': 'redirect_uri',
  };
  it('lands where the person goes on', async () => {
    const context = await browsers.open({ width: 390, scheme: 'light' });
    const page = await context.newPage();
    for (const [name, id] of Object.entries(places)) {
      await page.goto(`${server.origin}/${name}`);
      await expect.poll(() => page.evaluate('document.activeElement.id'), { message: name }).toBe(id);
    }
    await context.close();
  });
});
