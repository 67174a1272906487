import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Throttle } from '../throttle/module.ts';
import type { FactorMethod } from './factor.ts';
import { findCode, recoveryHash } from './recovery-codes.ts';
import type { MfaStore } from './store.ts';
import { looksLikeTotp, stepOf } from './totp.ts';

/** What became of a typed code. */
export type CodeOutcome =
  /** `use` must commit with what the code is taken for: of any number of racers it hits for one. */
  | { readonly kind: 'right'; readonly method: Exclude<FactorMethod, 'passkey'>; readonly use: Operation }
  | { readonly kind: 'missing' }
  /** The reason is for the audit; `used` is also told to the person, who has to wait for the next one. */
  | { readonly kind: 'wrong'; readonly reason: 'wrong_code' | 'code_used' }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

/** A code that somebody typed for an account. */
export interface CodeAttempt {
  readonly userId: string;
  readonly code: string;
  readonly address: string | undefined;
  /** The browser, if the account was signed in to with it before. */
  readonly device?: string | undefined;
}

interface Parts {
  readonly clock: Clock;
  readonly throttle: Throttle;
  readonly store: MfaStore;
}

/** Checks a code of the person's app, or one of their recovery codes. Every try counts, as one of a password does. */
export function createVerifyCode({ clock, throttle, store }: Parts) {
  async function check(userId: string, code: string): Promise<CodeOutcome> {
    const wrong = { kind: 'wrong', reason: 'wrong_code' } as const;
    if (!looksLikeTotp(code)) {
      const found = findCode(await store.codes(userId), recoveryHash(userId, code));
      return found ? { kind: 'right', method: 'recovery_code', use: store.useCode(found.id) } : wrong;
    }
    const factor = await store.find(userId);
    const step = factor && stepOf(factor.secret, code, clock.now());
    if (factor === undefined || step === undefined) return wrong;
    if (step <= factor.lastStep) return { kind: 'wrong', reason: 'code_used' };
    return { kind: 'right', method: 'totp', use: store.useStep(factor.id, step) };
  }

  return async ({ userId, code: typed, address, device }: CodeAttempt): Promise<CodeOutcome> => {
    const code = typed.replaceAll(/\s/g, '');
    if (code === '') return { kind: 'missing' };
    const entry = throttle.enter({ account: userId, address, device });
    if (!entry.allowed) return { kind: 'throttled', retryAfterSeconds: entry.retryAfterSeconds };
    try {
      const outcome = await check(userId, code);
      entry.settle(outcome.kind === 'right' ? 'succeeded' : 'failed');
      return outcome;
    } catch (error) {
      entry.settle('abandoned');
      throw error;
    }
  };
}
