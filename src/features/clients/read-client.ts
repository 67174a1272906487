import type { FieldErrors } from '../../foundation/errors.ts';
import { clientRefused, fieldProblems } from './errors.ts';
import { profiled } from './fapi.ts';
import { type ResponseType, usesFrontChannel } from './response-types.ts';
import { type ClientMetadata, type NewClient, newClientSchema, standardScopes } from './schema.ts';

/** The input as it is stored, and the secret that came with it. Throws `client_refused` with every problem at once. */
export function readClient(
  input: NewClient,
  ids: { next(): string },
): { metadata: ClientMetadata; secret: string | undefined } {
  const result = newClientSchema.safeParse(input);
  if (!result.success) throw clientRefused(fieldProblems(result.error));
  const { client_secret: secret, client_id: clientId, response_types: responseTypes, ...rest } = profiled(result.data);
  const usesAuthorization = rest.grant_types.includes('authorization_code');
  const types: ResponseType[] = responseTypes ?? (usesAuthorization ? ['code'] : []);
  const isImplicit = usesFrontChannel(types) && !rest.grant_types.includes('implicit');
  const metadata: ClientMetadata = {
    ...rest,
    client_id: clientId ?? ids.next(),
    grant_types: [...rest.grant_types, ...(isImplicit ? (['implicit'] as const) : [])],
    response_types: types,
  };
  return { metadata, secret };
}

/** What a client refers to that does not exist: scopes no resource has, resources nobody registered. */
export function unknownReferences(
  client: Pick<NewClient, 'scope' | 'resources' | 'authorization_details_types'>,
  resources: readonly {
    readonly identifier: string;
    readonly scopes?: readonly { readonly name: string }[] | undefined;
    readonly detailTypes?: readonly { readonly type: string }[] | undefined;
    readonly authorization_details?: readonly { readonly type: string }[] | undefined;
  }[],
): FieldErrors {
  const scopes = new Set([
    ...standardScopes,
    ...resources.flatMap((resource) => (resource.scopes ?? []).map(({ name }) => name)),
  ]);
  const identifiers = new Set(resources.map(({ identifier }) => identifier));
  const strangeScopes = (client.scope?.split(' ') ?? []).filter((name) => !scopes.has(name));
  const strangeResources = (client.resources ?? []).filter((identifier) => !identifiers.has(identifier));
  const types = new Set(
    resources.flatMap((resource) => [...(resource.detailTypes ?? []), ...(resource.authorization_details ?? [])]),
  );
  const names = new Set([...types].map(({ type }) => type));
  const strangeTypes = (client.authorization_details_types ?? []).filter((type) => !names.has(type));
  return {
    ...(strangeTypes.length === 0
      ? {}
      : { authorization_details_types: `names ${strangeTypes.join(', ')}, which no resource has` }),
    ...(strangeScopes.length === 0 ? {} : { scope: `names ${strangeScopes.join(', ')}, which no resource has` }),
    ...(strangeResources.length === 0
      ? {}
      : { resources: `names ${strangeResources.join(', ')}, which is not registered` }),
  };
}
