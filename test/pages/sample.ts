import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawQr } from '../../src/features/mfa/module.ts';
import { createAssets } from '../../src/foundation/views/assets.ts';
import type { PageLocals, PageName } from '../../src/foundation/views/pages.ts';

const root = join(import.meta.dirname, '../..');

/** One page in one state, with the headers its route answers with. */
export interface Sample<Name extends PageName = PageName> {
  /** Unique; becomes the path and the name of the picture. */
  readonly name: string;
  readonly page: Name;
  readonly kind: 'page' | 'interaction' | 'logout';
  readonly locals: PageLocals[Name];
}

export const sample = <Name extends PageName>(
  name: string,
  page: Name,
  kind: Sample['kind'],
  locals: PageLocals[Name],
): Sample => ({ name, page, kind, locals }) as Sample;

export const time = Date.UTC(2026, 10, 21, 7, 41);
export const app = {
  name: 'Harbour Books',
  host: 'harbourbooks.example',
  policyHref: 'https://harbourbooks.example/privacy',
  termsHref: 'https://harbourbooks.example/terms',
};
/** Any picture of ours. */
export const logoHref = createAssets(join(root, 'public')).href('img/favicon.svg');
export const longApp = {
  name: 'The Very Long Named Association of Harbour Bookkeepers and Lighthouse Wardens',
  host: 'a.example',
};
export const backTo = { name: app.name, href: 'https://harbourbooks.example/start' };
export const reference = (code: string) => ({ code, reference: '019aa4c2-7f3e-7d1c-9b44-5a0f6f1f2c77', time });
export const throttled = { kind: 'throttled', retryAfter: 720, until: time + 720_000 } as const;
/** For hours, as after many locks in a row. */
export const throttledLong = { kind: 'throttled', retryAfter: 7200, until: time + 7_200_000 } as const;
export const busy = { kind: 'busy', retryAfter: 5 } as const;
export const passkey = (kind: 'get' | 'create') => ({
  action: `/interaction/x/passkey/${kind}`,
  options: JSON.stringify({
    ...(kind === 'create' ? { user: { id: 'AAAA', name: 'ada@example.org', displayName: 'ada@example.org' } } : {}),
    challenge: 'AAAA',
  }),
  challenge: 's1.x',
});
export const signIn = { action: '/interaction/x/login', denyAction: '/interaction/x/abort', app };
export const device = { action: '/device', hidden: { xsrf: 'x' } };
export const account = 'ada@example.org';
export const forgot = { action: '/forgot', backHref: '/' };
export const meter = { least: 0, words: ['northwind'] };
export const register = { action: '/register', backHref: '/', minLength: 15, meter };
export const confirm = { action: '/register/confirm?key=x', email: account, needsPassword: false };
export const reset = { action: '/reset?key=x', email: account, minLength: 15, meter };
export const signedIn = { label: account, signOutAction: '/sign-out', accountHref: '/account' };
export const form = { action: '/apps' };
export const created = {
  name: app.name,
  clientId: 'harbour-books-7f3e',
  clientSecret: 'Zt0k1Xw9bqv3uHn5r8yLm2cEoJpA6dGfTsViRxKaWQY',
  redirectUri: 'https://harbourbooks.example/callback',
  endpoints: {
    discovery: 'https://login.northwind.example/.well-known/openid-configuration',
    token: 'https://login.northwind.example/token',
    introspection: 'https://login.northwind.example/token/introspection',
  },
  homeHref: '/',
};

export const step = { app, account, denyAction: '/interaction/x/deny', switchAction: '/interaction/x/switch' };
export const code = {
  ...step,
  action: '/interaction/x/code',
  otherWayAction: '/interaction/x/another-way',
  otherWay: 'recovery' as const,
};
export const byPasskey = { ...code, way: 'passkey' as const, passkey: passkey('get') };
export const totpUri =
  'otpauth://totp/login.northwind.example:ada%40example.org?issuer=login.northwind.example&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30';
export const totp = {
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  uri: totpUri,
  qr: drawQr(totpUri),
  hidden: { enrolment: 'x' },
};
export const enrolment = { ...step, action: '/interaction/x/enrolment', totp };
export const recoveryCodes = Array.from({ length: 10 }, (_, index) => `k3v9x-7q2m${index}`);

export const newPassword = { ...step, action: '/interaction/x/new-password', minLength: 15, meter };
export const newPasswordProblems = [
  'missing',
  'short',
  'long',
  'characters',
  'own',
  'upper',
  'lower',
  'digit',
  'special',
  'common',
  'breached',
  'former',
  'weak',
] as const;

export const providerProblems = [
  'declined',
  'unavailable',
  'failed',
  'not-allowed',
  'unverified',
  'no-account',
  'disabled',
  'locked',
  'stale',
  'taken',
] as const;

const english = JSON.parse(readFileSync(join(root, 'views/locales/en.json'), 'utf8')) as {
  readonly activity: { readonly types: object };
};
/** Every kind of event that a person is told in words. */
export const eventTypes = Object.keys(english.activity.types);
