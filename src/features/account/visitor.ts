import type { Clock } from '../../foundation/clock.ts';
import { type CurrentSignIn, houseClientId, routes } from '../protocol/module.ts';
import type { User } from '../users/module.ts';

/** Who looks after their account, and through which sign-in. */
export interface Visitor {
  readonly user: User;
  readonly signIn: CurrentSignIn;
}

/** How long after a sign-in its person may change what keeps others out, in milliseconds. */
export const freshMs = 10 * 60 * 1000;

/** Whether the person proved who they are a short while ago (ASVS 7.5.1). */
export const isFresh = ({ signIn }: Visitor, clock: Clock): boolean => clock.now() - signIn.provedAt < freshMs;

/** Pages that a sign-in may lead on to, by the name that travels with it. */
const targets: Readonly<Record<string, string>> = {
  authenticator: '/account/authenticator',
  email: '/account/email',
  passkeys: '/account#passkeys',
  delete: '/account/delete',
  identities: '/account#identities',
  approvals: '/account/approvals',
};

/** Where a sign-in that was asked for by us leads: only to a page of ours, whatever came along. */
export const targetOf = (state: unknown): string =>
  (typeof state === 'string' && Object.hasOwn(targets, state) ? targets[state] : undefined) ?? '/account';

/**
 * The address of our own front door. `again` asks a person who is signed in to prove it once more, `acr` says how at least.
 */
export function signInAddress(
  issuer: string,
  { state, again, acr }: { state: string; again?: User | undefined; acr?: string | undefined },
): string {
  const query = new URLSearchParams({
    client_id: houseClientId,
    response_type: 'none',
    scope: 'openid',
    redirect_uri: `${issuer}/account`,
    state,
    ...(again ? { prompt: 'login', login_hint: again.email } : {}),
    ...(acr === undefined ? {} : { acr_values: acr }),
  });
  return `${routes.authorization}?${query}`;
}
