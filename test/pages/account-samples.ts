import { accountDones } from '../../src/foundation/views/account-pages.ts';
import type { PageLocals } from '../../src/foundation/views/pages.ts';
import type { Sample } from './sample.ts';
import {
  account,
  app,
  busy,
  eventTypes,
  longApp,
  meter,
  newPasswordProblems,
  passkey,
  providerProblems,
  recoveryCodes,
  reference,
  sample,
  throttled,
  time,
  totp,
} from './sample.ts';

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
    place: 'Lyon, Auvergne-Rhône-Alpes, France',
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
  identities: {
    list: [
      {
        id: 'one',
        title: 'Google',
        type: 'google',
        label: account,
        createdAt: time - 9000 * minute,
        lastUsedAt: time - 20 * minute,
      },
      { id: 'two', title: 'Harbour Staff', createdAt: time - 900 * minute },
    ],
    providers: [
      { name: 'github', title: 'GitHub', type: 'github', action: '/account/identities/link' },
      { name: 'apple', title: 'Apple', type: 'apple', action: '/account/identities/link' },
    ],
  },
  password: { minLength: 15, meter },
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
const withPassword = (
  problem: NonNullable<NonNullable<PageLocals['account/account']['signedIn']>['password']>['problem'],
) => ({
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
const leaving = { account, graceDays: 14, proving: 'password', mails: true } as const;

const events = [
  { type: 'session_started', at: time, app: app.name, ip: '203.0.113.7', place: 'Lyon, France', byOperator: false },
  { type: 'signin_failed', at: time - 90 * minute, app: longApp.name, ip: '2001:db8::42', byOperator: false },
  { type: 'factor_reset', at: time - 900 * minute, byOperator: true },
  { type: 'something_new', at: time - 9000 * minute, byOperator: false },
];

const profile = {
  name: 'Ada Lovelace',
  given_name: 'Ada',
  family_name: 'Lovelace',
  nickname: '',
  website: 'https://ada.example/',
  picture: '',
  zoneinfo: 'Europe/London',
  locale: 'en-GB',
};

/** The pages of `/account` in every state. */
export const accounts: readonly Sample[] = [
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
  sample('account-passkeys-at-most', 'account/account', 'page', {
    signedIn: {
      ...mine,
      factors: { recoveryCodesLeft: 1, any: true, mayAdd: false },
      passkeys: { list: passkeys },
      identities: { list: [], providers: [] },
      apps: [
        {
          clientId: 'nightly',
          name: 'Nightly export',
          scopes: [{ name: 'openid' }],
          firstAt: time,
          lastAt: time,
          isOurs: true,
        },
      ],
    },
  }),
  sample('account-app-new', 'account/account', 'page', {
    signedIn: { ...mine, factors: { ...mine.factors, totp: { createdAt: time } } },
  }),
  sample('account-without-password', 'account/account', 'page', { signedIn: { ...mine, password: undefined } }),
  sample('account-identities-none', 'account/account', 'page', {
    signedIn: { ...mine, identities: { ...mine.identities, list: [] } },
  }),
  sample('account-passkey-last', 'account/account', 'page', {
    signedIn: {
      ...mine,
      password: undefined,
      identities: { ...mine.identities, list: [] },
      passkeys: { ...mine.passkeys, list: mine.passkeys.list.slice(0, 1), problem: 'last' },
    },
  }),
  sample('account-identity-last', 'account/account', 'page', {
    signedIn: { ...mine, identities: { ...mine.identities, providers: [], problem: { why: 'last' } } },
  }),
  ...providerProblems.map((why) =>
    sample(`account-identity-${why}`, 'account/account', 'page', {
      signedIn: { ...mine, identities: { ...mine.identities, problem: { why, provider: 'GitHub' } } },
    }),
  ),
  sample('account-passkeys-only', 'account/account', 'page', {
    signedIn: { ...mine, factors: { recoveryCodesLeft: 10, any: true, mayAdd: true } },
  }),
  ...(['missing', 'wrong', 'expired', 'taken'] as const).map((problem) =>
    sample(`account-passkey-${problem}`, 'account/account', 'page', withPasskeys({ problem })),
  ),
  ...accountDones.map((done) =>
    sample(`account-done-${done}`, 'account/account', 'page', { signedIn: { ...mine, done } }),
  ),
  sample('account-password-missing', 'account/account', 'page', withPassword({ kind: 'missing' })),
  sample('account-password-wrong', 'account/account', 'page', withPassword({ kind: 'wrong' })),
  ...newPasswordProblems.map((reason) =>
    sample(`account-password-new-${reason}`, 'account/account', 'page', withPassword({ kind: 'refused', reason })),
  ),
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
  sample('account-email-busy', 'account/email', 'page', { ...email, state: 'ask', problem: busy }),
  sample('account-email-code', 'account/email', 'page', { ...email, state: 'ask', proving: 'code' }),
  sample('account-email-nothing', 'account/email', 'page', { ...email, state: 'ask', proving: 'nothing' }),
  sample('address-confirm', 'address/confirm', 'page', newAddress),
  sample('address-confirm-elsewhere', 'address/confirm', 'page', { ...newAddress, needsPassword: true }),
  ...(['missing', 'wrong'] as const).map((kind) =>
    sample(`address-confirm-${kind}`, 'address/confirm', 'page', {
      ...newAddress,
      needsPassword: true,
      problem: { kind },
    }),
  ),
  sample('address-confirm-throttled', 'address/confirm', 'page', {
    ...newAddress,
    needsPassword: true,
    problem: throttled,
  }),
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
    sample(`address-done-${what}`, 'address/done', 'page', { what, passwordHref: '/reset?key=x' }),
  ),
  sample('address-link-over', 'address/link', 'page', reference('link_not_usable')),
  sample('account-activity', 'account/activity', 'page', { events, earlierHref: '/account/activity?before=x' }),
  sample('account-activity-end', 'account/activity', 'page', { events: events.slice(0, 1) }),
  sample('account-activity-all', 'account/activity', 'page', {
    events: eventTypes.map((type) => ({ type, at: time, byOperator: false })),
  }),
  sample('account-profile', 'account/profile', 'page', { form: profile, problems: {} }),
  sample('account-profile-wrong', 'account/profile', 'page', {
    form: profile,
    problems: {
      name: 'long',
      nickname: 'invalid',
      website: 'invalid',
      picture: 'invalid',
      zoneinfo: 'invalid',
      locale: 'invalid',
    },
  }),
  sample('account-delete', 'account/delete', 'page', leaving),
  sample('account-delete-without-mail', 'account/delete', 'page', { ...leaving, mails: false, proving: 'nothing' }),
  ...(['missing', 'wrong', 'last-administrator'] as const).map((kind) =>
    sample(`account-delete-${kind}`, 'account/delete', 'page', { ...leaving, problem: { kind } }),
  ),
  sample('account-delete-code', 'account/delete', 'page', { ...leaving, proving: 'code', graceDays: 1 }),
  sample('account-delete-busy', 'account/delete', 'page', { ...leaving, problem: busy }),
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
