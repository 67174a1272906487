import { accounts } from './account-samples.ts';
import { approvals, consents } from './consent-samples.ts';
import { ends } from './end-samples.ts';
import type { Sample } from './sample.ts';
import {
  account,
  app,
  backTo,
  busy,
  byPasskey,
  code,
  confirm,
  created,
  device,
  enrolment,
  forgot,
  form,
  longApp,
  meter,
  newPassword,
  newPasswordProblems,
  passkey,
  providerProblems,
  recoveryCodes,
  reference,
  register,
  reset,
  sample,
  signedIn,
  signIn,
  throttled,
  throttledLong,
} from './sample.ts';

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
  sample('code-recovery-only', 'interaction/second-factor', 'interaction', {
    ...code,
    way: 'recovery',
    otherWay: undefined,
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
    otherWay: 'app',
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
  sample('new-password-here', 'interaction/new-password', 'interaction', { ...newPassword, app: undefined }),
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

const titles = {
  google: 'Google',
  microsoft: 'Microsoft',
  apple: 'Apple',
  github: 'GitHub',
  gitlab: 'GitLab',
  discord: 'Discord',
  spotify: 'Spotify',
  oidc: 'Harbour Staff and Friends of the Lighthouse',
};
const providers = Object.entries(titles).map(([name, title]) => ({
  name,
  title,
  type: name,
  action: `/interaction/x/federation/${name}`,
}));

const federated: readonly Sample[] = [
  sample('sign-in-providers', 'interaction/sign-in', 'interaction', {
    ...signIn,
    passkey: passkey('get'),
    providers,
    forgotHref: '/forgot',
  }),
  sample('sign-in-provider', 'interaction/sign-in', 'interaction', { ...signIn, providers: providers.slice(0, 1) }),
  sample('sign-in-awaiting', 'interaction/sign-in', 'interaction', {
    ...signIn,
    providers,
    awaiting: { provider: 'Google', account },
  }),
  ...providerProblems.map((why) =>
    sample(`sign-in-provider-${why}`, 'interaction/sign-in', 'interaction', {
      ...signIn,
      providers,
      problem: { kind: 'provider', why, provider: 'Google' },
    }),
  ),
  sample('posting', 'interaction/posting', 'interaction', {
    action: 'https://harbourbooks.example/callback',
    hidden: {},
    app,
  }),
  sample('posting-plain', 'interaction/posting', 'interaction', { action: '/logout/confirm', hidden: { xsrf: 'x' } }),
  sample('leaving-for-provider', 'interaction/leaving', 'interaction', {
    provider: 'Harbour Staff',
    href: 'https://login.harbour.example/authorize?x=1',
    signsOut: false,
  }),
  sample('leaving-to-sign-out', 'interaction/leaving', 'logout', {
    provider: 'Harbour Staff',
    href: 'https://login.harbour.example/logout?x=1',
    signsOut: true,
  }),
];

const people: readonly Sample[] = [
  ...federated,
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
  sample('sign-in-after-email', 'interaction/sign-in', 'interaction', {
    ...signIn,
    login: account,
    emailOf: account,
    passkey: passkey('get'),
  }),
  sample('code-remember', 'interaction/second-factor', 'interaction', { ...code, way: 'app', rememberDays: 30 }),
  sample('code-remember-day', 'interaction/second-factor', 'interaction', { ...code, way: 'app', rememberDays: 1 }),
  sample('passkey-remember', 'interaction/second-factor', 'interaction', { ...byPasskey, rememberDays: 30 }),
  sample('sign-in-remember', 'interaction/sign-in', 'interaction', { ...signIn, rememberMe: { ticked: true } }),
  sample('sign-in-hint', 'interaction/sign-in', 'interaction', { ...signIn, login: account }),
  sample('sign-in-here', 'interaction/sign-in', 'interaction', { action: '/interaction/x/login' }),
  sample('sign-in-again', 'interaction/sign-in', 'interaction', { ...signIn, login: account, again: true }),
  sample('sign-in-again-here', 'interaction/sign-in', 'interaction', {
    action: '/interaction/x/login',
    login: account,
    again: true,
  }),
  sample('sign-in-unusual', 'interaction/sign-in', 'interaction', { ...signIn, again: true, unusual: true }),
  sample('code-unusual', 'interaction/second-factor', 'interaction', { ...code, way: 'app', unusual: true }),
  sample('sign-in-missing', 'interaction/sign-in', 'interaction', { ...signIn, problem: { kind: 'missing' } }),
  sample('sign-in-wrong', 'interaction/sign-in', 'interaction', {
    ...signIn,
    login: account,
    problem: { kind: 'wrong' },
  }),
  sample('sign-in-throttled', 'interaction/sign-in', 'interaction', { ...signIn, login: account, problem: throttled }),
  sample('sign-in-throttled-long', 'interaction/sign-in', 'interaction', { ...signIn, problem: throttledLong }),
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
  ...newPasswordProblems.map((password) =>
    sample(`register-password-${password}`, 'registration/register', 'page', {
      state: 'ask',
      ...register,
      email: account,
      problems: { password },
    }),
  ),
  sample('register-throttled', 'registration/register', 'page', { state: 'ask', ...register, wait: throttled }),
  sample('register-busy', 'registration/register', 'page', {
    state: 'ask',
    ...register,
    wait: { ...busy, retryAfter: 1 },
  }),
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
  sample('register-confirm-busy', 'registration/confirm', 'page', { ...confirm, needsPassword: true, problem: busy }),
  sample('unlock', 'safeguards/confirm', 'page', { kind: 'unlock', action: '/unlock?key=x', email: account }),
  sample('not-me', 'safeguards/confirm', 'page', { kind: 'not-me', action: '/not-me?key=x', email: account }),
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
  ...newPasswordProblems.map((kind) =>
    sample(`reset-${kind}`, 'recovery/reset', 'page', { ...reset, problem: { kind } }),
  ),
  sample('reset-busy', 'recovery/reset', 'page', { ...reset, problem: busy }),
  sample('reset-link-over', 'recovery/link', 'page', { forgotHref: '/forgot', ...reference('link_not_usable') }),
  sample('reset-done', 'recovery/done', 'page', { backTo }),
  sample('reset-done-plain', 'recovery/done', 'page', {}),
  sample('sign-in-long', 'interaction/sign-in', 'interaction', { ...signIn, app: longApp, login: 'a'.repeat(80) }),
  ...consents,
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
  ...ends,
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
  sample('set-up', 'set-up/set-up', 'page', { action: '/setup', minLength: 15, meter }),
  sample('set-up-wrong', 'set-up/set-up', 'page', {
    action: '/setup',
    minLength: 15,
    meter,
    email: 'ada@example',
    problems: { email: 'invalid', password: 'short' },
  }),
  ...(['missing', 'taken'] as const).map((email) =>
    sample(`set-up-email-${email}`, 'set-up/set-up', 'page', {
      action: '/setup',
      minLength: 15,
      meter,
      email: email === 'taken' ? account : '',
      problems: { email },
    }),
  ),
  ...newPasswordProblems.map((password) =>
    sample(`set-up-password-${password}`, 'set-up/set-up', 'page', {
      action: '/setup',
      minLength: 15,
      meter,
      email: account,
      problems: { password },
    }),
  ),
  sample('set-up-busy', 'set-up/set-up', 'page', { action: '/setup', minLength: 15, meter, email: account, busy }),
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
  ...(
    [
      { name: 'missing' },
      { name: 'long' },
      { redirectUri: 'missing' },
      { redirectUri: 'invalid' },
      { redirectUri: 'fragment' },
    ] as const
  ).map((problems) =>
    sample(`home-first-app-${Object.entries(problems).join().replace(',', '-')}`, 'console/home', 'page', {
      account: signedIn,
      admin: { apps: [], form: { ...form, name: app.name, problems } },
    }),
  ),
  sample('home-apps', 'console/home', 'page', {
    account: signedIn,
    admin: {
      apps: [
        { name: app.name, clientId: created.clientId, host: app.host },
        { name: 'Nightly export', clientId: '019aa4c2-7f3e-7d1c-9b44-5a0f6f1f2c77', withoutPkce: true },
        { name: 'Old intranet', clientId: 'intranet', host: 'intranet.example', disabled: true },
      ],
      form,
    },
  }),
  sample('first-app-created', 'console/first-app-created', 'page', created),
  sample('first-app-created-service', 'console/first-app-created', 'page', { ...created, service: true }),
];

/** Every page in every state. */
export const samples: readonly Sample[] = [...people, ...factors, ...accounts, ...approvals, ...errors, ...operators];
