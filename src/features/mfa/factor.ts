import type { Passkey } from '../passkeys/module.ts';

/** What a person has beside their password. */
export interface Factors {
  /** Their authenticator app. Times are milliseconds since the epoch. */
  readonly totp?: { readonly createdAt: number; readonly lastUsedAt?: number | undefined };
  readonly passkeys: readonly Passkey[];
  readonly recoveryCodesLeft: number;
}

/**
 * What a sign-in needs beside the password: nothing, a code of a factor that the person has, or that they set one up
 * because they have none.
 */
export type Need = 'nothing' | 'factor' | 'enrolment';

/** By what a second step was taken. */
export type FactorMethod = 'totp' | 'recovery_code' | 'passkey';
