import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll } from 'vitest';
import {
  type Browsers,
  distinctBy,
  type Look,
  type PageServer,
  renderSample,
  sampleViews,
  servePages,
  startChromium,
} from './kit.ts';
import { samples } from './samples.ts';

/** Where pictures go when someone wants to look at the pages; none are taken otherwise. */
const pictures = process.env.POSTERN_PAGE_PICTURES;
/** Whether the run takes its time and shows everything to everybody. */
export const isLong = process.env.POSTERN_TEST_LONG === '1';

/** Every how many samples one is taken, beginning with which. */
export interface Share {
  readonly of: number;
  readonly from: number;
}
export const all: Share = { of: 1, from: 0 };
/** Those that differ from one before them in more than their words, as one problem with a field does not from another. */
export function distinctNames(): ReadonlySet<string> {
  const views = sampleViews();
  return new Set(distinctBy(samples, (sample) => renderSample(views, sample)).map(({ name }) => name));
}

export const isIn = ({ of, from }: Share, index: number): boolean => index % of === from;

/** Buttons and fields that are too low for a thumb, as their ids; links in running text are exempt. */
const lowTargets = `[...document.querySelectorAll('.button, .input, .aside button, summary')]
  .filter((element) => element.getBoundingClientRect().height < 46)
  .map((element) => element.id || element.textContent)
  .join(', ')`;
const scrollsSideways = 'document.body.scrollWidth > document.body.clientWidth';

/** The samples behind a server, and browsers to look at them, while a suite runs. */
export function openGallery() {
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

  return {
    get origin() {
      return server.origin;
    },
    openBrowser: (look: Look) => browsers.open(look),
  };
}

export type Gallery = ReturnType<typeof openGallery>;

/**
 * Opens every sample in turn, in English unless the look has another language, and hands it to `inspect`, which tells
 * what is wrong with it. Returns all complaints: those, what the console says (policy violations among it), requests that fail and requests to other hosts.
 */
export async function complaintsAbout(
  gallery: Gallery,
  look: Look & { readonly language?: string; readonly share?: Share; readonly only?: ReadonlySet<string> },
  inspect: (page: Page, name: string, index: number) => Promise<string[]>,
): Promise<string[]> {
  const context = await gallery.openBrowser(look);
  const page = await context.newPage();
  const complaints: string[] = [];
  let current = '';
  const complain = (text: string) => complaints.push(`${current}: ${text}`);
  page.on('console', (message) => complain(`${message.type()} ${message.text()}`));
  page.on('pageerror', (error) => complain(error.message));
  page.on('requestfailed', (request) => {
    // The icon, and what scores passwords, come when the browser finds time, and are given up when the next page is opened before.
    const comesLate = /\/favicon\.|\/zxcvbn-/.test(request.url());
    const isGivenUp = comesLate && request.failure()?.errorText === 'net::ERR_ABORTED';
    if (!isGivenUp) complain(`failed ${request.url()}`);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== gallery.origin) complain(`asked ${request.url()}`);
  });
  for (const [index, { name }] of samples.entries()) {
    if (!isIn(look.share ?? all, index) || look.only?.has(name) === false) continue;
    current = name;
    await page.goto(`${gallery.origin}/${name}?ui_locales=${look.language ?? 'en'}`);
    await page.evaluate('document.fonts.ready');
    for (const complaint of await inspect(page, name, index)) complain(complaint);
  }
  await context.close();
  return complaints;
}

export async function takePicture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

export async function layoutFaults(page: Page): Promise<string[]> {
  const low = (await page.evaluate(lowTargets)) as string;
  const sideways = (await page.evaluate(scrollsSideways)) as boolean;
  return [...(low === '' ? [] : [`too low: ${low}`]), ...(sideways ? ['scrolls sideways'] : [])];
}
