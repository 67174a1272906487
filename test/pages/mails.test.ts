import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MailLocals, mailNames } from '../../src/foundation/views/mails.ts';
import { axeViolations } from '../kit/axe.ts';
import { type Browsers, sampleViews, startChromium } from './kit.ts';

/** Where pictures go when someone wants to look at the mails; none are taken otherwise. */
const pictures = process.env.POSTERN_PAGE_PICTURES;
const at = Date.UTC(2026, 10, 21, 7, 41);
const key = 'Zt0k1Xw9bqv3uHn5r8yLm2cEoJpA6dGfTsViRxKaWQY';
const samples: { readonly [Name in keyof MailLocals]: MailLocals[Name] } = {
  test: { at },
  'reset-link': {
    href: `https://login.northwind.example/reset?key=${key}&app=harbour-books`,
    expiresAt: at + 1_800_000,
    at,
    ip: '2001:db8::42',
  },
  'confirm-address': {
    href: `https://login.northwind.example/register/confirm?key=${key}`,
    expiresAt: at + 86_400_000,
  },
  'confirm-new-address': {
    href: `https://login.northwind.example/email/confirm?key=${key}`,
    expiresAt: at + 86_400_000,
  },
  'address-changed': {
    at,
    ip: '203.0.113.7',
    email: 'ada@new.example',
    undo: { href: `https://login.northwind.example/email/undo?key=${key}`, until: at + 604_800_000 },
  },
  'address-taken': {
    at,
    signInHref: 'https://login.northwind.example/',
    forgotHref: 'https://login.northwind.example/forgot',
  },
  'deletion-scheduled': {
    at,
    ip: '203.0.113.7',
    dueAt: at + 1_209_600_000,
    href: `https://login.northwind.example/account/undelete?key=${key}`,
  },
  'account-exists': {
    at,
    ip: '203.0.113.7',
    signInHref: 'https://login.northwind.example/',
    forgotHref: 'https://login.northwind.example/forgot',
  },
  'account-changed': {
    change: 'factor-removed-totp',
    at,
    ip: '203.0.113.7',
    forgotHref: 'https://login.northwind.example/forgot',
  },
  'sign-in-code': { code: 'WDJB-MJHT', expiresAt: at + 600_000, at, ip: '203.0.113.7' },
  'sign-in-link': {
    href: `https://login.northwind.example/interaction/W_0fW7kmtM1zbDg1kwIGO/email/link?key=${key}`,
    expiresAt: at + 600_000,
    at,
    ip: '203.0.113.7',
  },
  'account-locked': {
    href: `https://login.northwind.example/unlock?key=${key}`,
    until: at + 900_000,
    at,
    ip: '203.0.113.7',
  },
  'new-device': {
    href: `https://login.northwind.example/not-me?key=${key}`,
    browser: 'Firefox',
    system: 'Linux',
    at,
    ip: '203.0.113.7',
    place: 'Lyon, Auvergne-Rhône-Alpes, France',
  },
  'password-changed': { at, ip: '203.0.113.7', forgotHref: 'https://login.northwind.example/forgot' },
};

let browsers: Browsers;
beforeAll(async () => {
  browsers = await startChromium();
});
afterAll(() => browsers?.close());

describe.each([
  [390, 'light'],
  [390, 'dark'],
  [1280, 'light'],
  [1280, 'dark'],
] as const)('every mail at %d px, %s', (width, scheme) => {
  it('is accessible, asks nobody for anything and fits', async () => {
    const views = sampleViews();
    const context = await browsers.open({ width, scheme });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('request', (request) => complaints.push(`asked ${request.url()}`));
    for (const name of mailNames) {
      const { html } = views.renderMail(name, samples[name] as never, { language: 'en' });
      await page.setContent(html);
      if (pictures !== undefined) {
        mkdirSync(pictures, { recursive: true });
        await page.screenshot({ path: join(pictures, `mail-${name}-${width}-${scheme}.png`), fullPage: true });
      }
      if (await page.evaluate('document.body.scrollWidth > document.body.clientWidth'))
        complaints.push(`${name} is wide`);
      // A mail is shown inside a page that has the landmarks.
      const violations = await axeViolations(page, ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']);
      complaints.push(...violations.map((found) => `${name}: ${found}`));
    }
    await context.close();
    expect(complaints).toEqual([]);
  });
});
