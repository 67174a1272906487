import { parse, stringify } from 'node:querystring';
import type { Context } from 'koa';
import type { Random } from '../../foundation/random.ts';
import { routes } from './routes.ts';
import { currentUnit } from './unit.ts';

/**
 * Lets introspection and revocation take JWT access tokens. The library answers `unsupported_token_type` to anything
 * with dots, so a JWT in the form is swapped for a handle that only this request knows. Nothing is verified here:
 * the adapter does, when the library looks the handle up, which is after client authentication.
 */
export function presentJwt(random: Random): (ctx: Context, body: Buffer) => Buffer {
  return (ctx, body) => {
    const concerned = ctx.path === routes.introspection || ctx.path === routes.revocation;
    return concerned && body.includes('token=ey') ? swapToken(body, random) : body;
  };
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
