import { describe, expect, it } from 'vitest';
import { browserNames, readClientHints } from './client-hints.ts';

const chromium = '"Chromium";v="130"';
const ignored = '"Not?A_Brand";v="99"';

describe('client hints', () => {
  it.each([
    [`${chromium}, "Microsoft Edge";v="130", ${ignored}`, 'Microsoft Edge'],
    [`${ignored}, ${chromium}, "Google Chrome";v="130"`, 'Google Chrome'],
    [`${chromium}, ${ignored}`, undefined],
    [`"(Not(A:Brand";v="8", "Brave";v="1"`, 'Brave'],
    ['nonsense', undefined],
    [`"${'x'.repeat(600)}";v="1"`, undefined],
    ['"a\u0007\u202eb";v="1"', 'ab'],
  ])('name the browser: %s', (header, browser) => {
    expect(readClientHints({ 'sec-ch-ua': header, 'sec-ch-ua-mobile': '?0' })).toEqual({
      browser,
      system: undefined,
      mobile: false,
    });
  });

  it('are none where a browser gives none, or what it gives is of another form', () => {
    expect(readClientHints({})).toBeUndefined();
    const odd = { 'sec-ch-ua': ['a', 'b'], 'sec-ch-ua-mobile': 'yes', 'sec-ch-ua-platform': 'Windows' };
    expect(readClientHints(odd as never)).toBeUndefined();
  });

  it('stand before what the user agent says, which is another browser’s', () => {
    const chrome =
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36';
    const hints = readClientHints({ 'sec-ch-ua': `${chromium}, "Brave";v="1"`, 'sec-ch-ua-platform': '"Linux"' });
    expect(browserNames(chrome, hints)).toEqual({ browser: 'Brave', system: 'Linux' });
    expect(browserNames(chrome, undefined)).toEqual({ browser: 'Chrome', system: 'Linux' });
    expect(browserNames(undefined, { browser: 'Google Chrome' })).toEqual({ browser: 'Chrome', system: undefined });
  });
});
