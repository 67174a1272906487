import type { AccountChange, MailLocals, MailName } from '../../src/foundation/views/mails.ts';

/** One mail in one state. */
export interface MailSample<Name extends MailName = MailName> {
  /** Unique; becomes the name of the picture. */
  readonly name: string;
  readonly mail: Name;
  readonly locals: MailLocals[Name];
}

const sample = <Name extends MailName>(name: string, mail: Name, locals: MailLocals[Name]): MailSample =>
  ({ name, mail, locals }) as MailSample;

const at = Date.UTC(2026, 10, 21, 7, 41);
const ip = '203.0.113.7';
const issuer = 'https://login.northwind.example';
const forgotHref = `${issuer}/forgot`;
const signInHref = `${issuer}/`;
const key = 'Zt0k1Xw9bqv3uHn5r8yLm2cEoJpA6dGfTsViRxKaWQY';

const everyChange: Readonly<Record<AccountChange, true>> = {
  'password-changed': true,
  'recovery-regenerated': true,
  'factors-reset': true,
  'deletion-undone': true,
  'factors-disowned': true,
  'identity-linked': true,
  'identity-unlinked': true,
  'factor-added-totp': true,
  'factor-added-passkey': true,
  'factor-removed-totp': true,
  'factor-removed-passkey': true,
};
const changes = Object.keys(everyChange) as readonly AccountChange[];

const resetLink = { href: `${issuer}/reset?key=${key}&app=harbour-books`, expiresAt: at + 1_800_000, at };
const confirmation = { href: `${issuer}/register/confirm?key=${key}`, expiresAt: at + 86_400_000 };
const newAddress = { at, ip, email: 'ada@new.example' };
const deletion = { at, dueAt: at + 1_209_600_000, href: `${issuer}/account/undelete?key=${key}` };
const code = { code: 'WDJB-MJHT', expiresAt: at + 600_000, at };
const link = {
  href: `${issuer}/interaction/W_0fW7kmtM1zbDg1kwIGO/email/link?key=${key}`,
  expiresAt: at + 600_000,
  at,
};
const lock = { href: `${issuer}/unlock?key=${key}`, until: at + 900_000, at };
const approval = { app: 'Harbour Books', until: at + 300_000, href: `${issuer}/account/approvals` };
const device = { href: `${issuer}/not-me?key=${key}`, at };

/** Every mail in every state. */
export const mails: readonly MailSample[] = [
  sample('test', 'test', { at }),
  sample('reset-link', 'reset-link', { ...resetLink, ip: '2001:db8::42' }),
  sample('reset-link-plain', 'reset-link', resetLink),
  sample('confirm-address', 'confirm-address', confirmation),
  sample('confirm-new-address', 'confirm-new-address', {
    ...confirmation,
    href: `${issuer}/email/confirm?key=${key}`,
  }),
  sample('address-changed', 'address-changed', {
    ...newAddress,
    undo: { href: `${issuer}/email/undo?key=${key}`, until: at + 604_800_000 },
  }),
  sample('address-changed-new', 'address-changed', newAddress),
  sample('address-taken', 'address-taken', { at, signInHref, forgotHref }),
  sample('deletion-scheduled', 'deletion-scheduled', { ...deletion, ip }),
  sample('account-exists', 'account-exists', { at, ip, signInHref, forgotHref }),
  ...changes.map((change) => sample(`account-changed-${change}`, 'account-changed', { change, at, ip, forgotHref })),
  sample('sign-in-code', 'sign-in-code', { ...code, ip }),
  sample('sign-in-link', 'sign-in-link', { ...link, ip }),
  sample('account-locked', 'account-locked', { ...lock, ip }),
  sample('approval-asked', 'approval-asked', approval),
  sample('approval-asked-message', 'approval-asked', { ...approval, message: 'W4SCT' }),
  sample('new-device', 'new-device', {
    ...device,
    ip,
    browser: 'Firefox',
    system: 'Linux',
    place: 'Lyon, Auvergne-Rhône-Alpes, France',
  }),
  sample('new-device-system', 'new-device', { ...device, ip, system: 'Android' }),
  sample('new-device-unknown', 'new-device', device),
  sample('password-changed', 'password-changed', { at, ip, forgotHref }),
];
