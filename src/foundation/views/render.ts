import { join } from 'node:path';
import { type Assets, createAssets } from './assets.ts';
import { createI18n, type I18n } from './i18n.ts';
import type { MailLocals, MailName } from './mails.ts';
import type { PageLocals, PageName } from './pages.ts';
import { type MailForm, openTemplates } from './templates.ts';

/** Who runs this server, as people see it. */
export interface Brand {
  readonly name: string;
}

export interface ViewsOptions {
  /** Folder of the Pug templates and `locales/`. */
  readonly viewsDir: string;
  /** Folder of the static files. */
  readonly publicDir: string;
  /** The issuer; its host stands in for a brand name that is not set. */
  readonly issuer: string;
  readonly brand?: Brand | undefined;
}

export interface RenderOptions {
  /** As `Views.negotiate` found it. */
  readonly language: string;
}

/** A mail in its two forms, with its subject. */
export interface RenderedMail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

export interface Views {
  /** The page as HTML. Everything in `locals` is escaped. */
  render<Name extends PageName>(page: Name, locals: PageLocals[Name], options: RenderOptions): string;
  /** A mail. Everything in `locals` is escaped in its HTML. */
  renderMail<Name extends MailName>(mail: Name, locals: MailLocals[Name], options: RenderOptions): RenderedMail;
  /** The language for a request from `ui_locales` and `Accept-Language`. */
  readonly negotiate: I18n['negotiate'];
  /** Every language the pages speak, as tags of BCP 47. */
  readonly languages: I18n['languages'];
  readonly assets: Assets;
}

/** Reads the words and the static files once; templates are read when first used and kept. */
export function createViews(options: ViewsOptions): Views {
  const assets = createAssets(options.publicDir);
  const i18n = createI18n(join(options.viewsDir, 'locales'));
  const issuerHost = new URL(options.issuer).host;
  const brand = options.brand ?? { name: issuerHost };
  const shared = { brand, issuer: options.issuer, issuerHost, asset: assets.href, initial, safeHref, isoTime };
  const templates = openTemplates(options.viewsDir);

  return {
    assets,
    negotiate: i18n.negotiate,
    languages: i18n.languages,
    render: (page, locals, { language }) => templates.page(page)({ ...shared, ...i18n.in(language), page: locals }),
    renderMail(name, locals, { language }) {
      // What a person's own claims say (`de-AT`) is taken as a browser's wish is.
      const words = i18n.in(i18n.negotiate(language, undefined));
      const form = (of: MailForm) => templates.mail(name, of)({ ...shared, ...words, mail: locals });
      return { subject: form('subject'), html: form('html'), text: form('text').trim().concat('\n') };
    },
  };
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The first letter of a name as a person sees it, upper case; stands where a logo is missing. */
function initial(name: string): string {
  const [first] = graphemes.segment(name.trim());
  return (first?.segment ?? '').toLocaleUpperCase();
}

/**
 * The address if it may stand in a link, else `undefined`. Apps bring addresses with schemes of their own (RFC 8252
 * §7.1), so those that run or show foreign content in our name are refused instead (script injection by `javascript:`).
 */
function safeHref(href: string | undefined): string | undefined {
  if (href === undefined) return undefined;
  if (href.startsWith('/') && !href.startsWith('//')) return href;
  const scheme = URL.parse(href)?.protocol;
  return scheme === undefined || /^(?:javascript|data|vbscript|blob|filesystem|file|about):$/.test(scheme)
    ? undefined
    : href;
}

/** A time in milliseconds since the epoch as a machine reads it. */
function isoTime(time: number): string {
  return new Date(time).toISOString();
}
