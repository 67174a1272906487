/** What the pages of `/account` need, as `pages.ts` says it. */

import type { BusyProblem, CodeProblem, NewPasswordProblem, ThrottledProblem, TotpOnPage } from './pages.ts';

/** One of a person's sign-ins. Times are milliseconds since the epoch. */
export interface SignInInList {
  readonly id: string;
  readonly startedAt: number;
  readonly lastSeenAt: number;
  /** This browser's own. */
  readonly here: boolean;
}

export interface AccountLocals {
  /** Given while nobody is signed in. */
  readonly signInHref?: string | undefined;
  readonly signedIn?:
    | {
        /** How the person is called: e-mail or username. */
        readonly account: string;
        /** What was done on the page before. */
        readonly done?: 'password' | 'factor-removed' | 'session' | undefined;
        /** Left out where there are to be no second factors. */
        readonly factors?:
          | {
              readonly totp?: { readonly createdAt: number; readonly lastUsedAt?: number | undefined };
              readonly recoveryCodesLeft: number;
            }
          | undefined;
        readonly password: {
          /** Characters that a new one must have. */
          readonly minLength: number;
          readonly problem?:
            | { readonly kind: 'missing' | 'wrong' }
            | { readonly kind: 'refused'; readonly reason: NewPasswordProblem }
            | ThrottledProblem
            | BusyProblem
            | undefined;
        };
        readonly sessions: readonly SignInInList[];
      }
    | undefined;
}

export interface AuthenticatorLocals {
  readonly totp: TotpOnPage;
  readonly problem?: CodeProblem | undefined;
}

export interface RemoveFactorLocals {
  readonly problem?: CodeProblem | undefined;
}

export interface NewRecoveryCodesLocals {
  /** Shown this once. */
  readonly recoveryCodes: readonly string[];
}
