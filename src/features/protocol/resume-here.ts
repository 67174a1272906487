import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { routes } from './routes.ts';

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

/**
 * Whether the library can go on in the request that answers it. Not where it has a page of its own to answer with, which
 * sends itself: that one belongs to an address that a reload may ask for again. Somebody else who is signed in would have
 * to be signed out first, by such a page.
 */
export const goesOnHere = ({ returnTo, params, session }: Details): boolean =>
  new URL(returnTo).pathname.startsWith(`${routes.authorization}/`) &&
  !String(params['response_mode']).startsWith('form_post') &&
  session?.accountId === undefined;

/**
 * Takes the answered authorization request up in this very request: the library would have the browser come back for it,
 * which costs a round trip, a request and a commit. It gets what the browser would send to its address: the cookie of the
 * resumption has the path of that address and is not here, but it was set together with the interaction's, names the same
 * interaction, and the door has found that one by a cookie that is signed and is the browser's own (login CSRF).
 */
export function createResumeHere({ provider, serve }: { provider: () => Provider; serve: Middleware }) {
  return async (ctx: Context, { uid, returnTo }: Details): Promise<void> => {
    const { cookies, method, url } = ctx;
    const name = provider().cookieName('resume');
    const given = cookies.get.bind(cookies);
    cookies.get = (asked, options) => (asked === name ? uid : given(asked, options));
    // For log and metrics: the library's router notes its own address over that of the door.
    ctx.state['resumedAt'] = (ctx as { _matchedRoute?: unknown })._matchedRoute;
    ctx.method = 'GET';
    ctx.url = new URL(returnTo).pathname;
    try {
      await serve(ctx, async () => undefined);
    } finally {
      Object.assign(ctx, { method, url });
      cookies.get = given;
    }
  };
}
