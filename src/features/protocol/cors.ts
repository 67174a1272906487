import type { Middleware } from 'koa';
import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { routes } from './routes.ts';

/**
 * Whether scripts of an origin may act as a client: only those of the addresses that its answers go to. `null` is the
 * origin of sandboxed frames of any site, and what URLs of native apps have for one. Who asks about tokens is a server.
 */
export const mayCallFrom = ({ path }: Pick<KoaContextWithOIDC, 'path'>, origin: string, client: Client): boolean =>
  path !== routes.introspection &&
  origin !== 'null' &&
  (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin);

/**
 * Keeps scripts away from introspection: the library would let those of any origin ask beforehand, and read an answer
 * that has no client yet.
 */
export const refuseScripts: Middleware = async (ctx, next) => {
  if (ctx.path !== routes.introspection) return next();
  if (ctx.method === 'OPTIONS') {
    ctx.set('Allow', 'POST');
    ctx.status = 204;
    return undefined;
  }
  await next();
  ctx.remove('Access-Control-Allow-Origin');
  ctx.remove('Access-Control-Expose-Headers');
  return undefined;
};
