/**
 * What each page needs in order to be shown: one interface a page, gathered in `PageLocals`.
 * Times are milliseconds since the epoch, waits are seconds. Everything is escaped when it is rendered, so plain text
 * goes in. Problems are named by kind; the words for them are in `views/locales`.
 */

import type {
  AccountLocals,
  ActivityLocals,
  AddressDoneLocals,
  ApprovalsLocals,
  AuthenticatorLocals,
  ConfirmAddressLocals,
  DeleteAccountLocals,
  EmailLocals,
  LeavingLocals,
  NewRecoveryCodesLocals,
  ProfileLocals,
  RemoveFactorLocals,
  ReturnedLocals,
  UndoAddressLocals,
} from './account-pages.ts';
import type { DeviceCodeInputLocals, DeviceConfirmLocals, DeviceDoneLocals } from './device-pages.ts';
import type {
  ConfirmRegistrationLocals,
  EmailLinkLocals,
  EmailSignInLocals,
  ForgotLocals,
  LogoutConfirmLocals,
  LogoutDoneLocals,
  NotAllowedLocals,
  RegisterLocals,
  RegistrationDoneLocals,
  ResetDoneLocals,
  ResetLinkLocals,
  ResetLocals,
} from './entry-pages.ts';
import type { LeavingForProviderLocals, PostingLocals, ProviderOnPage, ProviderProblem } from './provider-pages.ts';
import type { ConfirmSafeguardLocals, SafeguardDoneLocals } from './safeguard-pages.ts';
import type { SetUpLinkLocals, SetUpLocals } from './set-up-pages.ts';
import type { EnrolmentLocals, NewPasswordLocals, RecoveryCodesLocals, SecondFactorLocals } from './step-pages.ts';

/** The app (relying party) that sent the person here, as far as the page shows it. */
export interface AppOnPage {
  readonly name: string;
  /** Address of its logo on our own origin; without one its initial is shown. */
  readonly logoHref?: string | undefined;
  /** Host of the app, such as `books.example`: what a person can compare with the address bar. */
  readonly host?: string | undefined;
  readonly policyHref?: string | undefined;
  readonly termsHref?: string | undefined;
}

/** The way back to an app: where the button leads. */
export interface BackTo {
  readonly name: string;
  readonly href: string;
}

/** Hidden fields that travel with a form, by name. */
export type HiddenFields = Readonly<Record<string, string>>;

/** Too many failed tries; `until` is when the next one counts, `retryAfter` the same as a wait. */
export interface ThrottledProblem {
  readonly kind: 'throttled';
  readonly retryAfter: number;
  readonly until: number;
}

/** The server sheds work: nothing was checked. */
export interface BusyProblem {
  readonly kind: 'busy';
  readonly retryAfter: number;
}

/** What is wrong with a password that somebody chose; the passwords room finds it. */
export type NewPasswordProblem =
  | 'missing'
  | 'short'
  | 'long'
  | 'characters'
  | 'own'
  | 'upper'
  | 'lower'
  | 'digit'
  | 'special'
  | 'common'
  | 'breached'
  | 'former'
  | 'weak';

/** What a page hands to the browser to use a passkey, or to make one. Its form is shown by script only. */
export interface PasskeyOnPage {
  readonly action: string;
  /** Options of `navigator.credentials` as JSON. */
  readonly options: string;
  /** Travels with the form: the challenge, sealed. */
  readonly challenge: string;
}

/** Why a passkey was not taken. */
export type PasskeyProblem = 'missing' | 'wrong' | 'expired';

export interface SignInLocals {
  readonly action: string;
  /** Left out when the person signs in to look after this server or their account. */
  readonly app?: AppOnPage | undefined;
  /** Where `deny` posts; without it there is no way back to offer. */
  readonly denyAction?: string | undefined;
  /** Where somebody goes who has forgotten the password. */
  readonly forgotHref?: string | undefined;
  /** Where somebody goes who would rather have a code or link by mail. */
  readonly email?: { readonly way: 'code' | 'link'; readonly href: string } | undefined;
  /** Where somebody goes who has no account; left out where nobody may register. */
  readonly registerHref?: string | undefined;
  /** The box by which a person stays signed in; left out where nobody may. */
  readonly rememberMe?: { readonly ticked: boolean } | undefined;
  /** What was typed, or the app's `login_hint`. */
  readonly login?: string | undefined;
  /** True when a person who is signed in has to prove it again (`prompt=login`, `max_age`). */
  readonly again?: boolean | undefined;
  /** True when that is because the sign-in was used in an odd way. */
  readonly unusual?: boolean | undefined;
  /** Left out where a passkey was taken already. */
  readonly passkey?: PasskeyOnPage | undefined;
  /** Other providers. */
  readonly providers?: readonly ProviderOnPage[] | undefined;
  /** An identity that is connected once its account's person has signed in. */
  readonly awaiting?: { readonly provider: string; readonly account: string } | undefined;
  /** Whose passkey was taken without checking its person: their password comes next. */
  /** Whose mailbox was shown, where that is not enough. */
  readonly emailOf?: string | undefined;
  readonly passkeyOf?: string | undefined;
  readonly problem?:
    | { readonly kind: 'missing' | 'wrong' }
    | { readonly kind: 'passkey'; readonly why: PasskeyProblem }
    | { readonly kind: 'provider'; readonly why: ProviderProblem; readonly provider: string }
    | ThrottledProblem
    | BusyProblem
    | undefined;
}

export interface ConsentScope {
  /** The scope's name; the standard ones have words of their own. */
  readonly name: string;
  /** What an operator wrote about a scope of a resource. */
  readonly description?: string | undefined;
  /** What an API says of a single thing that is asked for, such as one payment; `name` is its kind. */
  readonly sentence?: string | undefined;
  /** What will actually be handed over, such as the e-mail address itself. */
  readonly shows?: readonly string[] | undefined;
}

export interface ConsentLocals {
  readonly app: AppOnPage;
  /** How the signed-in person is called: e-mail or username. */
  readonly account: string;
  readonly scopes: readonly ConsentScope[];
  readonly allowAction: string;
  readonly denyAction: string;
  /** Where "Not you?" posts. */
  readonly switchAction?: string | undefined;
}

/** What every error page carries, so that the person's report finds the log line. */
export interface Reference {
  /** For programs and support, such as `invalid_request`. */
  readonly code: string;
  /** The request's id. */
  readonly reference: string;
  readonly time: number;
}

export interface StartAgainLocals extends Reference {
  /** `expired`: too old, unknown or bookmarked. `finished`: the person came back to a step that is done. */
  readonly reason: 'expired' | 'finished';
  readonly backTo?: BackTo | undefined;
}

export interface CookiesOffLocals extends Reference {
  readonly backTo?: BackTo | undefined;
}

/**
 * - `app-request`: the app asked for something that cannot be answered; its people have to act
 * - `not-found`, `wrong-method`, `bad-request`: the address, the way it was called or what was sent is at fault
 * - `refused`: a form that did not come from our own page; `not-allowed`: signed in, but without the right
 * - `too-many`, `unavailable`, `failed`: waiting or the operator helps
 */
export type ErrorKind =
  | 'app-request'
  | 'not-found'
  | 'wrong-method'
  | 'bad-request'
  | 'refused'
  | 'not-allowed'
  | 'too-many'
  | 'unavailable'
  | 'failed';

export interface ErrorLocals extends Reference {
  readonly kind: ErrorKind;
  /** The app concerned, when known. */
  readonly app?: { readonly name: string } | undefined;
  /** One sentence for the app's developers, such as `error_description`. Never a cause or a stack. */
  readonly detail?: string | undefined;
  readonly backTo?: BackTo | undefined;
  readonly retryAfter?: number | undefined;
}

/** What a strength meter goes by: the least score, and words that are no secret about the person. */
export interface StrengthMeter {
  readonly least: number;
  readonly words: readonly string[];
}

/** The form that connects an app, with what was typed and what is wrong with it. */
export interface AppFormLocals {
  readonly action: string;
  readonly name?: string | undefined;
  readonly redirectUri?: string | undefined;
  readonly problems?:
    | {
        readonly name?: 'missing' | 'long' | undefined;
        readonly redirectUri?: 'missing' | 'invalid' | 'insecure' | 'fragment' | undefined;
      }
    | undefined;
}

export interface AppInList {
  readonly name: string;
  readonly clientId: string;
  readonly host?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** True for an app that may sign people in without PKCE: shown as a warning. */
  readonly withoutPkce?: boolean | undefined;
}

export interface HomeLocals {
  /** True while nobody can administer this server. */
  readonly needsSetUp?: boolean | undefined;
  /** Given while nobody is signed in. */
  readonly signInHref?: string | undefined;
  /** The person who is signed in. */
  readonly account?:
    | { readonly label: string; readonly signOutAction: string; readonly accountHref: string }
    | undefined;
  /** Given to administrators only. */
  readonly admin?: { readonly apps: readonly AppInList[]; readonly form: AppFormLocals } | undefined;
}

export interface FirstAppCreatedLocals {
  readonly name: string;
  readonly clientId: string;
  /** Shown this once. */
  readonly clientSecret: string;
  readonly redirectUri: string;
  readonly endpoints: { readonly discovery: string; readonly token: string; readonly introspection: string };
  /** True when the app may fetch tokens for itself (client credentials). */
  readonly service?: boolean | undefined;
  readonly homeHref: string;
}

/** Every page and what it takes. The name is the template's path below `views/`. */
export interface PageLocals {
  'interaction/sign-in': SignInLocals;
  'interaction/consent': ConsentLocals;
  'interaction/leaving': LeavingForProviderLocals;
  'interaction/posting': PostingLocals;
  'interaction/email': EmailSignInLocals;
  'interaction/email-link': EmailLinkLocals;
  'interaction/second-factor': SecondFactorLocals;
  'interaction/enrolment': EnrolmentLocals;
  'interaction/new-password': NewPasswordLocals;
  'interaction/recovery-codes': RecoveryCodesLocals;
  'interaction/device-code-input': DeviceCodeInputLocals;
  'interaction/device-confirm': DeviceConfirmLocals;
  'interaction/device-done': DeviceDoneLocals;
  'interaction/start-again': StartAgainLocals;
  'interaction/not-allowed': NotAllowedLocals;
  'interaction/cookies-off': CookiesOffLocals;
  'logout/confirm': LogoutConfirmLocals;
  'logout/done': LogoutDoneLocals;
  'errors/error': ErrorLocals;
  'recovery/forgot': ForgotLocals;
  'recovery/reset': ResetLocals;
  'recovery/link': ResetLinkLocals;
  'recovery/done': ResetDoneLocals;
  'registration/register': RegisterLocals;
  'registration/confirm': ConfirmRegistrationLocals;
  'registration/link': Reference;
  'registration/done': RegistrationDoneLocals;
  'set-up/set-up': SetUpLocals;
  'set-up/link': SetUpLinkLocals;
  'account/account': AccountLocals;
  'account/authenticator': AuthenticatorLocals;
  'account/email': EmailLocals;
  'account/profile': ProfileLocals;
  'account/activity': ActivityLocals;
  'account/approvals': ApprovalsLocals;
  'account/delete': DeleteAccountLocals;
  'account/leaving': LeavingLocals;
  'account/returned': ReturnedLocals;
  'account/remove-factor': RemoveFactorLocals;
  'account/recovery-codes': NewRecoveryCodesLocals;
  'address/confirm': ConfirmAddressLocals;
  'address/undo': UndoAddressLocals;
  'address/done': AddressDoneLocals;
  'address/link': Reference;
  'safeguards/confirm': ConfirmSafeguardLocals;
  'safeguards/done': SafeguardDoneLocals;
  'safeguards/link': Reference;
  'console/home': HomeLocals;
  'console/first-app-created': FirstAppCreatedLocals;
}

export type PageName = keyof PageLocals;

const everyPage: Readonly<Record<PageName, true>> = {
  'interaction/sign-in': true,
  'interaction/consent': true,
  'interaction/leaving': true,
  'interaction/posting': true,
  'interaction/email': true,
  'interaction/email-link': true,
  'interaction/second-factor': true,
  'interaction/enrolment': true,
  'interaction/new-password': true,
  'interaction/recovery-codes': true,
  'interaction/device-code-input': true,
  'interaction/device-confirm': true,
  'interaction/device-done': true,
  'interaction/start-again': true,
  'interaction/not-allowed': true,
  'interaction/cookies-off': true,
  'logout/confirm': true,
  'logout/done': true,
  'errors/error': true,
  'recovery/forgot': true,
  'recovery/reset': true,
  'recovery/link': true,
  'recovery/done': true,
  'registration/register': true,
  'registration/confirm': true,
  'registration/link': true,
  'registration/done': true,
  'set-up/set-up': true,
  'set-up/link': true,
  'account/account': true,
  'account/authenticator': true,
  'account/email': true,
  'account/profile': true,
  'account/activity': true,
  'account/approvals': true,
  'account/delete': true,
  'account/leaving': true,
  'account/returned': true,
  'account/remove-factor': true,
  'account/recovery-codes': true,
  'address/confirm': true,
  'address/undo': true,
  'address/done': true,
  'address/link': true,
  'safeguards/confirm': true,
  'safeguards/done': true,
  'safeguards/link': true,
  'console/home': true,
  'console/first-app-created': true,
};

/** The names of all pages, in no particular order. */
export const pageNames = Object.keys(everyPage) as readonly PageName[];
