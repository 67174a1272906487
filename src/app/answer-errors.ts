import type { Context, Middleware } from 'koa';
import type { Protocol } from '../features/protocol/module.ts';
import type { Clock } from '../foundation/clock.ts';
import { AppError } from '../foundation/errors.ts';
import { doorState, showPage } from '../foundation/http/door.ts';
import type { Log } from '../foundation/observe/log.ts';
import type { ErrorKind } from '../foundation/views/pages.ts';
import type { Views } from '../foundation/views/render.ts';

export interface AnswerErrorsParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly views: Views;
  readonly protocol: Pick<Protocol, 'startAgain'>;
}

/** The one place that turns errors into answers: pages for people, the RFC's JSON for programs. */
export function answerErrors(parts: AnswerErrorsParts): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      await answerUnanswered(ctx, parts);
    } catch (error) {
      await answer(ctx, parts, asAppError(ctx, parts, error));
    }
  };
}

/** Nobody took the request: wrong address, or the right one called the wrong way (`Allow` says how). */
async function answerUnanswered(ctx: Context, parts: AnswerErrorsParts): Promise<void> {
  const isEmpty = ctx.body === undefined || ctx.body === null || ctx.body === '';
  if (ctx.method === 'OPTIONS' || !isEmpty) return;
  if (ctx.status === 404) {
    await answer(ctx, parts, new AppError('not_found', 404, 'There is no page at this address.'));
  } else if (ctx.status === 405 || ctx.status === 501) {
    await answer(ctx, parts, new AppError('wrong_method', 405, 'This address takes another method.'));
  }
}

function asAppError(ctx: Context, { log }: AnswerErrorsParts, error: unknown): AppError {
  if (error instanceof AppError) {
    if (error.status >= 500) log.error({ err: error, request_id: ctx.state['requestId'] }, 'request failed');
    return error;
  }
  const status = (error as { status?: unknown } | undefined)?.status;
  // Koa and its parsers throw errors with a 4xx status for what the client sent: too large, not decodable, cut off.
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new AppError('bad_request', status, 'This request cannot be read.', { cause: error });
  }
  if (error instanceof URIError)
    return new AppError('bad_request', 400, 'This address cannot be read.', { cause: error });
  log.error({ err: error, request_id: ctx.state['requestId'] }, 'request failed');
  return new AppError('internal_error', 500, 'Something failed here. Nothing was stored.', { cause: error });
}

const kinds: Readonly<Record<number, ErrorKind>> = {
  403: 'not-allowed',
  404: 'not-found',
  405: 'wrong-method',
  429: 'too-many',
  503: 'unavailable',
};

async function answer(ctx: Context, parts: AnswerErrorsParts, error: AppError): Promise<void> {
  // What was to be set or shown belongs to an answer that is not given.
  for (const name of ['set-cookie', 'location', 'etag']) ctx.remove(name);
  if (error.retryAfter !== undefined) ctx.set('Retry-After', String(error.retryAfter));
  ctx.status = error.status;
  const { kind } = doorState(ctx);
  if (kind === 'machine' || kind === 'document') {
    ctx.body = { error: machineCode(error.status), error_description: error.message };
    return;
  }
  await answerPage(ctx, parts, error);
}

/** RFC 6749 §5.2 has no codes for these; its general ones are what clients know. */
const machineCode = (status: number): string =>
  status === 503 ? 'temporarily_unavailable' : status >= 500 ? 'server_error' : 'invalid_request';

async function answerPage(ctx: Context, parts: AnswerErrorsParts, error: AppError): Promise<void> {
  const { views, clock, protocol } = parts;
  const door = doorState(ctx);
  const reference = { code: error.code, reference: door.requestId, time: clock.now() };
  // A file that is not there is answered with a page, which needs its styles.
  if (door.kind === 'asset') door.kind = 'page';
  const { status } = error;
  if (error.code === 'interaction_missing' || error.code === 'cookies_missing') {
    showPage(ctx, { views, status, ...(await protocol.startAgain(ctx, reference)) });
    return;
  }
  const kind =
    error.code === 'csrf_refused' ? 'refused' : (kinds[status] ?? (status >= 500 ? 'failed' : 'bad-request'));
  showPage(ctx, { views, page: 'errors/error', status, locals: { ...reference, kind, retryAfter: error.retryAfter } });
}
