import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { samples } from '../../../test/pages/samples.ts';
import { type PageLocals, type PageName, pageNames } from './pages.ts';
import { createViews } from './render.ts';

const root = join(import.meta.dirname, '../../..');
const views = createViews({
  viewsDir: join(root, 'views'),
  publicDir: join(root, 'public'),
  issuer: 'https://login.northwind.example',
});
const render = ({ page, locals }: (typeof samples)[number], language: string): string =>
  views.render<PageName>(page, locals as PageLocals[PageName], { language });

/** English sentences as they stand on a page: long enough not to be a name or a word that both languages share. */
const sentences = textsOf(JSON.parse(readFileSync(join(root, 'views/locales/en.json'), 'utf8')) as object)
  .flatMap((text) => text.split(/\{\{\w+\}\}|<[^>]*>/))
  .map((piece) => piece.trim().replaceAll('&', '&amp;'))
  .filter((piece) => piece.length > 11 && piece.includes(' '));

it('every page has a sample, so that all of them are looked at in every language', () => {
  const shown = new Set(samples.map(({ page }) => page));
  expect(pageNames.filter((name) => !shown.has(name))).toEqual([]);
});

describe.each(views.languages)('every page in %s', (language) => {
  const pages = samples.map((sample) => ({ name: sample.name, html: render(sample, language) }));

  it('says its language and direction', () => {
    const tag = `<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">`;
    expect(pages.filter(({ html }) => !html.includes(tag)).map(({ name }) => name)).toEqual([]);
  });

  it('lacks no word: no placeholder is left open, nothing is undefined', () => {
    const broken = pages.filter(({ html }) => /\{\{|\}\}|>undefined<|\bNaN\b|[\uE000\uE001]/.test(textOf(html)));
    expect(broken.map(({ name }) => name)).toEqual([]);
  });

  it(language === 'en' ? 'has English sentences' : 'has no English sentence', () => {
    const found = pages.flatMap(({ name, html }) =>
      sentences.filter((sentence) => textOf(html).includes(sentence)).map((sentence) => `${name}: ${sentence}`),
    );
    if (language === 'en') expect(found.length).toBeGreaterThan(samples.length);
    else expect(found).toEqual([]);
  });
});

/** A page without code to copy and without what its markup says is in English: both are for developers. */
function textOf(html: string): string {
  return html.replaceAll(/<pre[\s\S]*?<\/pre>|<p lang="en"[^>]*>[^<]*<\/p>/g, '');
}

function textsOf(node: object): string[] {
  return Object.values(node).flatMap((value) => (typeof value === 'string' ? [value] : textsOf(value as object)));
}
