/** Who tries, from where. */
export interface ThrottleKeys {
  /**
   * The account: the user's id when the login is known, otherwise the login itself (`loginKey`). Unknown accounts are
   * held back just as known ones are.
   */
  readonly account: string;
  /** The client's IP address as text; IPv6 counts by its /64. */
  readonly address?: string | undefined;
  /** The browser, where this account was signed in to with it before: it has a count of its own, and no stranger raises it. */
  readonly device?: string | undefined;
}

/** Where a secret is tried: the address, and the browser if it is known to the account. */
export interface TryPlace {
  readonly address: string | undefined;
  readonly device: string | undefined;
}

/** What operators and people are to hear of. */
export type ThrottleNews =
  /** An account was locked: whose (as the keys called it), until when (milliseconds), and where the last try came from. */
  | { readonly kind: 'locked'; readonly account: string; readonly until: number; readonly address: string | undefined }
  /** Somebody tries many accounts: from one address, or without one from many. */
  | { readonly kind: 'spraying'; readonly address: string | undefined };

/** How an attempt that was let in ended. */
export type AttemptEnd = 'failed' | 'succeeded' | 'abandoned';

/** The answer at the door. What is allowed counts as a failure until it is settled, so that a burst cannot slip in. */
export type Entry =
  | { readonly allowed: true; settle(end: AttemptEnd): void }
  | { readonly allowed: false; readonly retryAfterSeconds: number };
