import type { Middleware } from 'koa';
import { doorState } from '../foundation/http/door.ts';
import { securityHeaders } from '../foundation/http/security-headers.ts';

/** Sets the headers of the one table, by what the door answered with. */
export function applySecurityHeaders(issuer: string): Middleware {
  const https = issuer.startsWith('https:');
  return async (ctx, next) => {
    await next();
    const { kind, formActions } = doorState(ctx);
    const own = kind === 'document' || kind === 'asset' ? ctx.res.getHeader('cache-control') : undefined;
    const headers = securityHeaders({ kind, https, formActions });
    for (const name in headers) ctx.res.setHeader(name, headers[name] ?? '');
    // Public documents and assets say themselves how long they may be kept.
    if (own !== undefined) ctx.res.setHeader('Cache-Control', own);
  };
}
