import type { Context, Middleware } from 'koa';
import { readBody } from '../../foundation/http/read-body.ts';

/** As the library's own limit (shared/selective_body.js). */
const bodyLimit = 56 * 1024;
const formType = 'application/x-www-form-urlencoded';

/**
 * Reads the form that a program posted and gives it to `change`; `handFormOn` hands the result on to the library as if it
 * were unread. The library would read it by an async iterator over the stream, which costs more than the rest of parsing.
 */
export function readForm(change: (ctx: Context, body: Buffer) => Buffer): Middleware {
  return async (ctx, next) => {
    const isForm = ctx.method === 'POST' && (ctx.headers['content-type'] === formType || ctx.is(formType));
    // The library refuses other types, and lengths beyond its limit.
    if (!isForm || (ctx.request.length ?? 0) > bodyLimit) return next();
    const body = await readBody(ctx.req, bodyLimit);
    if (body === undefined) {
      ctx.status = 413;
      ctx.body = { error: 'invalid_request', error_description: 'the request body is too large' };
      return undefined;
    }
    const form = change(ctx, body);
    Object.assign(ctx.request, { rawBody: form.toString(), form });
    return next();
  };
}

/** What `readForm` left of a form that was posted. */
type Posted = { readonly rawBody?: string; readonly form?: Buffer };

/** The form as the library will read it, where one was posted that can be read. */
export const postedForm = (ctx: Context): string | undefined => (ctx.request as Posted).rawBody;

/** Koa's request as the library's body parser reads it: an iterator in place of the stream that is used up. */
export const handFormOn: Middleware = ({ req, request }, next) => {
  const { form } = request as Posted;
  if (form !== undefined) {
    Object.defineProperty(req, 'readable', { value: true, configurable: true });
    Object.assign(req, { iterator: () => [form] });
    req.headers['content-length'] = String(form.length);
  }
  return next();
};
