import type { BusyProblem, NewPasswordProblem, Reference, StrengthMeter } from './pages.ts';

/** What the pages of the first start need, as `pages.ts` says it. */
export interface SetUpLocals {
  readonly action: string;
  /** Characters a password must have. */
  readonly minLength: number;
  readonly meter?: StrengthMeter | undefined;
  readonly email?: string | undefined;
  readonly problems?:
    | {
        readonly email?: 'missing' | 'invalid' | 'taken' | undefined;
        readonly password?: NewPasswordProblem | undefined;
      }
    | undefined;
  /** The server sheds work: nothing was stored. */
  readonly busy?: BusyProblem | undefined;
}

export interface SetUpLinkLocals extends Reference {
  readonly reason: 'unknown' | 'used' | 'expired';
  readonly signInHref?: string | undefined;
}
