import type { Throttle, TryPlace } from '../throttle/module.ts';
import type { createCheckPassword } from './check-password.ts';

/** What became of a password that a person was asked for once more. */
export type PasswordProof =
  | { readonly kind: 'right' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

interface Parts extends Pick<ReturnType<typeof createCheckPassword>, 'check'> {
  readonly throttle: Throttle;
}

/** Checks the password of who is known already; counted like one at the sign-in, or a stolen session could try them all. */
export function createProvePassword({ check, throttle }: Parts) {
  return async (userId: string, password: string, at: TryPlace): Promise<PasswordProof> => {
    if (password === '') return { kind: 'missing' };
    const entry = throttle.enter({ account: userId, ...at });
    if (!entry.allowed) return { kind: 'throttled', retryAfterSeconds: entry.retryAfterSeconds };
    try {
      const { ok } = await check(userId, password);
      entry.settle(ok ? 'succeeded' : 'failed');
      return ok ? { kind: 'right' } : { kind: 'wrong' };
    } catch (error) {
      entry.settle('abandoned');
      throw error;
    }
  };
}
