import type { Operation } from '../../foundation/db/statement.ts';
import type { BusyProblem } from '../../foundation/views/pages.ts';
import { busyProblem } from '../../foundation/views/waiting.ts';
import type { Mfa } from '../mfa/module.ts';
import type { Passwords } from '../passwords/module.ts';
import type { TryPlace } from '../throttle/module.ts';

/** What a person has to show once more, however fresh the sign-in is; `nothing` when they have nothing to type. */
export type Proving = 'password' | 'code' | 'nothing';

/** What became of it. */
export type AgainOutcome =
  /** `use` must commit with what it is shown for. */
  | { readonly kind: 'right'; readonly use: readonly Operation[] }
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong'; readonly reason: string }
  | BusyProblem
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

/** Asks people for what they know or have before something that cannot be taken back lightly (ASVS 7.5.1). */
export interface ProveAgain {
  what(userId: string): Promise<Proving>;
  check(userId: string, proof: string, at: TryPlace): Promise<AgainOutcome>;
}

export function createProveAgain({ passwords, mfa }: { passwords: Passwords; mfa: Mfa }): ProveAgain {
  const what = async (userId: string): Promise<Proving> => {
    if (await passwords.has(userId)) return 'password';
    return (await mfa.has(userId)) ? 'code' : 'nothing';
  };
  return {
    what,
    async check(userId, proof, at) {
      const proving = await what(userId);
      if (proving === 'nothing') return { kind: 'right', use: [] };
      if (proving === 'code') {
        const outcome = await mfa.verify({ userId, code: proof, ...at });
        return outcome.kind === 'right' ? { kind: 'right', use: [outcome.use] } : outcome;
      }
      try {
        const outcome = await passwords.prove(userId, proof, at);
        if (outcome.kind === 'right') return { kind: 'right', use: [] };
        return outcome.kind === 'wrong' ? { kind: 'wrong', reason: 'wrong_password' } : outcome;
      } catch (error) {
        const busy = busyProblem(error);
        if (!busy) throw error;
        return busy;
      }
    },
  };
}
