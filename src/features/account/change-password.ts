import type { Operation } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import type { By } from '../audit/module.ts';
import type { Passwords } from '../passwords/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { User } from '../users/module.ts';

/** What became of a change of password. */
export type PasswordOutcome =
  | { readonly kind: 'changed'; readonly operations: readonly Operation[] }
  | { readonly kind: 'missing' | 'wrong' }
  /** The policy forbids the new one: it is too short, or what the policy says besides. */
  | { readonly kind: 'refused'; readonly reason: 'short' | 'other' }
  /** Too many hashes wait: nothing was checked. */
  | { readonly kind: 'busy'; readonly retryAfter: number }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

/** What the form holds. */
export interface PasswordForm {
  readonly current: string;
  readonly wanted: string;
}

interface Parts {
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly settings: Pick<SettingsModule, 'current'>;
}

/**
 * Changes a person's own password. The current one has to be given, however fresh the sign-in is: somebody at a screen
 * that was left open must not become its owner. A wrong one counts as it does at the sign-in.
 */
export function createChangePassword({ passwords, throttle, settings }: Parts) {
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
      return explained(error, Array.from(wanted).length < settings.current().password.minLength);
    }
  };
}

function explained(error: unknown, isShort: boolean): PasswordOutcome {
  if (!(error instanceof AppError)) throw error;
  if (error.code === 'password_refused') return { kind: 'refused', reason: isShort ? 'short' : 'other' };
  if (error.code === 'busy') return { kind: 'busy', retryAfter: error.retryAfter ?? 1 };
  throw error;
}
