import type { Context } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { doorState } from '../../foundation/http/door.ts';
import type { Throttle } from '../throttle/module.ts';
import { writes } from './store.ts';
import type { UnitOfWork } from './unit.ts';

/** Routes at which callers who have proved nothing can have something stored. */
const openRoutes = new Set(['authorization', 'device_authorization', 'pushed_authorization_request']);

/**
 * Counts what would be stored for a caller who is neither a signed-in person nor an authenticated client. Without it
 * anybody could fill the disk with requests that nobody will ever answer. Returns the seconds to wait, if any.
 */
export function holdStrangers(throttle: Throttle) {
  return (ctx: Context, unit: UnitOfWork): number | undefined => {
    const { oidc } = ctx as Partial<KoaContextWithOIDC>;
    if (!oidc || !openRoutes.has(oidc.route) || !unit.wrote(writes.saveArtifact)) return undefined;
    const isKnown =
      oidc.route === 'authorization'
        ? oidc.session?.accountId !== undefined
        : oidc.client?.clientAuthMethod !== undefined && oidc.client.clientAuthMethod !== 'none';
    return isKnown ? undefined : throttle.spend(doorState(ctx).facts.ip);
  };
}
