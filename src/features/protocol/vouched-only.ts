import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';

/** Why the engine asks people again whom another provider vouched for without showing that they were there. */
export const vouchedOnlyReason = 'vouched_only';

/**
 * What shows that the person was there: a password or passkey of ours, or a provider that says that they signed in there
 * on the way (RFC 8176 `user`). A session of another provider may be weeks old, and whoever sits at the browser passes.
 */
const shows: ReadonlySet<string> = new Set(['pwd', 'pop', 'user']);

/** Whether an app that asks how long ago somebody signed in (`max_age`) would be told the time at which nobody was asked. */
export const isVouchedOnly = (amr: readonly string[]): boolean =>
  amr.includes('fed') && !amr.some((method) => shows.has(method));

/** Has the engine ask such people anew where an app wants to know. */
export function addVouchedOnly(policy: interactionPolicy.DefaultPolicy): void {
  const ask = ({ oidc }: KoaContextWithOIDC): boolean => {
    const { session, params, result } = oidc;
    if (params?.['max_age'] === undefined || result?.login !== undefined) return false;
    return session?.accountId !== undefined && isVouchedOnly(session.amr ?? []);
  };
  const words = 'another provider did not say when the person signed in';
  policy.get('login')?.checks.add(new interactionPolicy.Check(vouchedOnlyReason, words, 'login_required', ask));
}
