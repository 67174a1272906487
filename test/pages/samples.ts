import { drawQr } from '../../src/features/mfa/module.ts';
import type { PageLocals, PageName } from '../../src/foundation/views/pages.ts';

/** One page in one state, with the headers its route answers with. */
export interface Sample<Name extends PageName = PageName> {
  /** Unique; becomes the path and the name of the picture. */
  readonly name: string;
  readonly page: Name;
  readonly kind: 'page' | 'interaction' | 'logout';
  readonly locals: PageLocals[Name];
}

const sample = <Name extends PageName>(
  name: string,
  page: Name,
  kind: Sample['kind'],
  locals: PageLocals[Name],
): Sample => ({ name, page, kind, locals }) as Sample;

const time = Date.UTC(2026, 10, 21, 7, 41);
const app = {
  name: 'Harbour Books',
  host: 'harbourbooks.example',
  policyHref: 'https://harbourbooks.example/privacy',
  termsHref: 'https://harbourbooks.example/terms',
};
const longApp = {
  name: 'The Very Long Named Association of Harbour Bookkeepers and Lighthouse Wardens',
  host: 'a.example',
};
const backTo = { name: app.name, href: 'https://harbourbooks.example/start' };
const reference = (code: string) => ({ code, reference: '019aa4c2-7f3e-7d1c-9b44-5a0f6f1f2c77', time });
const throttled = { kind: 'throttled', retryAfter: 720, until: time + 720_000 } as const;
const busy = { kind: 'busy', retryAfter: 5 } as const;
const passkey = (kind: 'get' | 'create') => ({
  action: `/interaction/x/passkey/${kind}`,
  options: JSON.stringify({
    ...(kind === 'create' ? { user: { id: 'AAAA', name: 'ada@example.org', displayName: 'ada@example.org' } } : {}),
    challenge: 'AAAA',
  }),
  challenge: 's1.x',
});
const signIn = { action: '/interaction/x/login', denyAction: '/interaction/x/abort', app };
const device = { action: '/device', hidden: { xsrf: 'x' } };
const account = 'ada@example.org';
const forgot = { action: '/forgot', backHref: '/' };
const register = { action: '/register', backHref: '/', minLength: 15 };
const confirm = { action: '/register/confirm?key=x', email: account, needsPassword: false };
const reset = { action: '/reset?key=x', email: account, minLength: 15 };
const signedIn = { label: account, signOutAction: '/sign-out', accountHref: '/account' };
const form = { action: '/apps' };
const created = {
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

const step = { app, account, denyAction: '/interaction/x/deny', switchAction: '/interaction/x/switch' };
const code = {
  ...step,
  action: '/interaction/x/code',
  otherWayAction: '/interaction/x/another-way',
  otherWay: 'recovery' as const,
};
const byPasskey = { ...code, way: 'passkey' as const, passkey: passkey('get') };
const totpUri =
  'otpauth://totp/login.northwind.example:ada%40example.org?issuer=login.northwind.example&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30';
const totp = {
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  uri: totpUri,
  qr: drawQr(totpUri),
  hidden: { enrolment: 'x' },
};
const enrolment = { ...step, action: '/interaction/x/enrolment', totp };
const recoveryCodes = Array.from({ length: 10 }, (_, index) => `k3v9x-7q2m${index}`);

const newPassword = { ...step, action: '/interaction/x/new-password', minLength: 15 };
const newPasswordProblems = [
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

const factors: readonly Sample[] = [
  sample('code', 'interaction/second-factor', 'interaction', { ...code, way: 'app' }),
  sample('code-here', 'interaction/second-factor', 'interaction', { ...code, app: undefined, way: 'app' }),
  ...(['missing', 'wrong', 'used'] as const).map((kind) =>
    sample(`code-${kind}`, 'interaction/second-factor', 'interaction', { ...code, way: 'app', problem: { kind } }),
  ),
  sample('code-throttled', 'interaction/second-factor', 'interaction', { ...code, way: 'app', problem: throttled }),
  sample('code-recovery', 'interaction/second-factor', 'interaction', { ...code, way: 'recovery', otherWay: 'app' }),
  sample('code-recovery-for-passkey', 'interaction/second-factor', 'interaction', {
    ...code,
    way: 'recovery',
    otherWay: 'passkey',
  }),
  sample('second-factor-passkey', 'interaction/second-factor', 'interaction', byPasskey),
  ...(['missing', 'wrong', 'expired'] as const).map((kind) =>
    sample(`second-factor-passkey-${kind}`, 'interaction/second-factor', 'interaction', {
      ...byPasskey,
      otherWay: 'app',
      problem: { kind },
    }),
  ),
  sample('second-factor-passkey-throttled', 'interaction/second-factor', 'interaction', {
    ...byPasskey,
    problem: throttled,
  }),
  sample('code-recovery-wrong', 'interaction/second-factor', 'interaction', {
    ...code,
    way: 'recovery',
    problem: { kind: 'wrong' },
  }),
  sample('enrolment', 'interaction/enrolment', 'interaction', enrolment),
  sample('enrolment-passkey', 'interaction/enrolment', 'interaction', { ...enrolment, passkey: passkey('create') }),
  ...(['missing', 'wrong', 'expired', 'taken'] as const).map((passkeyProblem) =>
    sample(`enrolment-passkey-${passkeyProblem}`, 'interaction/enrolment', 'interaction', {
      ...enrolment,
      passkey: passkey('create'),
      passkeyProblem,
    }),
  ),
  sample('enrolment-here', 'interaction/enrolment', 'interaction', { ...enrolment, app: undefined }),
  ...(['missing', 'wrong', 'expired'] as const).map((kind) =>
    sample(`enrolment-${kind}`, 'interaction/enrolment', 'interaction', { ...enrolment, problem: { kind } }),
  ),
  sample('enrolment-throttled', 'interaction/enrolment', 'interaction', { ...enrolment, problem: throttled }),
  sample('new-password', 'interaction/new-password', 'interaction', newPassword),
  ...newPasswordProblems.map((kind) =>
    sample(`new-password-${kind}`, 'interaction/new-password', 'interaction', { ...newPassword, problem: { kind } }),
  ),
  sample('new-password-busy', 'interaction/new-password', 'interaction', { ...newPassword, problem: busy }),
  sample('recovery-codes', 'interaction/recovery-codes', 'interaction', {
    app,
    recoveryCodes,
    nextHref: '/interaction/x',
  }),
];

const minute = 60_000;
const signIns = [
  {
    id: 'one',
    startedAt: time - 90 * minute,
    lastSeenAt: time - minute,
    here: true,
    browser: 'Firefox',
    system: 'Linux',
    address: '192.0.2.7',
  },
  {
    id: 'two',
    startedAt: time - 5000 * minute,
    lastSeenAt: time - 700 * minute,
    here: false,
    system: 'Android',
    address: '2001:db8:85a3::8a2e:370:7334',
  },
  { id: 'three', startedAt: time - 6000 * minute, lastSeenAt: time - 5900 * minute, here: false },
];
const passkeys = [
  { id: 'one', name: 'Laptop', createdAt: time - 9000 * minute, lastUsedAt: time - 30 * minute },
  { id: 'two', name: '', createdAt: time - 20 * minute },
];
const noPasskeys = { list: [], addHref: '/account/passkeys/add' };
const withPasskeys = (more: object) => ({ signedIn: { ...mine, passkeys: { ...mine.passkeys, ...more } } });
const mine = {
  account,
  factors: {
    totp: { createdAt: time - 9000 * minute, lastUsedAt: time - 90 * minute },
    recoveryCodesLeft: 9,
    any: true,
    mayAdd: true,
  },
  passkeys: { list: passkeys, add: { ...passkey('create'), action: '/account/passkeys' } },
  password: { minLength: 15 },
  devices: [],
  sessions: signIns,
  apps: [
    {
      clientId: 'harbour-books',
      name: app.name,
      host: app.host,
      scopes: [
        { name: 'openid' },
        { name: 'email', shows: [account] },
        { name: 'offline_access' },
        { name: 'orders:read', description: 'See your orders and what they cost' },
      ],
      firstAt: time - 20_000 * minute,
      lastAt: time - 90 * minute,
      isOurs: false,
    },
    {
      clientId: 'intranet',
      name: longApp.name,
      host: 'intranet.northwind.example',
      scopes: [{ name: 'openid' }],
      firstAt: time - 9000 * minute,
      lastAt: time - 9000 * minute,
      isOurs: true,
    },
  ],
};
const withPassword = (problem: NonNullable<PageLocals['account/account']['signedIn']>['password']['problem']) => ({
  signedIn: { ...mine, password: { minLength: 15, problem } },
});

const email = { email: account, proving: 'password' } as const;
const newAddress = { action: '/email/confirm?key=x', email: 'ada@new.example', needsPassword: false };
const removal = { action: '/account/authenticator/remove', last: true };
const passkeyRemoval = {
  action: '/account/passkeys/remove',
  hidden: { passkey: 'one' },
  passkeyName: 'Laptop',
  last: false,
  confirm: passkey('get'),
};
const dones = [
  'password',
  'factor-removed',
  'factor-added',
  'passkey-added',
  'passkey-renamed',
  'passkey-removed',
  'session',
  'app',
  'device',
] as const;

const leaving = { account, graceDays: 14, proving: 'password', mails: true } as const;

const events = [
  { type: 'session_started', at: time, app: app.name, ip: '203.0.113.7', byOperator: false },
  { type: 'signin_failed', at: time - 90 * minute, app: longApp.name, ip: '2001:db8::42', byOperator: false },
  { type: 'factor_reset', at: time - 900 * minute, byOperator: true },
  { type: 'something_new', at: time - 9000 * minute, byOperator: false },
];

const accounts: readonly Sample[] = [
  sample('account-signed-out', 'account/account', 'page', { signInHref: '/sign-in' }),
  sample('account', 'account/account', 'page', { signedIn: mine }),
  sample('account-devices', 'account/account', 'page', {
    signedIn: {
      ...mine,
      devices: [
        { id: 'one', rememberedUntil: time + 9000 * minute, browser: 'Firefox', system: 'Linux' },
        { id: 'two', rememberedUntil: time + 9900 * minute },
      ],
    },
  }),
  sample('account-first', 'account/account', 'page', {
    signedIn: {
      ...mine,
      factors: { recoveryCodesLeft: 0, any: false, mayAdd: true },
      passkeys: noPasskeys,
      sessions: signIns.slice(0, 1),
      apps: [],
    },
  }),
  sample('account-without-factors', 'account/account', 'page', {
    signedIn: { ...mine, factors: undefined, passkeys: noPasskeys, account: `${'a'.repeat(60)}@example.org` },
  }),
  sample('account-passkeys-only', 'account/account', 'page', {
    signedIn: { ...mine, factors: { recoveryCodesLeft: 10, any: true, mayAdd: true } },
  }),
  ...(['missing', 'wrong', 'expired', 'taken'] as const).map((problem) =>
    sample(`account-passkey-${problem}`, 'account/account', 'page', withPasskeys({ problem })),
  ),
  ...dones.map((done) => sample(`account-done-${done}`, 'account/account', 'page', { signedIn: { ...mine, done } })),
  sample('account-password-missing', 'account/account', 'page', withPassword({ kind: 'missing' })),
  sample('account-password-wrong', 'account/account', 'page', withPassword({ kind: 'wrong' })),
  sample('account-password-short', 'account/account', 'page', withPassword({ kind: 'refused', reason: 'short' })),
  sample('account-password-other', 'account/account', 'page', withPassword({ kind: 'refused', reason: 'own' })),
  sample('account-password-throttled', 'account/account', 'page', withPassword(throttled)),
  sample('account-password-busy', 'account/account', 'page', withPassword(busy)),
  sample('account-authenticator', 'account/authenticator', 'page', { totp }),
  ...(['missing', 'wrong', 'expired'] as const).map((kind) =>
    sample(`account-authenticator-${kind}`, 'account/authenticator', 'page', { totp, problem: { kind } }),
  ),
  sample('account-authenticator-throttled', 'account/authenticator', 'page', { totp, problem: throttled }),
  ...(['ask', 'sent', 'off'] as const).map((state) =>
    sample(`account-email-${state}`, 'account/email', 'page', { ...email, state, wanted: 'ada@new.example' }),
  ),
  ...(['missing', 'wrong', 'email-missing', 'email-invalid', 'email-same'] as const).map((kind) =>
    sample(`account-email-problem-${kind}`, 'account/email', 'page', { ...email, state: 'ask', problem: { kind } }),
  ),
  sample('account-email-throttled', 'account/email', 'page', { ...email, state: 'ask', problem: throttled }),
  sample('account-email-code', 'account/email', 'page', { ...email, state: 'ask', proving: 'code' }),
  sample('address-confirm', 'address/confirm', 'page', newAddress),
  sample('address-confirm-elsewhere', 'address/confirm', 'page', { ...newAddress, needsPassword: true }),
  ...(['missing', 'wrong'] as const).map((kind) =>
    sample(`address-confirm-${kind}`, 'address/confirm', 'page', {
      ...newAddress,
      needsPassword: true,
      problem: { kind },
    }),
  ),
  sample('address-confirm-busy', 'address/confirm', 'page', { ...newAddress, needsPassword: true, problem: busy }),
  ...([false, true] as const).map((isTaken) =>
    sample(`address-undo-${isTaken ? 'taken' : 'ask'}`, 'address/undo', 'page', {
      action: '/email/undo?key=x',
      formerEmail: account,
      email: 'ada@new.example',
      isTaken,
    }),
  ),
  ...(['changed', 'undone'] as const).map((what) =>
    sample(`address-done-${what}`, 'address/done', 'page', { what, forgotHref: '/forgot' }),
  ),
  sample('address-link-over', 'address/link', 'page', reference('link_not_usable')),
  sample('account-activity', 'account/activity', 'page', { events, earlierHref: '/account/activity?before=x' }),
  sample('account-activity-end', 'account/activity', 'page', { events: events.slice(0, 1) }),
  sample('account-delete', 'account/delete', 'page', leaving),
  sample('account-delete-without-mail', 'account/delete', 'page', { ...leaving, mails: false, proving: 'nothing' }),
  ...(['missing', 'wrong', 'last-administrator'] as const).map((kind) =>
    sample(`account-delete-${kind}`, 'account/delete', 'page', { ...leaving, problem: { kind } }),
  ),
  sample('account-delete-throttled', 'account/delete', 'page', { ...leaving, problem: throttled }),
  sample('account-leaving', 'account/leaving', 'page', {
    dueAt: time + 20_000 * minute,
    undoAction: '/account/undelete?key=x',
  }),
  sample('account-returned', 'account/returned', 'page', { signInHref: '/account' }),
  sample('account-recovery-codes', 'account/recovery-codes', 'page', { recoveryCodes }),
  sample('account-remove-factor', 'account/remove-factor', 'page', removal),
  sample('account-remove-app', 'account/remove-factor', 'page', { ...removal, last: false, confirm: passkey('get') }),
  sample('account-remove-passkey', 'account/remove-factor', 'page', passkeyRemoval),
  sample('account-remove-last-passkey', 'account/remove-factor', 'page', {
    ...passkeyRemoval,
    passkeyName: '',
    last: true,
  }),
  ...(['missing', 'wrong', 'expired'] as const).map((confirmProblem) =>
    sample(`account-remove-passkey-${confirmProblem}`, 'account/remove-factor', 'page', {
      ...passkeyRemoval,
      confirmProblem,
    }),
  ),
  ...(['missing', 'wrong', 'used'] as const).map((kind) =>
    sample(`account-remove-factor-${kind}`, 'account/remove-factor', 'page', { ...removal, problem: { kind } }),
  ),
  sample('account-remove-factor-throttled', 'account/remove-factor', 'page', { ...removal, problem: throttled }),
];

const byEmail = {
  way: 'code',
  action: '/interaction/x/email',
  codeAction: '/interaction/x/email/code',
  backHref: '/interaction/x',
  email: account,
} as const;

const emails: readonly Sample[] = [
  sample('sign-in-email-offer', 'interaction/sign-in', 'interaction', {
    ...signIn,
    forgotHref: '/forgot',
    registerHref: '/register',
    email: { way: 'code', href: '/interaction/x/email' },
  }),
  sample('sign-in-email-offer-link', 'interaction/sign-in', 'interaction', {
    ...signIn,
    email: { way: 'link', href: '/interaction/x/email' },
  }),
  sample('email-ask', 'interaction/email', 'interaction', { ...byEmail, email: undefined, state: 'ask' }),
  sample('email-ask-link', 'interaction/email', 'interaction', { ...byEmail, state: 'ask', way: 'link' }),
  sample('email-missing', 'interaction/email', 'interaction', {
    ...byEmail,
    email: undefined,
    state: 'ask',
    problem: { kind: 'missing' },
  }),
  sample('email-throttled', 'interaction/email', 'interaction', { ...byEmail, state: 'ask', problem: throttled }),
  sample('email-code', 'interaction/email', 'interaction', { ...byEmail, state: 'code' }),
  ...(['missing', 'wrong', 'over'] as const).map((kind) =>
    sample(`email-code-${kind}`, 'interaction/email', 'interaction', { ...byEmail, state: 'code', problem: { kind } }),
  ),
  sample('email-code-throttled', 'interaction/email', 'interaction', { ...byEmail, state: 'code', problem: throttled }),
  sample('email-sent-link', 'interaction/email', 'interaction', { ...byEmail, state: 'link', way: 'link' }),
  sample('email-link', 'interaction/email-link', 'interaction', {
    state: 'confirm',
    action: '/interaction/x/email/link?key=x',
    email: account,
  }),
  sample('email-link-elsewhere', 'interaction/email-link', 'interaction', {
    state: 'elsewhere',
    ...reference('link_elsewhere'),
  }),
  sample('email-link-over', 'interaction/email-link', 'interaction', {
    state: 'over',
    againHref: '/interaction/x/email',
    ...reference('link_not_usable'),
  }),
];

const people: readonly Sample[] = [
  ...emails,
  sample('sign-in', 'interaction/sign-in', 'interaction', signIn),
  sample('sign-in-passkey', 'interaction/sign-in', 'interaction', { ...signIn, passkey: passkey('get') }),
  ...(['missing', 'wrong', 'expired'] as const).map((why) =>
    sample(`sign-in-passkey-${why}`, 'interaction/sign-in', 'interaction', {
      ...signIn,
      passkey: passkey('get'),
      problem: { kind: 'passkey', why },
    }),
  ),
  sample('sign-in-beside-passkey', 'interaction/sign-in', 'interaction', {
    ...signIn,
    login: account,
    passkeyOf: account,
  }),
  sample('code-remember', 'interaction/second-factor', 'interaction', { ...code, way: 'app', rememberDays: 30 }),
  sample('sign-in-remember', 'interaction/sign-in', 'interaction', { ...signIn, rememberMe: { ticked: true } }),
  sample('sign-in-hint', 'interaction/sign-in', 'interaction', { ...signIn, login: account }),
  sample('sign-in-here', 'interaction/sign-in', 'interaction', { action: '/interaction/x/login' }),
  sample('sign-in-again', 'interaction/sign-in', 'interaction', { ...signIn, login: account, again: true }),
  sample('sign-in-missing', 'interaction/sign-in', 'interaction', { ...signIn, problem: { kind: 'missing' } }),
  sample('sign-in-wrong', 'interaction/sign-in', 'interaction', {
    ...signIn,
    login: account,
    problem: { kind: 'wrong' },
  }),
  sample('sign-in-throttled', 'interaction/sign-in', 'interaction', { ...signIn, login: account, problem: throttled }),
  sample('sign-in-busy', 'interaction/sign-in', 'interaction', { ...signIn, login: account, problem: busy }),
  sample('sign-in-forgot', 'interaction/sign-in', 'interaction', { ...signIn, forgotHref: '/interaction/x/forgot' }),
  sample('sign-in-register', 'interaction/sign-in', 'interaction', {
    ...signIn,
    forgotHref: '/interaction/x/forgot',
    registerHref: '/interaction/x/register',
  }),
  sample('register', 'registration/register', 'page', { state: 'ask', ...register }),
  sample('register-invited', 'registration/register', 'page', { state: 'ask', ...register, invited: account }),
  ...(['missing', 'invalid', 'domain'] as const).map((email) =>
    sample(`register-${email}`, 'registration/register', 'page', {
      state: 'ask',
      ...register,
      email: account,
      problems: { email },
    }),
  ),
  ...(['missing', 'short', 'long', 'own'] as const).map((password) =>
    sample(`register-password-${password}`, 'registration/register', 'page', {
      state: 'ask',
      ...register,
      email: account,
      problems: { password },
    }),
  ),
  sample('register-throttled', 'registration/register', 'page', { state: 'ask', ...register, wait: throttled }),
  sample('register-sent', 'registration/register', 'page', { state: 'sent', ...register, email: account }),
  sample('register-off', 'registration/register', 'page', { state: 'off', ...register }),
  sample('register-confirm', 'registration/confirm', 'page', confirm),
  sample('register-confirm-elsewhere', 'registration/confirm', 'page', { ...confirm, needsPassword: true }),
  sample('register-confirm-wrong', 'registration/confirm', 'page', {
    ...confirm,
    needsPassword: true,
    problem: { kind: 'wrong' },
  }),
  sample('register-confirm-throttled', 'registration/confirm', 'page', {
    ...confirm,
    needsPassword: true,
    problem: throttled,
  }),
  sample('unlock', 'safeguards/confirm', 'page', { kind: 'unlock', action: '/unlock?key=x', email: account }),
  sample('unlock-done', 'safeguards/done', 'page', { kind: 'unlock' }),
  sample('safeguard-link-over', 'safeguards/link', 'page', reference('link_not_usable')),
  sample('register-link-over', 'registration/link', 'page', reference('link_not_usable')),
  sample('register-done', 'registration/done', 'page', { backTo }),
  sample('forgot', 'recovery/forgot', 'page', { state: 'ask', ...forgot }),
  sample('forgot-missing', 'recovery/forgot', 'page', { state: 'ask', ...forgot, problem: { kind: 'missing' } }),
  sample('forgot-throttled', 'recovery/forgot', 'page', {
    state: 'ask',
    ...forgot,
    email: account,
    problem: throttled,
  }),
  sample('forgot-sent', 'recovery/forgot', 'page', { state: 'sent', ...forgot, email: account }),
  sample('forgot-off', 'recovery/forgot', 'page', { state: 'off', ...forgot }),
  sample('reset', 'recovery/reset', 'page', reset),
  ...(['missing', 'short', 'long', 'own'] as const).map((kind) =>
    sample(`reset-${kind}`, 'recovery/reset', 'page', { ...reset, problem: { kind } }),
  ),
  sample('reset-busy', 'recovery/reset', 'page', { ...reset, problem: busy }),
  sample('reset-link-over', 'recovery/link', 'page', { forgotHref: '/forgot', ...reference('link_not_usable') }),
  sample('reset-done', 'recovery/done', 'page', { backTo }),
  sample('reset-done-plain', 'recovery/done', 'page', {}),
  sample('sign-in-long', 'interaction/sign-in', 'interaction', { ...signIn, app: longApp, login: 'a'.repeat(80) }),
  sample('consent', 'interaction/consent', 'interaction', {
    app,
    account,
    scopes: [
      { name: 'openid' },
      { name: 'profile', shows: ['Ada Lovelace'] },
      { name: 'email', shows: [account] },
      { name: 'offline_access' },
      { name: 'orders:read', description: 'See your orders and what they cost' },
    ],
    allowAction: '/interaction/x/confirm',
    denyAction: '/interaction/x/abort',
    switchAction: '/interaction/x/switch',
  }),
  sample('consent-long', 'interaction/consent', 'interaction', {
    app: longApp,
    account: `${'a'.repeat(60)}@example.org`,
    scopes: [{ name: 'openid' }, { name: 'urn:something:without:description' }],
    allowAction: '/interaction/x/confirm',
    denyAction: '/interaction/x/abort',
  }),
  sample('device-input', 'interaction/device-code-input', 'interaction', device),
  ...(['missing', 'not-found', 'expired', 'used'] as const).map((kind) =>
    sample(`device-input-${kind}`, 'interaction/device-code-input', 'interaction', {
      ...device,
      userCode: kind === 'missing' ? undefined : 'WDJB-MJHT',
      problem: { kind },
    }),
  ),
  sample('device-input-throttled', 'interaction/device-code-input', 'interaction', { ...device, problem: throttled }),
  sample('device-confirm', 'interaction/device-confirm', 'interaction', {
    ...device,
    app: { name: 'Harbour TV' },
    userCode: 'WDJB-MJHT',
  }),
  sample('device-connected', 'interaction/device-done', 'interaction', {
    outcome: 'connected',
    app: { name: 'Harbour TV' },
  }),
  sample('device-connected-plain', 'interaction/device-done', 'interaction', { outcome: 'connected' }),
  sample('device-refused', 'interaction/device-done', 'interaction', { outcome: 'refused' }),
  sample('start-again-expired', 'interaction/start-again', 'interaction', {
    reason: 'expired',
    backTo,
    ...reference('interaction_expired'),
  }),
  sample('start-again-unknown', 'interaction/start-again', 'interaction', {
    reason: 'expired',
    ...reference('interaction_expired'),
  }),
  sample('start-again-finished', 'interaction/start-again', 'interaction', {
    reason: 'finished',
    backTo,
    ...reference('interaction_finished'),
  }),
  sample('cookies-off', 'interaction/cookies-off', 'interaction', { backTo, ...reference('cookie_missing') }),
  sample('logout', 'logout/confirm', 'logout', { action: '/session/end/confirm', hidden: { xsrf: 'x' }, account, app }),
  sample('logout-plain', 'logout/confirm', 'logout', { action: '/session/end/confirm' }),
  sample('logged-out', 'logout/done', 'logout', { backTo }),
  sample('logged-out-plain', 'logout/done', 'logout', {}),
];

const errors: readonly Sample[] = [
  sample('error-app-request', 'errors/error', 'interaction', {
    kind: 'app-request',
    app,
    detail: "redirect_uri did not match any of the client's registered redirect_uris",
    backTo,
    ...reference('invalid_redirect_uri'),
  }),
  sample('error-app-request-plain', 'errors/error', 'interaction', {
    kind: 'app-request',
    detail: 'client is invalid',
    ...reference('invalid_client'),
  }),
  ...(['not-found', 'wrong-method', 'bad-request', 'refused', 'not-allowed', 'failed'] as const).map((kind) =>
    sample(`error-${kind}`, 'errors/error', 'page', { kind, ...reference(kind.replace('-', '_')) }),
  ),
  sample('error-too-many', 'errors/error', 'page', {
    kind: 'too-many',
    retryAfter: 40,
    ...reference('too_many_requests'),
  }),
  sample('error-unavailable', 'errors/error', 'page', {
    kind: 'unavailable',
    retryAfter: 5,
    ...reference('unavailable'),
  }),
];

const operators: readonly Sample[] = [
  sample('set-up', 'set-up/set-up', 'page', { action: '/setup', minLength: 15 }),
  sample('set-up-wrong', 'set-up/set-up', 'page', {
    action: '/setup',
    minLength: 15,
    email: 'ada@example',
    problems: { email: 'invalid', password: 'short' },
  }),
  sample('set-up-short', 'set-up/set-up', 'page', {
    action: '/setup',
    minLength: 15,
    email: account,
    problems: { password: 'short' },
  }),
  sample('set-up-busy', 'set-up/set-up', 'page', { action: '/setup', minLength: 15, email: account, busy }),
  ...(['unknown', 'used', 'expired'] as const).map((reason) =>
    sample(`set-up-link-${reason}`, 'set-up/link', 'page', {
      reason,
      signInHref: reason === 'used' ? '/sign-in' : undefined,
      ...reference(`setup_link_${reason}`),
    }),
  ),
  sample('home-signed-out', 'console/home', 'page', { signInHref: '/sign-in' }),
  sample('home-needs-set-up', 'console/home', 'page', { needsSetUp: true }),
  sample('home-signed-in', 'console/home', 'page', { account: signedIn }),
  sample('home-first-app', 'console/home', 'page', { account: signedIn, admin: { apps: [], form } }),
  sample('home-first-app-wrong', 'console/home', 'page', {
    account: signedIn,
    admin: {
      apps: [],
      form: {
        ...form,
        name: app.name,
        redirectUri: 'http://harbourbooks.example/cb',
        problems: { redirectUri: 'insecure' },
      },
    },
  }),
  sample('home-apps', 'console/home', 'page', {
    account: signedIn,
    admin: {
      apps: [
        { name: app.name, clientId: created.clientId, host: app.host },
        { name: 'Nightly export', clientId: '019aa4c2-7f3e-7d1c-9b44-5a0f6f1f2c77' },
        { name: 'Old intranet', clientId: 'intranet', host: 'intranet.example', disabled: true },
      ],
      form,
    },
  }),
  sample('first-app-created', 'console/first-app-created', 'page', created),
  sample('first-app-created-service', 'console/first-app-created', 'page', { ...created, service: true }),
];

/** Every page in every state. */
export const samples: readonly Sample[] = [...people, ...factors, ...accounts, ...errors, ...operators];
