import type { Middleware } from 'koa';
import type { Views } from '../foundation/views/render.ts';

/** Static files under their hashed names: from memory, for ever. */
export function serveAssets(views: Views): Middleware {
  return (ctx, next) => {
    const asset =
      ctx.method === 'GET' || ctx.method === 'HEAD'
        ? views.assets.find(ctx.path, ctx.get('accept-encoding'))
        : undefined;
    if (!asset) return next();
    ctx.set({ ...asset.headers });
    ctx.status = 200;
    if (ctx.fresh) {
      ctx.status = 304;
      return undefined;
    }
    ctx.body = asset.body;
    return undefined;
  };
}
