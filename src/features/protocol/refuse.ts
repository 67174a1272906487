import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import type { ErrorKind } from '../../foundation/views/pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { type Loss, losses } from './losses.ts';
import { machineEndpoints } from './routes.ts';

const kinds: Readonly<Record<number, ErrorKind>> = { 429: 'too-many', 503: 'unavailable' };

/** Answers a lost unit as the route's readers expect it: programs get the RFC's JSON, people a page. */
export function createRefuse(parts: { clock: Clock; views: Views; issuer: string }) {
  return (ctx: Context, loss: Loss, retryAfter?: number): void => {
    ctx.status = loss.status;
    if (retryAfter !== undefined) ctx.set('retry-after', String(retryAfter));
    if (machineEndpoints.has(ctx.path)) {
      // RFC 6749 §5.2: a refused client learns how to authenticate.
      if (loss.status === 401) ctx.set('www-authenticate', `${loss.scheme ?? 'Basic'} realm="${parts.issuer}"`);
      ctx.body = { error: loss.error, error_description: loss.description };
      return;
    }
    const reference = { code: loss.error, reference: String(ctx.state['requestId']), time: parts.clock.now() };
    const language = String(ctx.state['language']);
    ctx.type = 'html';
    if (loss === losses.interaction || loss === losses.session) {
      ctx.body = parts.views.render('interaction/start-again', { ...reference, reason: 'finished' }, { language });
      return;
    }
    const kind = kinds[loss.status] ?? 'app-request';
    ctx.body = parts.views.render('errors/error', { ...reference, kind, retryAfter }, { language });
  };
}
