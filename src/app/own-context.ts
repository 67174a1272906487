import type Koa from 'koa';
import type { Context, Middleware } from 'koa';

/**
 * Serves each request in a copy of Koa's context, and empties the copy when it is done.
 *
 * The hole: oidc-provider gives the context an accessor (helpers/initialize_app.js: `Object.defineProperty(ctx, 'oidc',
 * { get })`). V8 makes accessors in the old generation, so that each outlives its request until the next full
 * collection and keeps alive what it reaches: context, headers, body, entities, 12 kB a token. Copying them from one
 * generation to the other took a fifth of a token's CPU time.
 */
export function inOwnContext(app: Koa, serve: (ctx: Context) => Promise<unknown>): Middleware {
  return async (outer) => {
    const ctx = Object.assign(Object.create(app.context) as Context, outer);
    try {
      await serve(ctx);
    } finally {
      // Koa reports a failure by the outer one.
      outer.state = ctx.state;
      const { oidc } = ctx as { oidc?: object };
      Object.assign(ctx, emptyContext);
      if (oidc !== undefined) empty(oidc as Record<string | symbol, unknown>);
    }
  };
}

/** What of a context reaches the rest of the request. */
const emptyContext = { req: undefined, res: undefined, request: undefined, response: undefined, state: undefined };

function empty(object: Record<string | symbol, unknown>): void {
  for (const key of Object.keys(object)) object[key] = undefined;
  for (const key of Object.getOwnPropertySymbols(object)) object[key] = undefined;
}
