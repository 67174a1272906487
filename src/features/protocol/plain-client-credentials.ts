import type Provider from 'oidc-provider';
import type { Client, ResourceServerInstance } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import type { Random } from '../../foundation/random.ts';
import type { Clients } from '../clients/module.ts';
import type { Settings } from '../settings/module.ts';
import { adapterOf } from './living-token.ts';
import type { Form } from './plain-client.ts';
import { resourceServerFor, usableResources } from './resources.ts';
import { newToken } from './token-ids.ts';

export interface GiverParts {
  readonly clients: Clients;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: () => Settings;
  /** What the engine knows. */
  readonly scopes: ReadonlySet<string>;
}

const parameters = new Set(['grant_type', 'client_id', 'client_secret', 'scope', 'resource']);

/** RFC 6749 §3.3. */
export const scopeSyntax = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/** A token for the client itself (RFC 6749 §4.4), for one API at most (RFC 8707 §2). */
export function giveClientCredentials(provider: Provider, parts: GiverParts) {
  return async (client: Client, form: Form) => {
    const isPlain =
      form['grant_type'] === 'client_credentials' && Object.keys(form).every((name) => parameters.has(name));
    if (!isPlain || !mayHave(client, form['scope'], parts)) return undefined;
    const server = serverFor(provider, { client, form, parts });
    // Without an API a scope would have to be one of the server's own, which say nothing without a person.
    if (server === undefined && form['scope'] !== undefined) return undefined;
    const scope = server && scopeOf(form, server);
    return server?.accessTokenFormat === 'jwt'
      ? asJwt(provider, client, { server, scope })
      : opaque(provider, parts, { client, server, scope });
  };
}

const scopeOf = ({ scope = '' }: Form, { scopes }: ResourceServerInstance): string | undefined =>
  scope
    .split(' ')
    .filter((name) => scopes.has(name))
    .join(' ') || undefined;

async function asJwt(
  provider: Provider,
  client: Client,
  of: { server: ResourceServerInstance; scope?: string | undefined },
) {
  const token = new provider.ClientCredentials({ client });
  token.resourceServer = of.server;
  token.scope = of.scope;
  const value = await token.save();
  const body = { access_token: value, expires_in: token.expiration, scope: token.scope, token_type: token.tokenType };
  return { body, entities: { ClientCredentials: token } };
}

/** Put together by hand: the library's model takes as long as everything else that stores it. */
async function opaque(
  provider: Provider,
  parts: GiverParts,
  of: { client: Client; server: ResourceServerInstance | undefined; scope: string | undefined },
) {
  const { client, server, scope } = of;
  const value = newToken('ClientCredentials', parts);
  const iat = epochSeconds(parts.clock);
  const expiresIn = server?.accessTokenTTL ?? parts.settings().lifetimes.accessToken;
  const times = { iat, exp: iat + expiresIn };
  const token = {
    ...times,
    jti: value,
    kind: 'ClientCredentials',
    clientId: client.clientId,
    aud: server?.audience,
    scope,
  };
  await adapterOf(provider.ClientCredentials).upsert(value, token, expiresIn);
  const body = { access_token: value, expires_in: expiresIn, scope, token_type: 'Bearer' };
  return { body, entities: { ClientCredentials: token } };
}

/** Whether the client may use this grant (§5.2, `unauthorized_client`), without proof of a key, and may ask for these scopes. */
function mayHave(client: Client, scope: string | undefined, { scopes }: GiverParts): boolean {
  const isBound = client.tlsClientCertificateBoundAccessTokens || client.dpopBoundAccessTokens;
  if (isBound || !client.grantTypeAllowed('client_credentials')) return false;
  if (scope === undefined) return true;
  const allowed = new Set(client.scope?.split(' '));
  return scopeSyntax.test(scope) && scope.split(' ').every((name) => !scopes.has(name) || allowed.has(name));
}

/** The API that is named, or the only one that the client may use. Throws where the library refuses. */
function serverFor(
  provider: Provider,
  { client, form, parts }: { client: Client; form: Form; parts: GiverParts },
): ResourceServerInstance | undefined {
  const usable = usableResources(parts.clients, client.clientId);
  if (usable.length > 1 && form['resource'] === undefined) throw new TypeError('one has to be named');
  const identifier = form['resource'] ?? usable[0]?.identifier;
  if (identifier === undefined) return undefined;
  return new provider.ResourceServer(identifier, resourceServerFor(parts, client.clientId, identifier));
}
