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

/** The first number of a browser's version; undefined where it has no name that we know. */
export function browserVersion(userAgent: string | undefined): number | undefined {
  if (userAgent === undefined || userAgent === '') return undefined;
  const { name, version = '' } = Bowser.parse(userAgent).browser;
  const major = Number.parseInt(version, 10);
  return name && Number.isFinite(major) ? major : undefined;
}

/** Kinds of devices, of which there are few. */
export type DeviceKind = 'desktop' | 'mobile' | 'tablet' | 'other';

/** What kind of device it says to be on; a browser may hint that it is a phone's. */
export function deviceKind(userAgent: string | undefined, mobile: boolean | undefined): DeviceKind {
  const { type } = userAgent ? Bowser.parse(userAgent).platform : {};
  if (type === 'tablet') return 'tablet';
  if (mobile === true || type === 'mobile') return 'mobile';
  return type === 'desktop' ? 'desktop' : 'other';
}
