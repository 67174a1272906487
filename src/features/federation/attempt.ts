import type { Arrival } from './arrival.ts';

/** What went wrong on the way, as pages tell it. */
export const problems = [
  /** The person, or the provider in their name, declined. */
  'declined',
  /** The provider could not be reached, took too long, or is resting after too many failures. */
  'unavailable',
  /** What it answered does not hold. */
  'failed',
  /** The person does not meet what the operator asks for. */
  'not-allowed',
  /** It does not vouch for an address, so no account can be made of it. */
  'unverified',
  /** There is no account, and none is made. */
  'no-account',
  /** The account may not be used. */
  'disabled',
  /** The account is locked after too many tries. */
  'locked',
  /** The person was to sign in anew, and the provider did not ask them to. */
  'stale',
  /** The identity belongs to another account here. */
  'taken',
] as const;

export type AttemptProblem = (typeof problems)[number];

/** What is kept for the way to a provider and back. */
export interface Way {
  readonly nonce: string;
  readonly verifier: string;
  /** Whether the person was to prove anew who they are. */
  readonly anew: boolean;
}

/** A way to a provider that has been set out on. */
export interface NewAttempt {
  /** The hash of `state`. */
  readonly id: string;
  readonly provider: string;
  /** The hash of what the cookie of the browser holds that set out. */
  readonly browserHash: string;
  /** The interaction that it is for; none where an account is to be connected. */
  readonly uid?: string | undefined;
  /** Who is to be connected: by their session, or once they have proved it. */
  readonly userId?: string | undefined;
  readonly signInId?: string | undefined;
  readonly way: Way;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** One that is known. */
export interface Attempt extends Omit<NewAttempt, 'expiresAt'> {
  readonly arrival: Arrival | undefined;
  readonly problem: AttemptProblem | undefined;
  readonly createdAt: number;
  /** Whether it came back and waits to be taken up. */
  readonly isFiled: boolean;
}

/** How long a way may take, in milliseconds: registering there is part of it. */
export const attemptMs = 30 * 60 * 1000;

/** How much earlier than we sent somebody a provider's clock may say that they signed in, in seconds. */
export const toleranceSeconds = 60;
