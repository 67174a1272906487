import type { Mfa } from '../mfa/module.ts';
import { houseClientId } from '../protocol/module.ts';
import type { Arrival } from './arrival.ts';
import { type Attempt, toleranceSeconds } from './attempt.ts';
import type { Provider } from './provider.ts';

/** Somebody for whom a provider vouches where they were to sign in anew. */
export interface Returned {
  readonly provider: Provider;
  readonly attempt: Pick<Attempt, 'way'>;
  readonly arrival: Arrival;
  readonly clientId: string;
}

export interface FreshnessParts {
  readonly mfa: Pick<Mfa, 'need'>;
  /** Whether somebody has a password or a passkey here. */
  readonly hasOwnWay: (userId: string) => Promise<boolean>;
}

/** Whether an app wants the person to sign in anew, and the provider is silent on whether they did (OpenID Connect Core §3.1.2.1). */
export const isSilent = ({ provider, attempt, arrival }: Omit<Returned, 'clientId'>): boolean =>
  attempt.way.anew && arrival.authTime === undefined && provider.definition.policy.reauthentication !== 'trust';

/**
 * Whether a provider's silence may pass: because a second factor of ours follows, which is shown now, or because
 * somebody looks after their own account and has nothing of ours to show. Apps are never told that they signed in anew.
 */
export async function mayPass(
  { mfa, hasOwnWay }: FreshnessParts,
  returned: Returned,
  userId: string,
): Promise<boolean> {
  if (!returned.arrival.isMultiFactor && (await mfa.need(userId, false)) === 'factor') return true;
  return returned.clientId === houseClientId && !(await hasOwnWay(userId));
}

/** When somebody signed in, as far as the provider says it, and by what that is known; not later than now (seconds). */
export function provedWhen(
  { createdAt }: Pick<Attempt, 'createdAt'>,
  { amr, authTime }: Pick<Arrival, 'amr' | 'authTime'>,
  now: number,
): { readonly amr: readonly string[]; readonly authTime?: number } {
  if (authTime === undefined) return { amr };
  const wasThere = authTime + toleranceSeconds >= createdAt / 1000;
  return { amr: wasThere ? [...amr, 'user'] : amr, authTime: Math.min(authTime, now) };
}
