import { describe, expect, it } from 'vitest';
import { readUserAgent } from './user-agent.ts';

describe('what a browser says that it is', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox', 'Linux'],
    [
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36',
      'Chrome',
      'Android',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15',
      'Safari',
      'macOS',
    ],
    ['curl/8.5.0', undefined, undefined],
    ['', undefined, undefined],
    [undefined, undefined, undefined],
  ])('%s', (userAgent, browser, system) => {
    expect(readUserAgent(userAgent)).toEqual(browser === undefined ? {} : { browser, system });
  });
});
