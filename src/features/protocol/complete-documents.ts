import type { JWK } from 'jose';
import type { Middleware } from 'koa';
import type { KeySet } from '../signing-keys/module.ts';
import { publicDocuments, routes } from './routes.ts';

/**
 * Says in the public documents what the library does not know: that requests are taken by reference where they were
 * registered, and that nothing is to be encrypted any more to a key that only still reads.
 */
export function completeDocuments({ decrypting }: KeySet): Middleware {
  const retired = new Set(decrypting.filter((key) => key.retired).map(({ privateJwk }) => privateJwk.kid));
  return async (ctx, next) => {
    await next();
    if (!publicDocuments.has(ctx.path) || ctx.status !== 200) return;
    if (ctx.path === routes.jwks) {
      const { keys } = ctx.body as { keys: JWK[] };
      ctx.body = { keys: keys.filter(({ kid }) => !retired.has(kid)) };
      return;
    }
    const document = ctx.body as Record<string, unknown>;
    // RFC 8414 §3.2: what there is none of is left out.
    for (const [name, value] of Object.entries(document)) {
      if (Array.isArray(value) && value.length === 0) document[name] = undefined;
    }
    // OpenID Connect Discovery §3.
    Object.assign(document, {
      request_uri_parameter_supported: true,
      require_request_uri_registration: true,
      // Requests for people elsewhere come from their client itself, which has proved who it is: they need no signature.
      backchannel_authentication_request_signing_alg_values_supported: undefined,
    });
  };
}
