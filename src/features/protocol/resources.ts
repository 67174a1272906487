import { type Client, type Configuration, errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import type { ClientRecord, Clients, Resource } from '../clients/module.ts';
import type { Settings } from '../settings/module.ts';
import { accessTokenSeconds } from './lifetimes.ts';

type ResourceIndicators = NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>;

/** Resource indicators (RFC 8707): which API a token is for, and in which format and with which scopes. */
export function resourceIndicators(clients: Clients, current: () => Settings): ResourceIndicators {
  const usable = (client: Client) => usableResources(clients, client.clientId);
  return {
    enabled: true,
    defaultResource(ctx, client, oneOf) {
      if (grantType(ctx) !== 'client_credentials') return oneOf as string[];
      const identifiers = usable(client).map(({ identifier }) => identifier);
      if (identifiers.length < 2) return identifiers[0] as string;
      throw invalidTarget(`name one resource: ${identifiers.join(', ')}`);
    },
    // Details are for an API: the token that comes of them is for it, unless the client names another one.
    useGrantedResource: (_ctx, model) => (model as { rar?: unknown }).rar !== undefined,
    getResourceServerInfo: (_ctx, identifier, client) =>
      resourceServerFor({ clients, settings: current }, client.clientId, identifier),
  };
}

/** What tokens of a client for an API are like. Throws `invalid_target` when it may not use that one. */
export function resourceServerFor(
  { clients, settings }: { readonly clients: Clients; readonly settings: () => Settings },
  clientId: string,
  identifier: string,
): ResourceServer {
  const resource = usableResources(clients, clientId).find((candidate) => candidate.identifier === identifier);
  if (!resource) throw invalidTarget('this client may not use that resource');
  return {
    audience: resource.identifier,
    scope: allowedScopes(resource, clients.find(clientId)).join(' '),
    accessTokenFormat: resource.accessTokenFormat,
    accessTokenTTL: accessTokenSeconds({ clients, settings }, clientId, resource.accessTokenTtl),
    jwt: { sign: { alg: resource.signingAlg ?? 'ES256' } },
  };
}

const grantType = (ctx: KoaContextWithOIDC): unknown => ctx.oidc.params?.['grant_type'];

/** RFC 8707 §2: the resource is missing, unknown or not for this client. */
function invalidTarget(description: string): Error {
  const error = new errors.InvalidTarget(description);
  error.error_description = description;
  return error;
}

/** The APIs that a client may use, if it is known at all. */
export function usableResources(clients: Clients, clientId: string): readonly Resource[] {
  const record = clients.find(clientId);
  return record ? clients.resourcesOf(record) : [];
}

/** A client whose `resources` lists the API may use all its scopes; otherwise those that its own `scope` names. */
function allowedScopes(resource: Resource, client: ClientRecord | undefined): string[] {
  const names = resource.scopes.map(({ name }) => name);
  if (client?.metadata.resources?.includes(resource.identifier)) return names;
  const own = new Set(client?.metadata.scope?.split(' '));
  return names.filter((name) => own.has(name));
}
