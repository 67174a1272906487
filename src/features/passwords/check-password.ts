import type { PasswordHash } from '../../foundation/crypto/password-hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import type { PasswordStore } from './store.ts';

export function createCheckPassword({ passwordHash, store }: { passwordHash: PasswordHash; store: PasswordStore }) {
  /** Whether the password belongs to the hash; the same work where there is none. */
  async function matches(hash: string | undefined, password: string): Promise<boolean> {
    try {
      return await (hash === undefined ? passwordHash.verifyUnknown(password) : passwordHash.verify(hash, password));
    } catch (error) {
      // Nobody's password is that long; the passwordHash refused it before doing any work, for known and unknown people alike.
      if (error instanceof AppError && error.code === 'password_too_long') return false;
      throw error;
    }
  }

  return {
    matches: (phc: string, password: string): Promise<boolean> => matches(phc, password),
    async check(userId: string | undefined, password: string): Promise<{ ok: boolean; upgrade?: Operation }> {
      // Unknown people cost a look-up too, or its time would tell them from known ones.
      const hash = await store.find(userId ?? '');
      if (!(await matches(hash, password))) return { ok: false };
      if (userId === undefined || hash === undefined || !passwordHash.needsRehash(hash))
        return { ok: hash !== undefined };
      return { ok: true, upgrade: store.replace(userId, await passwordHash.hash(password), hash) };
    },
  };
}
