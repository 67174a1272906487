import Bowser from 'bowser';

/** What a browser says that it is, in names that people know. A program may say anything: it is for people only. */
export interface BrowserNames {
  /** Such as `Firefox`. */
  readonly browser?: string | undefined;
  /** Such as `Linux`. */
  readonly system?: string | undefined;
}

/** Reads a `User-Agent`. Versions are left out: they change under a person's hands, and tell them nothing. */
export function readUserAgent(userAgent: string | undefined): BrowserNames {
  if (userAgent === undefined || userAgent === '') return {};
  const { browser, os } = Bowser.parse(userAgent);
  return { browser: browser.name || undefined, system: os.name || undefined };
}
