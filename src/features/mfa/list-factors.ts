import type { Passkeys } from '../passkeys/module.ts';
import { exportedTime } from '../users/module.ts';
import type { Factors } from './factor.ts';
import type { MfaStore } from './store.ts';

/** What people have beside their password, without what is secret of it. */
export function createListFactors(store: Pick<MfaStore, 'find' | 'codes'>, passkeys: Pick<Passkeys, 'list'>) {
  return async (userId: string): Promise<Factors> => {
    const [factor, keys, codes] = await Promise.all([store.find(userId), passkeys.list(userId), store.codes(userId)]);
    const totp = factor && { createdAt: factor.createdAt, lastUsedAt: factor.lastUsedAt };
    return { ...(totp ? { totp } : {}), passkeys: keys, recoveryCodesLeft: codes.length };
  };
}

/** The same as an export has it. */
export const factorsHeld = ({ totp, passkeys, recoveryCodesLeft }: Factors) => ({
  authenticator_app: totp && {
    added_at: exportedTime(totp.createdAt),
    last_used_at: exportedTime(totp.lastUsedAt),
  },
  passkeys: passkeys.map(({ name, createdAt, lastUsedAt }) => ({
    name,
    added_at: exportedTime(createdAt),
    last_used_at: exportedTime(lastUsedAt),
  })),
  recovery_codes_left: recoveryCodesLeft,
});
