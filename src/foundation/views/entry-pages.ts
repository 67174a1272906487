/** What the pages need on which people come in anew, come back or leave: registration, recovery and sign-out, as `pages.ts` says it. */

import type {
  AppOnPage,
  BackTo,
  BusyProblem,
  HiddenFields,
  NewPasswordProblem,
  Reference,
  StrengthMeter,
  ThrottledProblem,
} from './pages.ts';

/** The app is for other people. */
export interface NotAllowedLocals extends Reference {
  readonly app: AppOnPage;
  /** How the person is called. */
  readonly account: string;
  readonly denyAction: string;
  readonly switchAction: string;
}

export interface ForgotLocals {
  /**
   * - `ask`: the form
   * - `sent`: the same for everybody, whether there is such an account or not
   * - `off`: there is no mail server, so no link can be sent
   */
  readonly state: 'ask' | 'sent' | 'off';
  readonly action: string;
  /** Back to signing in. */
  readonly backHref: string;
  /** What was typed, or the app's `login_hint`. */
  readonly email?: string | undefined;
  readonly problem?: { readonly kind: 'missing' } | ThrottledProblem | undefined;
}

export interface ResetLocals {
  readonly action: string;
  /** Whose password it is. */
  readonly email: string;
  /** Characters a password must have. */
  readonly minLength: number;
  readonly meter?: StrengthMeter | undefined;
  readonly problem?: { readonly kind: NewPasswordProblem } | BusyProblem | undefined;
}

export interface ResetLinkLocals extends Reference {
  readonly forgotHref: string;
}

export interface ResetDoneLocals {
  readonly backTo?: BackTo | undefined;
}

export interface RegisterLocals {
  /** As on the page for a forgotten password; `off` where nobody may register without an invitation. */
  readonly state: 'ask' | 'sent' | 'off';
  readonly action: string;
  /** Back to signing in. */
  readonly backHref: string;
  /** Characters a password must have. */
  readonly minLength: number;
  readonly meter?: StrengthMeter | undefined;
  /** The address that an invitation is for: it is not asked for. */
  readonly invited?: string | undefined;
  readonly email?: string | undefined;
  readonly problems?:
    | {
        readonly email?: 'missing' | 'invalid' | 'domain' | undefined;
        readonly password?: NewPasswordProblem | undefined;
      }
    | undefined;
  readonly wait?: ThrottledProblem | BusyProblem | undefined;
}

export interface ConfirmRegistrationLocals {
  readonly action: string;
  readonly email: string;
  /** True in another browser than the one in which the form was filled in. */
  readonly needsPassword: boolean;
  readonly problem?: { readonly kind: 'wrong' } | ThrottledProblem | BusyProblem | undefined;
}

export interface EmailSignInLocals {
  /**
   * - `ask`: the form for the address
   * - `code`, `link`: what was sent, the same for everybody, whether there is such an account or not
   */
  readonly state: 'ask' | 'code' | 'link';
  /** What is sent here. */
  readonly way: 'code' | 'link';
  readonly action: string;
  readonly codeAction: string;
  readonly backHref: string;
  /** What was typed, or the app's `login_hint`. */
  readonly email?: string | undefined;
  readonly problem?: { readonly kind: 'missing' | 'wrong' | 'over' } | ThrottledProblem | undefined;
}

/** `elsewhere`: in another browser than the one that asked for it. */
export type EmailLinkLocals =
  | { readonly state: 'confirm'; readonly action: string; readonly email: string }
  | (Reference & { readonly state: 'elsewhere' | 'over'; readonly againHref?: string | undefined });

export interface RegistrationDoneLocals {
  readonly backTo?: BackTo | undefined;
}

export interface LogoutConfirmLocals {
  readonly action: string;
  readonly hidden?: HiddenFields | undefined;
  readonly account?: string | undefined;
  /** The app that asked for it. */
  readonly app?: AppOnPage | undefined;
}

export interface LogoutDoneLocals {
  readonly backTo?: BackTo | undefined;
}
