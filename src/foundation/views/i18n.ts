import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInstance, type i18n, type ResourceLanguage } from 'i18next';

const fallback = 'en';
/** A header or parameter longer than this is no honest list of languages. */
const longestList = 300;

/** A piece of a translated sentence, plain or emphasised. */
export interface TextPart {
  readonly text: string;
  readonly strong: boolean;
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
  /** A text with `<b>…</b>` as parts. Only the translation is searched for tags, never a value. */
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
  const languages = Object.keys(resources).sort();
  const find = matcher(languages);
  /** Made when first asked for: the formats of dates cost more than the words. */
  const translators = new Map<string, Translator>();
  return {
    languages,
    negotiate(uiLocales, acceptLanguage) {
      const wishes = [
        ...(uiLocales ?? '').slice(0, longestList).split(/\s+/),
        ...parseAcceptLanguage((acceptLanguage ?? '').slice(0, longestList)),
      ];
      for (const wish of wishes) {
        const match = find(wish);
        if (match) return match;
      }
      return fallback;
    },
    in(language) {
      const known = translators.get(language);
      if (known) return known;
      if (!resources[language]) return this.in(fallback);
      const translator = createTranslator(instance, language);
      translators.set(language, translator);
      return translator;
    },
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

/**
 * RFC 4647 §3.4 lookup: `de-CH-1996` finds `de-CH`, then `de`. Where a region implies the script that the words are
 * written in, it finds those: `zh-CN` is `zh-Hans`, but `zh-TW` is not.
 */
function matcher(languages: readonly string[]): (wish: string) => string | undefined {
  const byTag = new Map(languages.map((language) => [language.toLowerCase(), language]));
  const byScript = new Map(languages.map((language) => [scriptOf(language), language]));
  return (wish) => {
    // No wish, as of programs and some browsers: what is no tag is not asked of Intl, which answers by throwing.
    if (wish === '') return undefined;
    const subtags = wish.toLowerCase().split('-');
    for (let length = subtags.length; length > 0; length -= 1) {
      const match = byTag.get(subtags.slice(0, length).join('-'));
      if (match) return match;
    }
    const script = scriptOf(wish);
    return script && byScript.get(script);
  };
}

/** Language and script of a tag, such as `zh-Hans`; undefined for what is no tag. */
function scriptOf(tag: string): string | undefined {
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    return `${language}-${script}`;
  } catch {
    return undefined;
  }
}

function createTranslator(instance: i18n, language: string): Translator {
  const fixed = instance.getFixedT(language);
  const dir = instance.dir(language);
  const formatLocale = formatLocales[language] ?? language;
  const timeFormat = new Intl.DateTimeFormat(formatLocale, { timeStyle: 'short', timeZone: 'UTC' });
  const momentFormat = new Intl.DateTimeFormat(formatLocale, { ...momentStyleOf(language), timeZone: 'UTC' });
  /** Words without values, which are most of a page: looking them up takes longer than all else of a page. */
  const plain = new Map<string, string>();
  const lookUp = (key: string, values: Values): string => {
    if (!instance.exists(key, { lng: language, ...values })) throw new Error(`No words for ${key} in ${language}`);
    return fixed(key, values);
  };
  const t = (key: string, values?: Values): string => {
    if (values !== undefined) return lookUp(key, isolated(values, dir));
    let words = plain.get(key);
    if (words === undefined) {
      words = lookUp(key, {});
      plain.set(key, words);
    }
    return words;
  };
  /** With marks in place of values a sentence is always the same; only a count decides on its form. */
  const sentences = new Map<string, string>();
  const sentence = (key: string, marked: Values): string => {
    if ('count' in marked) return lookUp(key, marked);
    const name = [key, ...Object.keys(marked)].join(' ');
    const words = sentences.get(name) ?? lookUp(key, marked);
    sentences.set(name, words);
    return words;
  };
  return {
    language,
    dir,
    t,
    has: (key) => instance.exists(key, { lng: language }),
    rich: (key, values = {}) => richParts((marked) => sentence(key, marked), isolated(values, dir)),
    duration: (seconds) => {
      const [unit, count] = roughly(Math.max(1, Math.ceil(seconds)));
      return t(`time.${unit}`, { count });
    },
    timeOfDay: (time) => unbroken(timeFormat.format(time)),
    moment: (time) => unbroken(momentFormat.format(time)),
  };
}

/** Plain "en" means American dates, and these pages speak British English; Arabic keeps the digits of codes and counts. */
const formatLocales: Readonly<Record<string, string>> = { en: 'en-GB', ar: 'ar-u-nu-latn' };

/** The usual Arabic date is of numbers alone, which is read as another day by who expects them in the other order. */
const momentStyleOf = (language: string): Intl.DateTimeFormatOptions =>
  language === 'ar'
    ? { day: 'numeric', month: 'short', year: 'numeric', hour: 'numeric', minute: '2-digit' }
    : // In words a Chinese date may be broken at each of its signs, in figures nowhere.
      { dateStyle: language.startsWith('zh') ? 'short' : 'medium', timeStyle: 'short' };

/** Half of the day stays on the line of its hour. */
const unbroken = (time: string): string => time.replace(/ (?=\p{Letter}+$)/u, '\u00A0');

const runsRightToLeft = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/;
/** Marks that turn the direction of what follows them, beyond the name they stand in. */
const directionMarks = /[\u202A-\u202E\u2066-\u2069]/g;

/**
 * Values that may run the other way than the sentence, set apart by FSI and PDI (Unicode UAX #9 §2.4.2), so that neither
 * disorders the other. Marks in a name are taken out: they would rewrite the sentence around it (spoofing).
 */
function isolated(values: Values, dir: Translator['dir']): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value];
      const text = value.replace(directionMarks, '');
      return [name, dir === 'rtl' || runsRightToLeft.test(text) ? `\u2068${text}\u2069` : text];
    }),
  );
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
    .split(/(<b>.*?<\/b>)/)
    .filter((piece) => piece !== '')
    .map((piece) => ({
      text: fill(piece.replace(/^<b>|<\/b>$/g, '')),
      strong: piece.startsWith('<b>'),
    }));
}
