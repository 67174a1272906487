import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll } from 'vitest';
import { axeViolations } from '../kit/axe.ts';
import {
  axePath,
  type Browsers,
  distinctBy,
  type Look,
  lookAs,
  type PageServer,
  renderSample,
  sampleViews,
  servePages,
  startChromium,
} from './kit.ts';
import { samples } from './samples.ts';

/** Where pictures go when someone wants to look at the pages; none are taken otherwise. */
const pictures = process.env.POSTERN_PAGE_PICTURES;
export const takesPictures = pictures !== undefined;
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

const isIn = ({ of, from }: Share, index: number): boolean => index % of === from;

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

/** Other pictures belong to other colours: what is asked for is waited for, or leaving would break it off. */
const pictured = `new Promise((drawn) => requestAnimationFrame(() => drawn())).then(() =>
  Promise.all(Array.from(document.images, (image) => image.decode().catch(() => undefined))).then(() => undefined))`;

/** What is looked at: every how many samples, in which language, and how. */
export interface Visit<L extends Look> {
  readonly language?: string;
  readonly share?: Share;
  readonly looks: readonly L[];
}

/** A sample as it stands in a browser in one look. */
export interface Sight<L extends Look> {
  readonly page: Page;
  readonly name: string;
  readonly index: number;
  readonly look: L;
}

/**
 * Opens every sample in turn, in English unless another language is asked for, and hands it to `inspect` in each look,
 * which tells what is wrong with it. Returns all complaints: those, what the console says (policy violations among it),
 * requests that fail and requests to other hosts.
 */
export async function complaintsAbout<L extends Look>(
  gallery: Gallery,
  { language = 'en', share = all, looks }: Visit<L>,
  inspect: (sight: Sight<L>) => Promise<string[]>,
): Promise<string[]> {
  const context = await gallery.openBrowser({ width: 390, scheme: 'light' });
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
    if (!isIn(share, index)) continue;
    current = name;
    await page.goto(`${gallery.origin}/${name}?ui_locales=${language}`);
    await page.evaluate('document.fonts.ready');
    // Back and forth: each sample begins in the look in which the one before it ended.
    for (const look of index % 2 === 0 ? looks : looks.toReversed()) {
      current = `${name}, ${look.width} px, ${look.scheme}`;
      await lookAs(page, look);
      await page.evaluate(pictured);
      for (const complaint of await inspect({ page, name, index, look })) complain(complaint);
    }
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
  const [low, sideways] = (await page.evaluate(`[${lowTargets}, ${scrollsSideways}]`)) as [string, boolean];
  return [...(low === '' ? [] : [`too low: ${low}`]), ...(sideways ? ['scrolls sideways'] : [])];
}

/** What axe finds on the sample that is open, by every rule. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  if (!(await page.evaluate("'axe' in window"))) await page.addScriptTag({ url: axePath });
  return await axeViolations(page);
}
