import type { Context, Middleware } from 'koa';
import { doorState } from '../foundation/http/door.ts';
import type { Log } from '../foundation/observe/log.ts';
import type { Metrics } from '../foundation/observe/metrics.ts';

/**
 * One log line and one measurement a request. The line holds the route, never the address: addresses carry codes,
 * states and links that work once.
 */
export function observeRequests({ log, metrics }: { log: Log; metrics: Metrics }): Middleware {
  return async (ctx, next) => {
    const began = performance.now();
    try {
      await next();
    } finally {
      const seconds = (performance.now() - began) / 1000;
      const route = routeOf(ctx);
      metrics.request({ method: ctx.method, route, status: ctx.status, seconds });
      const line = {
        request_id: doorState(ctx).requestId,
        method: ctx.method,
        route,
        status: ctx.status,
        duration_ms: Math.round(seconds * 1e6) / 1000,
        client: clientOf(ctx),
        ip: doorState(ctx).facts.ip,
      };
      if (ctx.status >= 500) log.warn(line, 'request');
      else log.info(line, 'request');
    }
  };
}

const clientOf = (ctx: Context): string | undefined =>
  (ctx as { oidc?: { client?: { clientId?: string } } }).oidc?.client?.clientId;

/** The pattern that answered: of few values, and free of secrets. */
function routeOf(ctx: Context): string {
  const { oidc } = ctx as { oidc?: { route?: string } };
  // A door of ours first, where the library went on within its request.
  const matched = ctx.state['resumedAt'] ?? oidc?.route ?? (ctx as { _matchedRoute?: unknown })._matchedRoute;
  if (typeof matched === 'string') return matched;
  return ctx.path.startsWith('/assets/') ? '/assets/:file' : 'none';
}
