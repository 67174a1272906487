import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mails } from '../../../test/pages/mail-samples.ts';
import { samples } from '../../../test/pages/samples.ts';
import { keysNamedBy, marksIn, markViews, namedStates, statesOf } from '../../../test/pages/states.ts';
import { type PageName, pageNames } from './pages.ts';
import { createViews } from './render.ts';

const marked = markViews();
afterAll(() => rmSync(marked.folder, { recursive: true }));

const views = createViews({
  viewsDir: marked.folder,
  publicDir: join(import.meta.dirname, '../../../public'),
  issuer: 'https://login.northwind.example',
});
const english = { language: 'en' };
const shownBy = new Map<PageName, Set<string>>(pageNames.map((page) => [page, new Set()]));
for (const { page, locals } of samples)
  for (const mark of marksIn(views.render(page, locals, english))) shownBy.get(page)?.add(mark);
const shown = new Set([...shownBy.values()].flatMap((marks) => [...marks]));
for (const { mail, locals } of mails)
  for (const form of Object.values(views.renderMail(mail, locals, english)))
    for (const mark of marksIn(form)) shown.add(mark);

/** Keys that nobody comes to see in English, and why. */
const unseen: Readonly<Record<string, string>> = {
  'time.minutes_one': 'a wait is told in seconds up to 89, so that minutes are two or more',
  'time.hours_one': 'a wait is told in minutes up to 89, so that hours are two or more',
  'newPassword.short_one': 'no policy asks for fewer than eight characters',
  'setUp.passwordHint_one': 'no policy asks for fewer than eight characters',
};

/** States that a type shares with others, and why this page cannot be in them. */
const impossible: Readonly<Record<string, readonly string[]>> = {
  // The code of an app that is only being set up cannot have been used before.
  'interaction/enrolment': ['kind=used'],
  'account/authenticator': ['kind=used'],
  // Only what is being set up is sealed into the form; a passkey's challenge has a problem of its own.
  'account/remove-factor': ['kind=expired'],
};

describe('the samples, which axe and people look at,', () => {
  it('show every sentence there is', () => {
    expect(marked.sentences.filter((key) => !shown.has(key))).toEqual(Object.keys(unseen));
  });

  it('show every sentence that a page names on that page', () => {
    const words = new Set(marked.sentences.map(stemOf));
    const lacking = pageNames.flatMap((page) => {
      const stems = new Set([...(shownBy.get(page) ?? [])].map(stemOf));
      return keysNamedBy(page)
        .filter((key) => words.has(key) && !stems.has(key))
        .map((key) => `${page}: ${key}`);
    });
    expect(lacking).toEqual([]);
  });

  it('take every branch of every template', () => {
    expect(marked.branches.length).toBeGreaterThan(200);
    expect(marked.branches.filter((branch) => !shown.has(branch))).toEqual([]);
  });

  it('are compared with the states that types name', () => {
    expect([...namedStates().values()].flatMap((states) => [...states]).length).toBeGreaterThan(200);
  });
  it.each(pageNames)('are in every state that the type of %s names', (page) => {
    const sampled = new Set(
      samples.filter((sample) => sample.page === page).flatMap(({ locals }) => [...statesOf(locals)]),
    );
    const lacking = [...(namedStates().get(page) ?? [])].filter((state) => !sampled.has(state));
    expect(lacking).toEqual(impossible[page] ?? []);
  });
});

/** A key without its plural form. */
function stemOf(key: string): string {
  return key.replace(/_(?:one|other)$/, '');
}
