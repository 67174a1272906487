import { parse, stringify } from 'node:querystring';
import type { Middleware } from 'koa';
import type { Random } from '../../foundation/random.ts';
import { routes } from './routes.ts';
import { currentUnit } from './unit.ts';

/** As the library's own limit (shared/selective_body.js). */
const bodyLimit = 56 * 1024;

/** Koa's request as the library's body parser reads it: an iterator in place of the stream it has used up. */
interface Rereadable {
  iterator: (options?: { destroyOnReturn?: boolean }) => AsyncIterable<Buffer> | Iterable<Buffer>;
}

/**
 * Lets introspection and revocation take JWT access tokens. The library answers `unsupported_token_type` to anything
 * with dots, so a JWT in the body is swapped for a handle that only this request knows. Nothing is verified here:
 * the adapter does, when the library looks the handle up, which is after client authentication.
 */
export function presentJwt(random: Random): Middleware {
  return async (ctx, next) => {
    const concerned = ctx.path === routes.introspection || ctx.path === routes.revocation;
    if (!concerned || ctx.method !== 'POST' || !ctx.is('application/x-www-form-urlencoded')) return next();
    if ((ctx.request.length ?? 0) > bodyLimit) return next();
    const body = await readBody(ctx.req as unknown as Rereadable);
    if (body === undefined) {
      ctx.status = 413;
      ctx.body = { error: 'invalid_request', error_description: 'the request body is too large' };
      return undefined;
    }
    handOn(ctx.req, body.includes('token=ey') ? swapToken(body, random) : body);
    return next();
  };
}

async function readBody(request: Rereadable): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    received += chunk.length;
    if (received > bodyLimit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, received);
}

function swapToken(body: Buffer, random: Random): Buffer {
  const form = parse(body.toString());
  // A repeated parameter is the library's to refuse (RFC 6749 §3.2).
  if (typeof form['token'] !== 'string' || !form['token'].includes('.')) return body;
  const handle = `jwt~${random.bytes(16).toString('base64url')}`;
  currentUnit()?.presented.set(handle, { value: form['token'], verified: false });
  form['token'] = handle;
  return Buffer.from(stringify(form));
}

/** Makes the request look unread, so that the library parses it as it always does. */
function handOn(request: object, body: Buffer): void {
  Object.defineProperty(request, 'readable', { value: true, configurable: true });
  Object.assign(request, { iterator: () => [body] });
  (request as { headers: Record<string, string> }).headers['content-length'] = String(body.length);
}
