import type Provider from 'oidc-provider';
import type { AccessToken, Client, ClientCredentials } from 'oidc-provider';
import type { Clients } from '../clients/module.ts';
import { maySee } from './options.ts';
import type { Form } from './plain-client.ts';
import { standingGrant } from './standing-grant.ts';

const parameters = new Set(['token', 'token_type_hint', 'client_id', 'client_secret']);
const hints = new Set([undefined, 'access_token', 'refresh_token']);

/**
 * Introspection of an opaque access token that is active (RFC 7662 §2.2). Refresh tokens, JWTs, and tokens that are not
 * or no longer there are the library's to answer.
 */
export function introspect(provider: Provider, { clients }: { readonly clients: Clients }) {
  return async (client: Client, form: Form) => {
    const { token: value, token_type_hint: hint } = form;
    const isPlain = hints.has(hint) && Object.keys(form).every((name) => parameters.has(name));
    const token = value === undefined || !isPlain ? undefined : await activeToken(provider, value);
    const owner = token && (await provider.Client.find(token.clientId ?? ''));
    // A pairwise subject is another one for each sector (OpenID Connect Core §8.1).
    if (!owner || owner.subjectType === 'pairwise') return undefined;
    // RFC 7662 §4: nobody may scan for tokens that are not for them.
    if (!maySee(clients, client, token)) return undefined;
    return { body: describe(provider, token), entities: { [token.kind]: token } };
  };
}

type Token = AccessToken | ClientCredentials;

/** The token if it has not expired and was not revoked (§2.2), and is bound to no key (RFC 8705 §3.2, RFC 9449 §6.2). */
async function activeToken(provider: Provider, value: string): Promise<Token | undefined> {
  const token = await find(provider, value);
  if (!token?.isValid || token.isSenderConstrained()) return undefined;
  if (token.kind === 'ClientCredentials') return token;
  return (await standingGrant(provider, token)) && token;
}

/** By the prefix of its kind: the library asks for one kind after the other. */
async function find({ AccessToken, ClientCredentials }: Provider, value: string): Promise<Token | undefined> {
  if (value.startsWith('at_')) return AccessToken.find(value);
  return value.startsWith('cc_') ? ClientCredentials.find(value) : undefined;
}

/** §2.2, in the library's order. */
function describe(provider: Provider, token: Token) {
  const { accountId, sid } = token as Partial<AccessToken>;
  return {
    active: true,
    ...(accountId ? { sub: accountId } : {}),
    ...token.extra,
    client_id: token.clientId,
    exp: token.exp,
    iat: token.iat,
    sid,
    iss: provider.issuer,
    aud: token.aud,
    scope: token.scope || undefined,
    token_type: token.tokenType,
  };
}
