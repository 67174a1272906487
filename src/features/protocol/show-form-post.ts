import type { Middleware } from 'koa';
import { doorState, showPage } from '../../foundation/http/door.ts';
import { formActionSource } from '../../foundation/http/security-headers.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Clients } from '../clients/module.ts';
import { appOnPage } from './app-on-page.ts';

export interface FormPostParts {
  readonly views: Views;
  readonly clients: Clients;
}

/** What the library knows of the request, as far as the page needs it. */
interface LibraryFacts {
  readonly client?: { readonly clientId?: string };
  readonly entities?: { readonly Interaction?: { readonly params: { readonly redirect_uri?: unknown } } };
}

const start = /<form method="post" action="([^"]+)">/;
const inputs = /<input type="hidden" name="([^"]+)" value="([^"]*)"\/>/g;
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };
const unescaped = (text: string): string =>
  text.replaceAll(/&(lt|gt|quot|#39|amp);/g, (_, name) => entities[name] ?? '');

/**
 * The library has a page that posts itself: an authorization response by `form_post`, and its own way on when somebody
 * else has signed in. It offers no hook for its look, so its form is put into a page of ours, which people see who
 * browse without JavaScript. Throws when the library's page is not as it was.
 */
export function showFormPost({ views, clients }: FormPostParts): Middleware {
  return async (ctx, next) => {
    await next();
    const { body } = ctx;
    if (typeof body !== 'string' || !body.includes('document.forms[0].submit()')) return;
    const action = unescaped(start.exec(body)?.[1] ?? '');
    if (action === '') throw new Error('The page that posts itself has another form than expected.');
    const hidden = Object.fromEntries(
      [...body.matchAll(inputs)].map(([, name = '', value = '']) => [name, unescaped(value)]),
    );
    const { oidc } = ctx as { oidc?: LibraryFacts };
    allow(ctx, [action, oidc?.entities?.Interaction?.params.redirect_uri]);
    const app = appOnPage(clients, oidc?.client?.clientId);
    showPage(ctx, { views, page: 'interaction/posting', status: ctx.status, locals: { action, hidden, app } });
  };
}

/**
 * The library has validated both. After a switch of accounts our own answer to the form redirects on to the app, and
 * Chromium applies `form-action` to that as well.
 */
function allow(ctx: { readonly state: Record<string, unknown> }, uris: readonly unknown[]): void {
  const sources = uris.map((uri) => (typeof uri === 'string' ? formActionSource(uri) : undefined));
  doorState(ctx).formActions.push(...sources.filter((source) => source !== undefined));
}
