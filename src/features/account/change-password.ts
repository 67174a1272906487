import type { Operation } from '../../foundation/db/statement.ts';
import type { BusyProblem } from '../../foundation/views/pages.ts';
import { busyProblem } from '../../foundation/views/waiting.ts';
import type { By } from '../audit/module.ts';
import { type PasswordProblemKind, type Passwords, refusedPassword } from '../passwords/module.ts';
import type { TryPlace } from '../throttle/module.ts';
import type { User } from '../users/module.ts';

/** What became of a change of password. */
export type PasswordOutcome =
  | { readonly kind: 'changed'; readonly operations: readonly Operation[] }
  | { readonly kind: 'missing' | 'wrong' }
  /** The policy forbids the new one. */
  | { readonly kind: 'refused'; readonly reason: PasswordProblemKind }
  | BusyProblem
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

/** What the form holds, and where. */
export interface PasswordForm {
  readonly at: TryPlace;
  readonly current: string;
  readonly wanted: string;
}

/**
 * Changes a person's own password. The current one has to be given, however fresh the sign-in is: somebody at a screen
 * that was left open must not become its owner. A wrong one counts as it does at the sign-in.
 */
export function createChangePassword({ passwords }: { passwords: Passwords }) {
  return async (user: User, { current, wanted, at }: PasswordForm, by: By): Promise<PasswordOutcome> => {
    if (wanted === '') return { kind: 'missing' };
    try {
      const proof = await passwords.prove(user.id, current, at);
      if (proof.kind === 'throttled') return proof;
      if (proof.kind !== 'right') return { kind: proof.kind };
      return { kind: 'changed', operations: await passwords.set(user.id, wanted, user, by) };
    } catch (error) {
      return explained(error);
    }
  };
}

function explained(error: unknown): PasswordOutcome {
  const reason = refusedPassword(error);
  const outcome = reason === undefined ? busyProblem(error) : ({ kind: 'refused', reason } as const);
  if (!outcome) throw error;
  return outcome;
}
