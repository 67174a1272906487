import { hash } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { doorState } from '../foundation/http/door.ts';
import { formActionSource, type RouteKind, securityHeaders } from '../foundation/http/security-headers.ts';

/** The library's page that posts an authorization response by itself (response_modes/form_post.js). */
const formPostScript = `
    document.addEventListener('DOMContentLoaded', function () { document.forms[0].submit() });
  `;
const formPostHash = `sha256-${hash('sha256', formPostScript, 'base64')}`;
const formPostAction = /<form method="post" action="([^"]+)">/;

/** Sets the headers of the one table, by what the door answered with. */
export function applySecurityHeaders(issuer: string): Middleware {
  const https = issuer.startsWith('https:');
  return async (ctx, next) => {
    await next();
    const kind = kindOf(ctx);
    const formActions = kind === 'form-post' ? formPostActions(ctx) : doorState(ctx).formActions;
    const scriptHashes = kind === 'form-post' ? [formPostHash] : [];
    const own = kind === 'document' || kind === 'asset' ? ctx.res.getHeader('cache-control') : undefined;
    const headers = securityHeaders({ kind, https, formActions, scriptHashes });
    for (const name in headers) ctx.res.setHeader(name, headers[name] ?? '');
    // Public documents and assets say themselves how long they may be kept.
    if (own !== undefined) ctx.res.setHeader('Cache-Control', own);
  };
}

function kindOf(ctx: Context): RouteKind {
  const { kind } = doorState(ctx);
  const isPage = kind === 'interaction' || kind === 'logout';
  return isPage && typeof ctx.body === 'string' && ctx.body.includes(formPostScript) ? 'form-post' : kind;
}

/**
 * The page was made by the library for an address that it has validated. After a switch of accounts our own answer to it
 * redirects on to the app, and Chromium applies `form-action` to that as well.
 */
function formPostActions(ctx: Context): string[] {
  const action = formPostAction.exec(String(ctx.body))?.[1]?.replaceAll('&amp;', '&');
  const { oidc } = ctx as { oidc?: { entities?: { Interaction?: { params: { redirect_uri?: unknown } } } } };
  const redirectUri = oidc?.entities?.Interaction?.params.redirect_uri;
  const sources = [action, redirectUri].map((uri) => (typeof uri === 'string' ? formActionSource(uri) : undefined));
  return sources.filter((source) => source !== undefined);
}
