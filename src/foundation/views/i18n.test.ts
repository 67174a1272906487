import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createI18n } from './i18n.ts';

const folder = mkdtempSync(join(tmpdir(), 'locales-'));
const write = (language: string, words: unknown) =>
  writeFileSync(join(folder, `${language}.json`), JSON.stringify(words));
const time = {
  seconds_one: '{{count}} second',
  seconds_other: '{{count}} seconds',
  minutes_one: '{{count}} minute',
  minutes_other: '{{count}} minutes',
  hours_one: '{{count}} hour',
  hours_other: '{{count}} hours',
};
write('en', { hello: 'Hello {{name}}', to: 'to <b>{{app}}</b> at {{host}}.', only: 'only here', time });
write('de', { hello: 'Hallo {{name}}' });
write('de-CH', { hello: 'Grüezi {{name}}' });
write('ar', { hello: 'مرحبا {{name}}', to: 'إلى <b>{{app}}</b> {{host}}.' });
write('zh-Hans', { hello: '您好，{{name}}' });
const i18n = createI18n(folder);

afterAll(() => rmSync(folder, { recursive: true }));

describe('the language of a request', () => {
  it('is the app wish before the browser wish', () => expect(i18n.negotiate('xx de', 'ar')).toBe('de'));
  it('is the heaviest the browser takes', () =>
    expect(i18n.negotiate(undefined, 'en;q=0.4, de;q=0.9, ar;q=0.2')).toBe('de'));
  it('falls back from region to language', () => expect(i18n.negotiate('de-AT', undefined)).toBe('de'));
  it('prefers the region when there is one, whatever its case', () =>
    expect(i18n.negotiate('DE-ch', undefined)).toBe('de-CH'));
  it('is found by the script that a region implies, and not for another script', () => {
    expect(i18n.negotiate('zh', undefined)).toBe('zh-Hans');
    expect(i18n.negotiate(undefined, 'zh-CN')).toBe('zh-Hans');
    expect(i18n.negotiate('zh-SG', undefined)).toBe('zh-Hans');
    expect(i18n.negotiate('zh-TW', 'de')).toBe('de');
    expect(i18n.negotiate('zh-Hant zh-HK', undefined)).toBe('en');
  });
  it('leaves out what the browser refuses', () => expect(i18n.negotiate(undefined, 'de;q=0, *;q=0.5')).toBe('en'));
  it('is English for nothing, nonsense and what is too long', () => {
    expect(i18n.negotiate(undefined, undefined)).toBe('en');
    expect(i18n.negotiate('', ';;;,,,q=x')).toBe('en');
    expect(i18n.negotiate('x'.repeat(400).concat(' de'), undefined)).toBe('en');
  });
});

describe('words', () => {
  it('come in the language asked for, with their direction', () => {
    expect(i18n.in('de').t('hello', { name: 'Ada' })).toBe('Hallo Ada');
    expect(i18n.in('ar').dir).toBe('rtl');
    expect(i18n.in('de').dir).toBe('ltr');
  });
  it('fall back to English where a language lacks them', () => expect(i18n.in('de').t('only')).toBe('only here'));
  it('are English for a language nobody wrote', () => expect(i18n.in('xx').language).toBe('en'));
  it('never show a key', () => expect(() => i18n.in('en').t('missing.key')).toThrow('No words for missing.key'));
  it('say whether they exist', () => {
    expect(i18n.in('en').has('hello')).toBe(true);
    expect(i18n.in('en').has('missing')).toBe(false);
  });
});

describe('emphasis', () => {
  it('splits a sentence at its tags', () => {
    expect(i18n.in('en').rich('to', { app: 'Books', host: 'a.example' })).toEqual([
      { text: 'to ', strong: false },
      { text: 'Books', strong: true },
      { text: ' at a.example.', strong: false },
    ]);
  });
  it('never takes a tag or a placeholder from a value', () => {
    const parts = i18n.in('en').rich('to', { app: '</b><b>x</b>', host: '{{app}}' });
    expect(parts.map((part) => part.text)).toEqual(['to ', '</b><b>x</b>', ' at {{app}}.']);
  });
});

describe('a name that runs the other way', () => {
  it('is set apart, so that neither it nor the sentence is disordered', () => {
    expect(i18n.in('ar').t('hello', { name: 'Ada (UK)' })).toBe('مرحبا \u2068Ada (UK)\u2069');
    expect(i18n.in('en').t('hello', { name: 'مكتبة (1)' })).toBe('Hello \u2068مكتبة (1)\u2069');
    expect(i18n.in('en').t('hello', { name: 'Ada (UK)' })).toBe('Hello Ada (UK)');
    expect(i18n.in('ar').rich('to', { app: 'Books', host: 'a.example' })[1]?.text).toBe('\u2068Books\u2069');
  });
  it('cannot turn the sentence around it', () => {
    expect(i18n.in('en').t('hello', { name: 'A\u202Eda\u2069' })).toBe('Hello Ada');
    expect(
      i18n
        .in('en')
        .rich('to', { app: '\u2067x', host: 'y\u202B' })
        .map(({ text }) => text),
    ).toEqual(['to ', 'x', ' at y.']);
  });
});

describe('waits and times', () => {
  const en = i18n.in('en');
  it.each([
    [0, '1 second'],
    [1, '1 second'],
    [89, '89 seconds'],
    [90, '2 minutes'],
    [720, '12 minutes'],
    [721, '13 minutes'],
    [5400, '2 hours'],
  ])('say %i seconds as "%s", never too little', (seconds, words) => expect(en.duration(seconds)).toBe(words));
  it('are in UTC and British', () => {
    expect(en.timeOfDay(Date.UTC(2026, 10, 21, 14, 32))).toBe('14:32');
    expect(en.moment(Date.UTC(2026, 10, 21, 7, 41))).toBe('21 Nov 2026, 07:41');
  });
  it('are in figures in Chinese, whose dates in words break at each of their signs', () => {
    expect(i18n.in('zh-Hans').moment(Date.UTC(2026, 10, 21, 7, 41))).toBe('2026/11/21 07:41');
  });
  it('name the month in Arabic, where numbers alone are confused, and keep hour and half of the day together', () =>
    expect(i18n.in('ar').moment(Date.UTC(2026, 11, 5, 7, 41))).toBe('5 ديسمبر 2026، 7:41\u00A0ص'));
});

it('refuses a folder without English', () => {
  const empty = mkdtempSync(join(tmpdir(), 'locales-'));
  expect(() => createI18n(empty)).toThrow('No en.json');
  rmSync(empty, { recursive: true });
});
