/** What pages show of other identity providers, and of the way to other sites, as `pages.ts` says it. */

import type { AppOnPage, HiddenFields } from './pages.ts';

/** Another provider that a person may sign in with. */
export interface ProviderOnPage {
  readonly name: string;
  /** What its button calls it. */
  readonly title: string;
  /** Whose brand it is: `google`, `microsoft`, … */
  readonly type: string;
  /** Where its button posts. */
  readonly action: string;
}

/** Why a sign-in with another provider came to nothing. */
export type ProviderProblem =
  | 'declined'
  | 'unavailable'
  | 'failed'
  | 'not-allowed'
  | 'unverified'
  | 'no-account'
  | 'disabled'
  | 'locked'
  | 'stale'
  | 'taken';

export interface LeavingForProviderLocals {
  readonly provider: string;
  readonly href: string;
  /** Whether the person goes there to sign out, having done so here. */
  readonly signsOut: boolean;
}

/** A form that posts itself where there is JavaScript: the answer to an app, on its way through the browser. */
export interface PostingLocals {
  readonly action: string;
  readonly hidden: HiddenFields;
  readonly app?: AppOnPage | undefined;
}

/** An identity at another provider that lets a person in. Times are milliseconds since the epoch. */
export interface IdentityInList {
  readonly id: string;
  /** What the provider is called. */
  readonly title: string;
  readonly type?: string | undefined;
  /** How the provider calls the person. */
  readonly label?: string | undefined;
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
}
