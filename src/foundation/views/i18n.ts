import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInstance, type i18n, type ResourceLanguage } from 'i18next';

const fallback = 'en';
/** A header or parameter longer than this is no honest list of languages. */
const longestList = 300;

/** A piece of a translated sentence: plain, emphasised, or a link named in the text. */
export interface TextPart {
  readonly text: string;
  readonly strong: boolean;
  readonly code: boolean;
}

export type Values = Readonly<Record<string, string | number>>;

/** Words in one language. */
export interface Translator {
  readonly language: string;
  /** Writing direction of the language. */
  readonly dir: 'ltr' | 'rtl';
  /** The text for a key; throws when there is none, so that a page never shows a key. */
  t(key: string, values?: Values): string;
  /** Whether there is a text for this key. */
  has(key: string): boolean;
  /** A text with `<b>…</b>` and `<code>…</code>` as parts. Only the translation is searched for tags, never a value. */
  rich(key: string, values?: Values): TextPart[];
  /** A wait in words, from seconds: "40 seconds", "12 minutes". */
  duration(seconds: number): string;
  /** A time of day in UTC from milliseconds since the epoch: "14:32". */
  timeOfDay(time: number): string;
  /** Day and time in UTC from milliseconds since the epoch: "21 Nov 2026, 14:32". */
  moment(time: number): string;
}

export interface I18n {
  readonly languages: readonly string[];
  /**
   * The language for a request: the app's wish first (`ui_locales`, OpenID Connect Core §3.1.2.1: space-separated, in
   * order), then the browser's (`Accept-Language`, RFC 9110 §12.5.4), then English.
   */
  readonly negotiate: (uiLocales: string | undefined, acceptLanguage: string | undefined) => string;
  /** Words in the given language, or in English when it is not there. */
  in(language: string): Translator;
}

/** Reads every `<language>.json` of `localesDir`. Throws when English is missing. */
export function createI18n(localesDir: string): I18n {
  const resources: Record<string, ResourceLanguage> = {};
  for (const file of readdirSync(localesDir).filter((name) => name.endsWith('.json'))) {
    resources[basename(file, '.json')] = { translation: JSON.parse(readFileSync(join(localesDir, file), 'utf8')) };
  }
  if (!resources[fallback]) throw new Error(`No ${fallback}.json in ${localesDir}`);
  const instance = createInstance();
  void instance.init({
    resources,
    lng: fallback,
    fallbackLng: fallback,
    initAsync: false,
    interpolation: { escapeValue: false },
  });
  const languages = Object.keys(resources);
  const translators = new Map(languages.map((language) => [language, createTranslator(instance, language)]));
  return {
    languages,
    negotiate(uiLocales, acceptLanguage) {
      const wishes = [
        ...(uiLocales ?? '').slice(0, longestList).split(/\s+/),
        ...parseAcceptLanguage((acceptLanguage ?? '').slice(0, longestList)),
      ];
      return wishes.map((wish) => bestMatch(wish, languages)).find((match) => match !== undefined) ?? fallback;
    },
    in: (language) => translators.get(language) ?? (translators.get(fallback) as Translator),
  };
}

/** Languages of an Accept-Language header, dearest first; those with `q=0` are left out. */
function parseAcceptLanguage(header: string): string[] {
  return header
    .split(',')
    .map((item) => {
      const [tag = '', ...parameters] = item.trim().split(/\s*;\s*/);
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return { tag, q: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ tag, q }) => tag !== '' && tag !== '*' && q > 0)
    .sort((a, b) => b.q - a.q)
    .map(({ tag }) => tag);
}

/** RFC 4647 §3.4 lookup: `de-CH-1996` finds `de-CH`, then `de`. */
function bestMatch(wish: string, languages: readonly string[]): string | undefined {
  const subtags = wish.toLowerCase().split('-');
  for (let length = subtags.length; length > 0; length -= 1) {
    const tag = subtags.slice(0, length).join('-');
    const match = languages.find((language) => language.toLowerCase() === tag);
    if (match) return match;
  }
  return undefined;
}

function createTranslator(instance: i18n, language: string): Translator {
  const fixed = instance.getFixedT(language);
  // Plain "en" means American dates; these pages speak British English.
  const formatLocale = language === 'en' ? 'en-GB' : language;
  const timeFormat = new Intl.DateTimeFormat(formatLocale, { timeStyle: 'short', timeZone: 'UTC' });
  const momentFormat = new Intl.DateTimeFormat(formatLocale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  });
  /** Words without values, which are most of a page: looking them up takes longer than all else of a page. */
  const plain = new Map<string, string>();
  const lookUp = (key: string, values: Values): string => {
    if (!instance.exists(key, { lng: language, ...values })) throw new Error(`No words for ${key} in ${language}`);
    return fixed(key, values);
  };
  const t = (key: string, values?: Values): string => {
    if (values !== undefined) return lookUp(key, values);
    let words = plain.get(key);
    if (words === undefined) {
      words = lookUp(key, {});
      plain.set(key, words);
    }
    return words;
  };
  return {
    language,
    dir: instance.dir(language),
    t,
    has: (key) => instance.exists(key, { lng: language }),
    rich: (key, values = {}) => richParts((marked) => t(key, marked), values),
    duration: (seconds) => {
      const [unit, count] = roughly(Math.max(1, Math.ceil(seconds)));
      return t(`time.${unit}`, { count });
    },
    timeOfDay: (time) => timeFormat.format(time),
    moment: (time) => momentFormat.format(time),
  };
}

/** A wait rounded up, so that nobody comes back too early. */
function roughly(seconds: number): ['seconds' | 'minutes' | 'hours', number] {
  if (seconds < 90) return ['seconds', seconds];
  if (seconds < 90 * 60) return ['minutes', Math.ceil(seconds / 60)];
  return ['hours', Math.ceil(seconds / 3600)];
}

/**
 * Splits a translated text at its tags. Values are put in after the split, behind private-use marks, so a name such as
 * `<b>x</b>` stays the text it is (mark-up injection through a client's or person's name).
 */
function richParts(translate: (values: Values) => string, values: Values): TextPart[] {
  const names = Object.keys(values);
  const marked = Object.fromEntries(
    names.map((name, index) => [name, name === 'count' ? (values[name] ?? 0) : `\uE000${index}\uE001`]),
  );
  const fill = (text: string) =>
    text.replace(/\uE000(\d+)\uE001/g, (_, index: string) => String(values[names[Number(index)] ?? ''] ?? ''));
  return translate(marked)
    .split(/(<b>.*?<\/b>|<code>.*?<\/code>)/)
    .filter((piece) => piece !== '')
    .map((piece) => ({
      text: fill(piece.replace(/^<(b|code)>|<\/(b|code)>$/g, '')),
      strong: piece.startsWith('<b>'),
      code: piece.startsWith('<code>'),
    }));
}
