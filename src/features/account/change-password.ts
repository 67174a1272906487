import type { Operation } from '../../foundation/db/statement.ts';
import type { BusyProblem } from '../../foundation/views/pages.ts';
import { busyProblem } from '../../foundation/views/waiting.ts';
import type { By } from '../audit/module.ts';
import { type PasswordProblemKind, type Passwords, refusedPassword } from '../passwords/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { User } from '../users/module.ts';

/** What became of a change of password. */
export type PasswordOutcome =
  | { readonly kind: 'changed'; readonly operations: readonly Operation[] }
  | { readonly kind: 'missing' | 'wrong' }
  /** The policy forbids the new one. */
  | { readonly kind: 'refused'; readonly reason: PasswordProblemKind }
  | BusyProblem
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

/** What the form holds. */
export interface PasswordForm {
  readonly current: string;
  readonly wanted: string;
}

interface Parts {
  readonly passwords: Passwords;
  readonly throttle: Throttle;
}

/**
 * Changes a person's own password. The current one has to be given, however fresh the sign-in is: somebody at a screen
 * that was left open must not become its owner. A wrong one counts as it does at the sign-in.
 */
export function createChangePassword({ passwords, throttle }: Parts) {
  async function isRight(userId: string, password: string, address: string | undefined) {
    const entry = throttle.enter({ account: userId, address });
    if (!entry.allowed) return entry;
    try {
      const { ok } = await passwords.check(userId, password);
      entry.settle(ok ? 'succeeded' : 'failed');
      return { allowed: true, ok } as const;
    } catch (error) {
      entry.settle('abandoned');
      throw error;
    }
  }

  return async (user: User, { current, wanted }: PasswordForm, by: By): Promise<PasswordOutcome> => {
    if (current === '' || wanted === '') return { kind: 'missing' };
    try {
      const checked = await isRight(user.id, current, by.facts.ip);
      if (!checked.allowed) return { kind: 'throttled', retryAfterSeconds: checked.retryAfterSeconds };
      if (!checked.ok) return { kind: 'wrong' };
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
