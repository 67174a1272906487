import { parse, stringify } from 'node:querystring';
import type { Middleware } from 'koa';
import { seeOther } from '../../foundation/http/door.ts';
import { requestTooLarge } from './errors.ts';
import { routes } from './routes.ts';

/** What a browser and the proxies before us surely take as an address. */
const longestQuery = 8000;

/**
 * OpenID Connect Core §3.1.2.1 wants the authorization endpoint to take POST. The library does so only with session
 * cookies that cross sites (`SameSite=None`), which would hand every other site a signed-in browser (CSRF). So a POST
 * is turned into the same request by GET: the browser then sends its `Lax` cookies, as it does for any link.
 */
export function postToGet(): Middleware {
  return async (ctx, next) => {
    const concerned = ctx.path === routes.authorization || ctx.path === routes.end_session;
    if (!concerned || ctx.method !== 'POST') return next();
    // The form was parsed before (app/http); without one there is nothing to carry over.
    const { rawBody } = ctx.request as { rawBody?: string };
    const query = rawBody === undefined ? '' : stringify(parse(rawBody));
    if (query.length > longestQuery) throw requestTooLarge();
    seeOther(ctx, `${ctx.path}?${query}`);
    return undefined;
  };
}
