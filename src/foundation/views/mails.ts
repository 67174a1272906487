/** What each mail needs in order to be written, as `pages.ts` for pages. Times are milliseconds since the epoch. */

/** `postern mail test`: nothing but a sign that mails arrive. */
export interface TestMailLocals {
  readonly at: number;
}

/** A link with which a person sets a new password. */
export interface ResetLinkMailLocals {
  readonly href: string;
  readonly expiresAt: number;
  /** When and from which address it was asked for. */
  readonly at: number;
  readonly ip?: string | undefined;
}

/** That a password was set, to whom it belongs. */
export interface PasswordChangedMailLocals {
  readonly at: number;
  readonly ip?: string | undefined;
  /** Where a person goes on who did not do this. */
  readonly forgotHref: string;
}

/** What was changed on an account: each has words of its own. */
export type AccountChange =
  | 'password-changed'
  | 'recovery-regenerated'
  | 'factors-reset'
  | 'deletion-undone'
  | 'factors-disowned'
  | 'identity-linked'
  | 'identity-unlinked'
  | `factor-${'added' | 'removed'}-${'totp' | 'passkey'}`;

/** That something was changed which keeps others out, to whom the account belongs. */
export interface AccountChangedMailLocals extends PasswordChangedMailLocals {
  readonly change: AccountChange;
}

/** A link that shows that an address belongs to who is registering it. */
export interface ConfirmAddressMailLocals {
  readonly href: string;
  readonly expiresAt: number;
}

/** To the former address and to the new one, once the new one counts. */
export interface AddressChangedMailLocals {
  readonly at: number;
  readonly ip?: string | undefined;
  /** The new one. */
  readonly email: string;
  /** For the former address only: a link that takes the change back. */
  readonly undo?: { readonly href: string; readonly until: number } | undefined;
}

/** To the owner of an address that somebody wanted for another account. */
export interface AddressTakenMailLocals {
  readonly at: number;
  readonly signInHref: string;
  readonly forgotHref: string;
}

/** That the account is to be erased, with the way back. */
export interface DeletionScheduledMailLocals {
  readonly at: number;
  readonly ip?: string | undefined;
  readonly dueAt: number;
  readonly href: string;
}

/** To the owner of an account, with whose address somebody tried to register. */
export interface AccountExistsMailLocals {
  readonly at: number;
  readonly ip?: string | undefined;
  readonly signInHref: string;
  readonly forgotHref: string;
}

/** A code with which a person signs in. */
export interface SignInCodeMailLocals {
  readonly code: string;
  readonly expiresAt: number;
  /** When and from which address it was asked for. */
  readonly at: number;
  readonly ip?: string | undefined;
}

/** The same as a link. */
export interface SignInLinkMailLocals extends Omit<SignInCodeMailLocals, 'code'> {
  readonly href: string;
}

/** That an account is locked after too many tries, to whom it belongs, with a link that opens it. */
export interface AccountLockedMailLocals {
  readonly href: string;
  readonly until: number;
  readonly at: number;
  /** Where the last try came from. */
  readonly ip?: string | undefined;
}

/** That somebody signed in with a browser that the account was not used with before, with a link that throws them out. */
export interface NewDeviceMailLocals {
  readonly href: string;
  readonly browser?: string | undefined;
  readonly system?: string | undefined;
  readonly at: number;
  readonly ip?: string | undefined;
  /** Where that address is, in words; only with a file of places. */
  readonly place?: string | undefined;
}

/** That an app waits for its person's answer (CIBA), with the way to the page. */
export interface ApprovalAskedMailLocals {
  readonly app: string;
  /** What the app shows as well. */
  readonly message?: string | undefined;
  readonly until: number;
  readonly href: string;
}

/** Every mail and what it takes. The name is the template's in `views/mail`. */
export interface MailLocals {
  test: TestMailLocals;
  'reset-link': ResetLinkMailLocals;
  'password-changed': PasswordChangedMailLocals;
  'account-changed': AccountChangedMailLocals;
  'confirm-address': ConfirmAddressMailLocals;
  'confirm-new-address': ConfirmAddressMailLocals;
  'address-changed': AddressChangedMailLocals;
  'address-taken': AddressTakenMailLocals;
  'deletion-scheduled': DeletionScheduledMailLocals;
  'account-exists': AccountExistsMailLocals;
  'sign-in-code': SignInCodeMailLocals;
  'sign-in-link': SignInLinkMailLocals;
  'account-locked': AccountLockedMailLocals;
  'new-device': NewDeviceMailLocals;
  'approval-asked': ApprovalAskedMailLocals;
}

export type MailName = keyof MailLocals;

const everyMail: Readonly<Record<MailName, true>> = {
  test: true,
  'reset-link': true,
  'password-changed': true,
  'account-changed': true,
  'confirm-address': true,
  'confirm-new-address': true,
  'address-changed': true,
  'address-taken': true,
  'deletion-scheduled': true,
  'account-exists': true,
  'sign-in-code': true,
  'sign-in-link': true,
  'account-locked': true,
  'new-device': true,
  'approval-asked': true,
};

/** The names of all mails, in no particular order. */
export const mailNames = Object.keys(everyMail) as readonly MailName[];
