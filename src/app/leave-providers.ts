import type { Middleware } from 'koa';
import type { Federation } from '../features/federation/module.ts';
import { currentUnit, routes } from '../features/protocol/module.ts';
import { sha256 } from '../foundation/crypto/hash.ts';

/** Where people sign out of this browser. */
const signOuts: ReadonlySet<string> = new Set(['/sign-out', `${routes.end_session}/confirm`]);

/**
 * Leads whoever signs out of this browser by way of the provider that they had signed in with, where it asks for that.
 * The answer is sent once the session here has ended for good.
 */
export function leaveProviders(issuer: string, signOutThere: Federation['signOutThere']): Middleware {
  // Somebody who signs in as somebody else signs out on the way, and is about to go on with what they came for.
  const isSwitch = (onward: string): boolean => {
    const { origin, pathname } = new URL(onward, issuer);
    const isOnTheWay = [routes.authorization, routes.code_verification].some((root) => pathname.startsWith(`${root}/`));
    return origin === new URL(issuer).origin && isOnTheWay;
  };
  return async (ctx, next) => {
    await next();
    if (ctx.method !== 'POST' || ctx.status !== 303 || !signOuts.has(ctx.path)) return;
    const [ended, ...others] = currentUnit()?.endedSessions ?? [];
    const onward = ctx.response.get('location');
    if (ended === undefined || others.length > 0 || isSwitch(onward)) return;
    await signOutThere(ctx, sha256(ended), onward);
  };
}
