/** What the steps beside the password need: second factors, their enrolment, a new password; as `pages.ts` says it. */

import type {
  AppOnPage,
  BusyProblem,
  HiddenFields,
  NewPasswordProblem,
  PasskeyOnPage,
  PasskeyProblem,
  StrengthMeter,
  ThrottledProblem,
} from './pages.ts';

/** Why a typed code was not taken. */
export type CodeProblem = { readonly kind: 'missing' | 'wrong' | 'used' | 'expired' } | ThrottledProblem;

/** Whom a further step of a sign-in is for, and the ways out of it. */
interface StepLocals {
  readonly app?: AppOnPage | undefined;
  /** How the person is called: e-mail or username. */
  readonly account: string;
  readonly denyAction: string;
  readonly switchAction: string;
}

/** By what a second step may be taken. */
export type SecondFactorWay = 'passkey' | 'app' | 'recovery';

export interface SecondFactorLocals extends StepLocals {
  readonly action: string;
  /** Where "use another way" posts, and which way that is. */
  readonly otherWayAction: string;
  readonly otherWay?: SecondFactorWay | undefined;
  /** Which factor the page speaks of; a code of either kind is taken by the same form. */
  readonly way: SecondFactorWay;
  /** Given with the way `passkey`. */
  readonly passkey?: PasskeyOnPage | undefined;
  /** For how many days a browser may go without this step; left out where it may not. */
  readonly rememberDays?: number | undefined;
  /** True when it is asked for because the sign-in was used in an odd way. */
  readonly unusual?: boolean | undefined;
  readonly problem?: CodeProblem | undefined;
}

/** An authenticator app that is being set up. */
export interface TotpOnPage {
  /** In base32, to be typed where no camera is. */
  readonly secret: string;
  /** Opens the app on a phone. */
  readonly uri: string;
  /** The same as a drawing of `size` by `size` modules. */
  readonly qr: { readonly size: number; readonly path: string };
  readonly hidden: HiddenFields;
}

export interface EnrolmentLocals extends StepLocals {
  readonly action: string;
  readonly totp: TotpOnPage;
  readonly passkey?: PasskeyOnPage | undefined;
  readonly passkeyProblem?: PasskeyProblem | 'taken' | undefined;
  readonly problem?: CodeProblem | undefined;
}

/** A new password in place of one that is too old. */
export interface NewPasswordLocals extends StepLocals {
  readonly action: string;
  /** Characters a password must have. */
  readonly minLength: number;
  readonly meter?: StrengthMeter | undefined;
  readonly problem?: { readonly kind: NewPasswordProblem } | BusyProblem | undefined;
}

export interface RecoveryCodesLocals {
  readonly app?: AppOnPage | undefined;
  /** Shown this once. */
  readonly recoveryCodes: readonly string[];
  readonly nextHref: string;
}
