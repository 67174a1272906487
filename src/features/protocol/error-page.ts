import { type ErrorOut, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import { seeOther } from '../../foundation/http/door.ts';
import type { PageLocals, Reference } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Clients } from '../clients/module.ts';
import { appOnPage, backToApp } from './app-on-page.ts';
import { routes } from './routes.ts';
import { isFormGone, isFormReplaced } from './stale-form.ts';
import type { StartAgain } from './start-again.ts';
import { inAskedLanguage, speakAsAsked } from './ui-locales.ts';

export interface ErrorPageOptions {
  readonly issuer: string;
  readonly clock: Clock;
  readonly clients: Clients;
  readonly views: Views;
  readonly startAgain: (request: KoaContextWithOIDC, reference: Reference) => Promise<StartAgain>;
}

/** The library's `renderError`: says what happened, whose turn it is, and a reference that finds the log line. */
export function errorPage(options: ErrorPageOptions) {
  const { issuer, clients, views } = options;
  return async (ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): Promise<void> => {
    ctx.state['protocolError'] = error;
    const reference: Reference = {
      code: out.error,
      reference: String(ctx.state['requestId']),
      time: options.clock.now(),
    };
    const language = () => String(ctx.state['language']);
    speakAsAsked(ctx, ctx.oidc.params);
    ctx.type = 'html';
    if (isStaleLogout(ctx, error)) return goOnFromStaleLogout(ctx, views, language());
    if (error instanceof errors.SessionNotFound || isFormGone(error)) {
      const { page, locals } = await options.startAgain(ctx, reference);
      ctx.body = views.render(page, locals, { language: language() });
      return;
    }
    const clientId = ctx.oidc.client?.clientId;
    const app = appOnPage(clients, clientId);
    const kind = kindOf(ctx.status);
    const detail = kind === 'app-request' ? out.error_description : undefined;
    const backTo = backToApp(clients, clientId, issuer);
    ctx.body = views.render('errors/error', { ...reference, kind, app, detail, backTo }, { language: language() });
  };
}

function kindOf(status: number): PageLocals['errors/error']['kind'] {
  if (status === 503) return 'unavailable';
  return status >= 500 ? 'failed' : 'app-request';
}

/** The question of the logout page was answered already, or asked anew in another tab. */
const isStaleLogout = (ctx: KoaContextWithOIDC, error: Error): boolean =>
  ctx.path === `${routes.end_session}/confirm` && (isFormGone(error) || isFormReplaced(error));

/** Whoever is signed out by now is told so; the others are asked once more. */
function goOnFromStaleLogout(ctx: KoaContextWithOIDC, views: Views, language: string): void {
  if (ctx.oidc.session?.accountId === undefined) {
    ctx.status = 200;
    ctx.body = views.render('logout/done', {}, { language });
    return;
  }
  seeOther(ctx, inAskedLanguage(ctx, routes.end_session));
}
