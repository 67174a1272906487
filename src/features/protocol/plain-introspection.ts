import type Provider from 'oidc-provider';
import type { Client } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import type { Clients } from '../clients/module.ts';
import type { Users } from '../users/module.ts';
import { type LivingToken, livingToken } from './living-token.ts';
import { maySee } from './options.ts';
import type { Form } from './plain-client.ts';
import { hasPlainMetadata } from './plain-metadata.ts';

const parameters = new Set(['token', 'token_type_hint', 'client_id', 'client_secret']);
const hints = new Set([undefined, 'access_token', 'refresh_token']);

/**
 * Introspection of an opaque access token that is active (RFC 7662 §2.2). Refresh tokens, JWTs, tokens with authorization details, and tokens that are not
 * or no longer there are the library's to answer.
 */
export function introspect(
  provider: Provider,
  parts: { readonly clients: Clients; readonly users: Users; readonly clock: Clock },
) {
  return async (client: Client, form: Form) => {
    const { token: value, token_type_hint: hint } = form;
    // It may have its answers encrypted only (RFC 9701 §6).
    if (client.introspectionEncryptedResponseAlg) return undefined;
    if (value === undefined || !hints.has(hint)) return undefined;
    for (const name in form) if (!parameters.has(name)) return undefined;
    const found = await livingToken(provider, value, parts.clock);
    const owner = found && (await provider.Client.find(found.token.clientId ?? ''));
    if (!owner || found.token['rar'] !== undefined) return undefined;
    // A pairwise subject, say, is another one for each sector (OpenID Connect Core §8.1).
    if (!hasPlainMetadata(parts.clients.find(owner.clientId))) return undefined;
    // RFC 7662 §4: nobody may scan for tokens that are not for them.
    if (!(await maySee(parts, client, found.token))) return undefined;
    return { body: describe(provider, found), entities: { [found.kind]: found.token } };
  };
}

/** §2.2, in the library's order. */
function describe({ issuer }: Provider, { token }: LivingToken): object {
  const { accountId, extra, clientId, exp, iat, sid, aud, scope } = token;
  return {
    active: true,
    ...(accountId ? { sub: accountId } : {}),
    ...extra,
    client_id: clientId,
    exp,
    iat,
    sid,
    iss: issuer,
    aud,
    scope: scope || undefined,
    token_type: 'Bearer',
  };
}
