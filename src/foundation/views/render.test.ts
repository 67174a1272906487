import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createI18n } from './i18n.ts';
import { mailNames } from './mails.ts';
import { pageNames } from './pages.ts';
import { createViews, type ViewsOptions } from './render.ts';
import { buildTemplates, openTemplates } from './templates.ts';

const root = join(import.meta.dirname, '../../..');
const options: ViewsOptions = {
  viewsDir: join(root, 'views'),
  publicDir: join(root, 'public'),
  issuer: 'https://login.northwind.example',
};
const views = createViews(options);
const english = { language: 'en' };
const nasty = '<script>alert(1)</script>"\'&';
const reference = { code: 'invalid_request', reference: 'request-1', time: 0 };

const templates = readdirSync(options.viewsDir, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.pug'),
);
const source = (file: string) => readFileSync(join(options.viewsDir, file), 'utf8');
const sources = templates.map(source);

describe('a page', () => {
  it('says in which language and direction it is', () => {
    expect(views.render('logout/done', {}, english)).toContain('<html lang="en" dir="ltr">');
  });
  it('bears the host of the issuer until the operator gives a name', () => {
    expect(views.render('logout/done', {}, english)).toContain(
      '<title>You are signed out · login.northwind.example</title>',
    );
    const branded = createViews({ ...options, brand: { name: 'Northwind' } });
    expect(branded.render('logout/done', {}, english)).toContain('<title>You are signed out · Northwind</title>');
  });
  it('never shows the name of the product to people who sign in', () => {
    expect(sources.join('').toLowerCase()).not.toContain('postern');
    expect(readFileSync(join(options.viewsDir, 'locales/en.json'), 'utf8').toLowerCase()).not.toContain('postern');
    expect(views.render('interaction/sign-in', { action: '/x' }, english).toLowerCase()).not.toContain('postern');
  });
  it('has no script, no inline style and nothing from elsewhere', () => {
    const html = views.render('interaction/sign-in', { action: '/x', app: { name: 'Books' } }, english);
    expect(html).not.toMatch(/<script|<style|\sstyle=|\son\w+=|(?:src|href)="(?:https?:)?\/\//);
  });
});

describe('what people and apps bring', () => {
  it('is escaped in text, attributes and emphasised sentences', () => {
    const app = { name: nasty, host: nasty };
    const pages = [
      views.render('interaction/sign-in', { action: '/x', denyAction: '/y', app, login: nasty }, english),
      views.render(
        'interaction/device-confirm',
        { action: '/x', hidden: { [nasty]: nasty }, app, userCode: nasty },
        english,
      ),
      views.render('errors/error', { ...reference, kind: 'app-request', app, detail: nasty, code: nasty }, english),
      views.render(
        'interaction/consent',
        { app, account: nasty, scopes: [{ name: nasty, shows: [nasty] }], allowAction: '/a', denyAction: '/d' },
        english,
      ),
    ];
    for (const html of pages) {
      expect(html).not.toContain('<script');
      expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    }
  });
  it('never reaches a template without being escaped', () => {
    // Two forms of a mail are no mark-up.
    const marked = templates.filter((file) => !/^mail\/parts\/(?:text|subject)\.pug$/.test(file));
    const raw = marked.filter((file) => /!=|!\{/.test(source(file).replaceAll('!==', '')));
    expect(raw).toEqual([]);
    expect(marked).toHaveLength(templates.length - 2);
  });
  it.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    'nonsense',
  ])('is no link when it is %j', (href) => {
    const html = views.render('logout/done', { backTo: { name: 'Books', href } }, english);
    expect(html).not.toContain('Back to Books');
    expect(html).toContain('href="/"');
  });
  it.each(['https://books.example/start', 'com.example.books:/start', '/account'])(
    'is a link when it is %s',
    (href) => {
      expect(views.render('logout/done', { backTo: { name: 'Books', href } }, english)).toContain(`href="${href}"`);
    },
  );
});

describe('the sign-in page', () => {
  it('keeps what was typed, but has no place for a password', () => {
    const problem = { kind: 'wrong' } as const;
    const html = views.render('interaction/sign-in', { action: '/x', login: 'ada@example.org', problem }, english);
    expect(html).toContain('value="ada@example.org"');
    expect(html.match(/<input[^>]*type="password"[^>]*>/)?.[0]).not.toContain('value');
  });
  it('offers a way back only to an app', () => {
    const app = { name: 'Books' };
    expect(views.render('interaction/sign-in', { action: '/x', app, denyAction: '/d' }, english)).toContain(
      'id="deny"',
    );
    expect(views.render('interaction/sign-in', { action: '/x' }, english)).not.toContain('id="deny"');
  });
  it('says when the next try counts', () => {
    const problem = { kind: 'throttled', retryAfter: 720, until: Date.UTC(2026, 10, 21, 14, 32) } as const;
    const html = views.render('interaction/sign-in', { action: '/x', problem }, english);
    expect(html).toContain('You can try again in 12\u00A0minutes, at 14:32\u00A0UTC.');
  });
});

describe('the consent page', () => {
  const consent = { account: 'ada', allowAction: '/a', denyAction: '/d' };
  it('shows what will be handed over, else what the scope is about, else its name', () => {
    const scopes = [
      { name: 'email', shows: ['ada@example.org'] },
      { name: 'profile' },
      { name: 'x', description: 'Do x' },
      { name: 'y' },
    ];
    const html = views.render('interaction/consent', { ...consent, app: { name: 'Books' }, scopes }, english);
    for (const text of ['ada@example.org', 'Your name, picture', 'Do x', '>y<']) expect(html).toContain(text);
    expect(html).not.toContain('whether it is confirmed');
  });
  it('shows the first letter of an app without a logo, whatever its script', () => {
    const shown = (name: string) =>
      views.render('interaction/consent', { ...consent, app: { name }, scopes: [] }, english);
    expect(shown('harbour')).toContain('aria-hidden="true">H<');
    expect(shown('👩🏽‍💻 tools')).toContain('aria-hidden="true">👩🏽‍💻<');
    const logo = views.render(
      'interaction/consent',
      { ...consent, app: { name: 'x', logoHref: '/logo/1' }, scopes: [] },
      english,
    );
    expect(logo).toContain('<img class="tile" src="/logo/1"');
  });
});

describe('the words', () => {
  const words = JSON.parse(readFileSync(join(options.viewsDir, 'locales/en.json'), 'utf8')) as object;
  const keys = flatten(words);
  const all = sources.join('\n');

  it('are there for every key a template names', () => {
    const named = [...all.matchAll(/'([a-z]\w+(?:\.\w+)+)'/gi)].map(([, key = '']) => key);
    const known = new Set(keys.map((key) => key.replace(/_(one|other)$/, '')));
    // Stems such as 'error.' + kind are put together in the template; rendering every state covers those.
    expect(named.filter((key) => !known.has(key) && key.includes('.') && !/\.(svg|css|woff2)$/.test(key))).toEqual([]);
  });
  it('are plain and calm', () => {
    const shouting = texts(words).filter((text) => /!|oops|please|authenticat|credential|invalid/i.test(text));
    expect(shouting).toEqual([]);
  });
});

describe('the templates of a build', () => {
  // Below the project, because they ask for a package.
  const folder = mkdtempSync(join(root, 'node_modules', '.templates-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('say the same as those that are compiled on the spot', () => {
    buildTemplates(options.viewsDir, join(folder, 'built'));
    const [compiled, built] = [openTemplates(options.viewsDir), openTemplates('nowhere', join(folder, 'built'))];
    const words = createI18n(join(options.viewsDir, 'locales')).in('en');
    const helpers = { asset: String, isoTime: String, initial: String, safeHref: String };
    const said = { backTo: undefined, ip: nasty, at: 0, expiresAt: 0, href: '/x' };
    const locals = { ...words, ...helpers, brand: { name: nasty }, issuer: options.issuer, page: said, mail: said };
    expect(built.page('logout/done')(locals)).toBe(compiled.page('logout/done')(locals));
    for (const form of ['subject', 'html', 'text'] as const)
      expect(built.mail('reset-link', form)(locals)).toBe(compiled.mail('reset-link', form)(locals));
  });

  it('are not made while one is missing', () => {
    const views = join(folder, 'views');
    cpSync(options.viewsDir, views, { recursive: true });
    rmSync(join(views, 'logout/done.pug'));
    expect(() => buildTemplates(views, join(folder, 'broken'))).toThrow('done.pug');
  });
});

it('knows every template that is a page, and nothing else', () => {
  const pages = templates
    .filter((file) => !/^(?:layout|mail)\//.test(file) && !/\/_/.test(file))
    .map((file) => file.replace('.pug', ''));
  expect([...pageNames].sort()).toEqual(pages.sort());
});

it('knows every template that is a mail, and nothing else', () => {
  const mails = templates.filter((file) => /^mail\/[^/]+$/.test(file)).map((file) => file.slice(5, -4));
  expect([...mailNames].sort()).toEqual(mails.sort());
});

describe('a mail', () => {
  const branded = createViews({ ...options, brand: { name: `North <b>&</b> ${nasty}` } });
  const { subject, html, text } = branded.renderMail('test', { at: Date.UTC(2026, 10, 21, 7, 41) }, english);

  it('escapes what people bring in HTML, and leaves it as it is in text', () => {
    expect(html).not.toContain('<script');
    expect(html).toContain('North &lt;b&gt;&amp;&lt;/b&gt; &lt;script&gt;');
    expect(text).toContain(`North <b>&</b> ${nasty}`);
    expect(subject).toBe(`Mail from North <b>&</b> ${nasty} arrives`);
  });

  it('says the same in both forms, in its language and direction, with nothing from elsewhere', () => {
    expect(html).toContain('<html lang="en" dir="ltr">');
    for (const said of ['There is nothing to do.', '21 Nov 2026, 07:41\u00A0UTC', options.issuer]) {
      expect(html).toContain(said);
      expect(text).toContain(said);
    }
    expect(html).not.toMatch(/<(?:img|link|script)|url\(|@import/);
    expect(text).not.toContain('  ');
  });

  it('keeps addresses in order in a language that runs from right to left', () => {
    const link = { href: 'https://login.northwind.example/reset?key=x', expiresAt: 0, at: 0, ip: '2001:db8::42' };
    const arabic = views.renderMail('reset-link', link, { language: 'ar' });
    expect(arabic.html).toContain(`<span dir="ltr">${link.href}</span>`);
    expect(arabic.html).toContain('<span dir="auto">2001:db8::42</span>');
    expect(arabic.text).toContain('\u20682001:db8::42\u2069');
  });

  it('keeps words around names in the order of such a language', () => {
    const device = { href: 'https://login.northwind.example/not-me?key=x', at: 0, browser: 'Firefox', system: 'Linux' };
    const arabic = views.renderMail('new-device', device, { language: 'ar' });
    expect(arabic.html).toContain('<span dir="rtl">\u2068Firefox\u2069 على \u2068Linux\u2069</span>');
  });
});

function flatten(node: object, path = ''): string[] {
  return Object.entries(node).flatMap(([key, value]) =>
    typeof value === 'string' ? [`${path}${key}`] : flatten(value as object, `${path}${key}.`),
  );
}

function texts(node: object): string[] {
  return Object.values(node).flatMap((value) => (typeof value === 'string' ? [value] : texts(value as object)));
}
