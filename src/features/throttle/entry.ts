/** Who tries, from where. */
export interface ThrottleKeys {
  /**
   * The account: the user's id when the login is known, otherwise the login itself (`loginKey`). Unknown accounts are
   * held back just as known ones are.
   */
  readonly account: string;
  /** The client's IP address as text; IPv6 counts by its /64. */
  readonly address?: string | undefined;
}

/** How an attempt that was let in ended. */
export type AttemptEnd = 'failed' | 'succeeded' | 'abandoned';

/** The answer at the door. What is allowed counts as a failure until it is settled, so that a burst cannot slip in. */
export type Entry =
  | { readonly allowed: true; settle(end: AttemptEnd): void }
  | { readonly allowed: false; readonly retryAfterSeconds: number };
