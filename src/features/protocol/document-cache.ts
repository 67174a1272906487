import type { Middleware } from 'koa';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { publicDocuments } from './routes.ts';

/** A public document as it is sent. */
interface Cached {
  readonly body: Buffer;
  readonly etag: string;
}

/**
 * Keeps discovery and JWKS as bytes. They change only when the engine does, and each engine has its own cache; the Host
 * header is pinned before, so that no stranger's host name can be cached into them.
 */
export function cacheDocuments(): Middleware {
  const cache = new Map<string, Cached>();
  return async (ctx, next) => {
    if (ctx.method !== 'GET' || !publicDocuments.has(ctx.path)) return next();
    let cached = cache.get(ctx.path);
    if (!cached) {
      await next();
      if (ctx.status !== 200) return undefined;
      const body = Buffer.from(JSON.stringify(ctx.body));
      cached = { body, etag: `"${sha256(body)}"` };
      cache.set(ctx.path, cached);
    }
    // Relying parties may keep them for five minutes; keys are published a day before they sign.
    ctx.set({
      'Cache-Control': 'public, max-age=300',
      ETag: cached.etag,
      Vary: 'Origin',
      'Access-Control-Allow-Origin': '*',
    });
    ctx.status = 200;
    if (ctx.fresh) {
      ctx.status = 304;
      return undefined;
    }
    ctx.type = 'json';
    ctx.body = cached.body;
    return undefined;
  };
}
