import { equalHashes } from '../../foundation/crypto/hash.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Throttle, TryPlace } from '../throttle/module.ts';
import type { User, Users } from '../users/module.ts';
import { plainCode, secretHashes } from './secret.ts';
import type { EmailSignInStore, OpenEmailSignIn } from './store.ts';

/** What became of a code that was typed. */
export type EmailCodeOutcome =
  | { readonly kind: 'right'; readonly user: User; readonly id: string }
  | { readonly kind: 'missing' }
  /** `subject` is for the audit only. */
  | { readonly kind: 'wrong'; readonly subject: string | undefined }
  /** Too old, used, tried too often, or of another browser. */
  | { readonly kind: 'over' }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

export interface CheckParts {
  readonly keyRing: KeyRing;
  readonly users: Users;
  readonly throttle: Throttle;
  readonly store: EmailSignInStore;
}

export interface CheckSecret {
  /** Checks a code. The same work and the same answers where nothing was sent, as nobody has that account. */
  code(one: OpenEmailSignIn | undefined, typed: string, at: TryPlace): Promise<EmailCodeOutcome>;
  /** Whose link it is; undefined when it is not this one, or the account may not be used. */
  link(one: OpenEmailSignIn | undefined, secret: string): Promise<User | undefined>;
}

/** What its failures count for. Who named nobody's account is held back just as others are. */
export const accountOf = (one: OpenEmailSignIn | undefined): string => one?.userId ?? one?.loginKey ?? '';

export function createCheckSecret({ keyRing, users, throttle, store }: CheckParts): CheckSecret {
  const hashOf = secretHashes(keyRing);

  async function ownerOf({ id, userId, secretHash }: OpenEmailSignIn, secret: string): Promise<User | undefined> {
    const isRight = equalHashes(hashOf(id, secret), secretHash ?? hashOf(id, ''));
    const user = await users.find(userId ?? '');
    return isRight && secretHash !== undefined && user?.disabledAt === undefined ? user : undefined;
  }

  return {
    async code(one, typed, at) {
      const code = plainCode(typed);
      if (code === '') return { kind: 'missing' };
      if (one === undefined) return { kind: 'over' };
      const entry = throttle.enter({ account: accountOf(one), ...at });
      if (!entry.allowed) return { kind: 'throttled', retryAfterSeconds: entry.retryAfterSeconds };
      if (!(await store.countTry(one.id))) return { kind: 'over' };
      const user = await ownerOf(one, code);
      if (user === undefined) {
        entry.settle('failed');
        return { kind: 'wrong', subject: one.userId };
      }
      // Not `succeeded`: who reads the mailbox must not clear the count of wrong codes of a second factor.
      entry.settle('abandoned');
      return { kind: 'right', user, id: one.id };
    },
    link: async (one, secret) => one && ownerOf(one, secret),
  };
}
