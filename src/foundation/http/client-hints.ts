import type { IncomingHttpHeaders } from 'node:http';
import { type BrowserNames, readUserAgent } from './user-agent.ts';

/** What a browser says of itself beside `User-Agent`. */
export interface ClientHints extends BrowserNames {
  readonly mobile?: boolean | undefined;
}

/** Headers are short; a longer one is none of a browser's. */
const longestHint = 512;
const longestName = 32;

/**
 * Reads the hints of low entropy that browsers send unasked on https (User-Agent Client Hints §3): they name browsers whose
 * `User-Agent` is another one's. No others are asked for: they would tell browsers apart that a person cannot.
 */
export function readClientHints(headers: IncomingHttpHeaders): ClientHints | undefined {
  const brands = headerOf(headers, 'sec-ch-ua');
  const hints = {
    browser: brands === undefined ? undefined : brandOf(brands),
    system: nameIn(headerOf(headers, 'sec-ch-ua-platform')),
    mobile: mobiles[headerOf(headers, 'sec-ch-ua-mobile') ?? ''],
  };
  return Object.values(hints).some((hint) => hint !== undefined) ? hints : undefined;
}

const mobiles: Readonly<Record<string, boolean>> = { '?1': true, '?0': false };

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value.length <= longestHint ? value : undefined;
}

/** The one that is neither the engine nor the name that is there to be ignored (§6.2), such as `Not;A=Brand`. */
function brandOf(list: string): string | undefined {
  const brands = [...list.matchAll(/"((?:[^"\\]|\\.)*)"\s*;\s*v=/g)].map(([, name = '']) => clean(name));
  return brands.find((name) => name !== '' && name !== 'Chromium' && !/not.*brand/i.test(name));
}

const nameIn = (quoted: string | undefined): string | undefined => {
  const name = clean(/^"((?:[^"\\]|\\.)*)"$/.exec(quoted ?? '')?.[1] ?? '');
  return name === '' ? undefined : name;
};

const clean = (text: string): string =>
  text
    .replaceAll(/\p{C}|\\/gu, '')
    .slice(0, longestName)
    .trim();

/** What people call them: the same as in a `User-Agent`. */
const commonNames: Readonly<Record<string, string>> = { 'Google Chrome': 'Chrome', 'Chromium OS': 'Chrome OS' };

/** What a browser and its system are called: by its hints, where it gave some. */
export function browserNames(userAgent: string | undefined, hints: ClientHints | undefined): BrowserNames {
  const named = readUserAgent(userAgent);
  return { browser: common(hints?.browser) ?? named.browser, system: common(hints?.system) ?? named.system };
}

const common = (name: string | undefined): string | undefined => (name && commonNames[name]) ?? name;
