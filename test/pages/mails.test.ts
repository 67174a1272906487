import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeViolations } from '../kit/axe.ts';
import { isLong, takePicture } from './gallery.ts';
import { type Browsers, distinctBy, type Look, sampleViews, startChromium } from './kit.ts';
import { type MailSample, mails } from './mail-samples.ts';

const views = sampleViews();
let browsers: Browsers;
beforeAll(async () => {
  browsers = await startChromium();
});
afterAll(() => browsers?.close());

const languages = isLong ? ['ar', 'de', 'es', 'fr', 'ja', 'pt', 'zh-Hans'] : ['ar', 'de', 'ja'];
const distinct = distinctBy(mails, ({ mail, locals }) => views.renderMail(mail, locals, { language: 'en' }).html);

/** Shows mails one after the other, and tells what is wrong with them. */
async function complaintsAbout(
  { mails: shown, language, ...look }: Look & { readonly mails: readonly MailSample[]; readonly language: string },
  inspect: (page: Page) => Promise<string[]>,
): Promise<string[]> {
  const context = await browsers.open(look);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('request', (request) => complaints.push(`asked ${request.url()}`));
  for (const { name, mail, locals } of shown) {
    await page.setContent(views.renderMail(mail, locals, { language }).html);
    await takePicture(page, `mail-${language}-${name}-${look.width}-${look.scheme}`);
    const isWide = await page.evaluate('document.body.scrollWidth > document.body.clientWidth');
    const found = [...(isWide ? ['is wide'] : []), ...(await inspect(page))];
    complaints.push(...found.map((complaint) => `${name}: ${complaint}`));
  }
  await context.close();
  return complaints;
}

/** As with pages, axe sees each mail in two looks that differ in everything, or in one where only words differ. */
describe.each([
  [390, 'light', mails, true],
  [390, 'dark', distinct, isLong],
  [1280, 'light', distinct, isLong],
  [1280, 'dark', distinct, true],
] as const)('every mail at %d px, %s', (width, scheme, shown, withAxe) => {
  it('is accessible, asks nobody for anything and fits', async () => {
    const look = { width, scheme, mails: shown, language: 'en' };
    // A mail is shown inside a page that has the landmarks.
    const tags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'];
    const inspect = (page: Page) => (withAxe ? axeViolations(page, tags) : Promise.resolve([]));
    expect(await complaintsAbout(look, inspect)).toEqual([]);
  });
});

it.each(languages)('every mail fits in %s', async (language) => {
  const look = { width: 390, scheme: 'light', mails, language } as const;
  expect(await complaintsAbout(look, () => Promise.resolve([]))).toEqual([]);
});
