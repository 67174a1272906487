import type { Operation } from '../../foundation/db/statement.ts';
import type { Passwords } from '../passwords/module.ts';
import type { AttemptEnd, Entry, Throttle } from '../throttle/module.ts';
import { loginKey, type User, type Users } from '../users/module.ts';

/** What became of a login and a password. */
export type LoginOutcome =
  | {
      readonly kind: 'signed-in';
      readonly user: User;
      readonly upgrade: Operation | undefined;
      /**
       * Call it once it is known whether the sign-in is complete (`succeeded`) or a code is still to come (`abandoned`):
       * who knows the password must not clear the count of wrong codes with it.
       */
      readonly settle: (end: AttemptEnd) => void;
    }
  | { readonly kind: 'missing' }
  /** The reason is for the audit only: the person is told the same whatever it was. */
  | { readonly kind: 'wrong'; readonly reason: WrongReason; readonly subject: string | undefined }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

export type WrongReason = 'unknown_login' | 'wrong_password' | 'account_disabled';

export interface Attempt {
  readonly login: string;
  readonly password: string;
  readonly address: string | undefined;
  /** The browser, if the account was signed in to with it before. Asked for unknown accounts as well. */
  readonly deviceOf: (account: string) => Promise<string | undefined>;
}

/**
 * Checks an e-mail address or username with a password. The work is the same for unknown people, so that neither the
 * answer nor its time tells who has an account. Throws what the password hash throws when it sheds load (503).
 */
export function createCheckLogin(parts: { users: Users; passwords: Passwords; throttle: Throttle }) {
  const { users, passwords, throttle } = parts;
  return async ({ login, password, address, deviceOf }: Attempt): Promise<LoginOutcome> => {
    if (login.trim() === '' || password === '') return { kind: 'missing' };
    const user = await users.findByLogin(login);
    const account = user?.id ?? loginKey(login) ?? 'unreadable';
    const entry = throttle.enter({ account, address, device: await deviceOf(account) });
    if (!entry.allowed) return { kind: 'throttled', retryAfterSeconds: entry.retryAfterSeconds };
    const { ok, upgrade } = await checked(entry, () => passwords.check(user?.id, password));
    const reason = wrongReason(user, ok);
    if (user === undefined || reason !== undefined) {
      entry.settle('failed');
      return { kind: 'wrong', reason: reason ?? 'unknown_login', subject: user?.id };
    }
    return { kind: 'signed-in', user, upgrade, settle: (end) => entry.settle(end) };
  };
}

/** Why this is no sign-in; undefined when it is one. A disabled person's password is checked all the same. */
function wrongReason(user: User | undefined, passwordIsRight: boolean): WrongReason | undefined {
  if (user === undefined) return 'unknown_login';
  if (!passwordIsRight) return 'wrong_password';
  return user.disabledAt === undefined ? undefined : 'account_disabled';
}

/** A check that never took place must not count against the person. */
async function checked<T>(entry: Entry & { allowed: true }, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    entry.settle('abandoned');
    throw error;
  }
}
