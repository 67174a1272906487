import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../../../views/locales');
const languages = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => basename(file, '.json'));
const others = languages.filter((language) => language !== 'en');

type Words = ReadonlyMap<string, string>;
const catalogues = new Map(languages.map((language) => [language, wordsOf(language)]));
const catalogue = (language: string) => catalogues.get(language) as Words;
const english = catalogue('en');
/** English keys that come in several forms, without the form. */
const plurals = new Set([...english.keys()].filter((key) => key.endsWith('_other')).map(stemOf));

/** Words that are the same in two languages. Anything else equal to English has been left untranslated. */
const sameAsEnglish: Readonly<Record<string, readonly string[]>> = {
  Code: ['de', 'fr'],
  'E-mail': ['pt'],
  Name: ['de'],
  Passkey: ['de'],
  Passkeys: ['de'],
  '{{count}}\u00A0minute': ['fr'],
  '{{count}}\u00A0minutes': ['fr'],
  '{{time}}\u00A0UTC': ['de', 'es', 'fr', 'ja', 'pt', 'zh-Hans'],
};

it('speaks eight languages', () => {
  expect([...languages].sort()).toEqual(['ar', 'de', 'en', 'es', 'fr', 'ja', 'pt', 'zh-Hans']);
});

it.each(languages)('names no key twice in %s, since the second would silence the first', (language) => {
  const written = readFileSync(join(folder, `${language}.json`), 'utf8').match(/"\w+":\s*"(?:[^"\\]|\\.)*"/g) ?? [];
  expect(written.length).toBe(catalogue(language).size);
});

describe.each(others)('the words in %s', (language) => {
  const words = catalogue(language);
  const rules = new Intl.PluralRules(language);

  it('are there for every English key, in every plural form, and for no other', () => {
    const wanted = [...english.keys()].flatMap((key) => keysFor(key, rules));
    expect({
      lackTranslation: [...new Set(wanted.filter((key) => !words.has(key)))],
      notInEnglish: [...words.keys()].filter((key) => !wanted.includes(key)),
    }).toEqual({ lackTranslation: [], notInEnglish: [] });
  });

  it('have the placeholders and the emphasis of the English ones', () => {
    const wrong = [...words].filter(([key, text]) => {
      const original = english.get(key) ?? english.get(`${stemOf(key)}_other`);
      return original !== undefined && !sameHoles(text, original, mayLeaveOutCount(key, rules));
    });
    expect(wrong.map(([key, text]) => `${key}: ${text}`)).toEqual([]);
  });

  it('differ from the English ones, but for those that are the same in both', () => {
    const same = new Set([...words].filter(([key, text]) => english.get(key) === text).map(([, text]) => text));
    const allowed = Object.keys(sameAsEnglish).filter((text) => sameAsEnglish[text]?.includes(language));
    expect([...same].sort()).toEqual(allowed.sort());
  });

  it('are calm, name no product and are set as the language sets them', () => {
    const loud = [...words.values()].filter((text) => /[!！¡]|postern/i.test(text));
    const ill = [...words.values()].filter((text) => illSet[language]?.test(text));
    expect([...loud, ...ill, ...[...words.values()].filter((text) => text !== text.trim())]).toEqual([]);
  });
});

/**
 * A no-break space stands before these in French; Japanese and Chinese sentences end in a full stop of their own, and
 * Japanese sets no space beside a name. In Arabic an address is set apart, or its punctuation would change sides.
 */
const illSet: Readonly<Record<string, RegExp>> = {
  fr: / [?;:]|'/,
  ja: /[\p{L}][.,](?:\s|$)|[?]|(?:\}\}|<\/b>) [\p{Script=Han}\p{Script=Hiragana}]/u,
  'zh-Hans': /\p{Script=Han}[.,?]/u,
  ar: /[\u0600-\u06FF][?,;]|(?<!\u2066https?):\/\/|(?<!\u2066[^\u2069]*)@/,
};

function wordsOf(language: string): Words {
  const found = new Map<string, string>();
  const walk = (node: object, path: string): void => {
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === 'string') found.set(path + key, value);
      else walk(value as object, `${path}${key}.`);
    }
  };
  walk(JSON.parse(readFileSync(join(folder, `${language}.json`), 'utf8')) as object, '');
  return found;
}

function stemOf(key: string): string {
  return key.replace(/_(?:zero|one|two|few|many|other)$/, '');
}

/** The keys that stand for an English one: a form for every plural category of the language (CLDR). */
function keysFor(key: string, rules: Intl.PluralRules): string[] {
  const stem = stemOf(key);
  return plurals.has(stem) ? rules.resolvedOptions().pluralCategories.map((form) => `${stem}_${form}`) : [key];
}

/** A form that is for one number only may say it in words: Arabic has a dual. */
function mayLeaveOutCount(key: string, rules: Intl.PluralRules): boolean {
  const stem = stemOf(key);
  if (!plurals.has(stem)) return false;
  const form = key.slice(stem.length + 1);
  return (
    Array.from({ length: 300 }, (_, number) => rules.select(number)).filter((found) => found === form).length === 1
  );
}

function sameHoles(text: string, original: string, countIsOptional: boolean): boolean {
  const wanted = holesOf(original);
  const found = holesOf(text);
  const withoutCount = wanted.filter((hole) => hole !== '{{count}}');
  return found.join() === wanted.join() || (countIsOptional && found.join() === withoutCount.join());
}

/** Placeholders and tags, and what looks like a broken one. */
function holesOf(text: string): string[] {
  return (text.match(/\{\{\w+\}\}|<[^>]*>|[{}<>]+|\$t/g) ?? []).sort();
}
