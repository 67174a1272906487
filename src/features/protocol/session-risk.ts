import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { WatchSession } from './watch-session.ts';

/** Why the engine asks people whose session was used in an odd way to show once more who they are. */
export const sessionRiskReason = 'session_risk';

/** Whether an interaction asks for that. */
export const isAtRisk = ({ reasons }: { readonly reasons: readonly string[] }): boolean =>
  reasons.includes(sessionRiskReason);

/** Puts the watch into the engine's policy: it looks at every session before anything is handed out on it. */
export function addSessionWatch(policy: interactionPolicy.DefaultPolicy, watch: WatchSession): void {
  const ask = async (ctx: KoaContextWithOIDC): Promise<boolean> => {
    const { session } = ctx.oidc;
    return session?.accountId !== undefined && watch(ctx, session, { saves: true });
  };
  policy
    .get('login')
    ?.checks.add(
      new interactionPolicy.Check(sessionRiskReason, 'the session was used in an odd way', 'login_required', ask),
    );
}
