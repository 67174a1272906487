import { remember } from '../../foundation/remember.ts';
import { algorithmsAsked } from './algorithms.ts';
import type { ClientRecord, Resource, ResourceScope } from './client.ts';
import type { DetailTypeOfApi } from './detail-types.ts';
import { standardScopes } from './schema.ts';
import type { ClientStore } from './store.ts';

/** Clients and resources as this process knows them. */
export interface ClientMemory {
  find(clientId: string): ClientRecord | undefined;
  all(): readonly ClientRecord[];
  resources(): readonly Resource[];
  findResource(identifier: string): Resource | undefined;
  scopes(): readonly ResourceScope[];
  resourcesOf(client: ClientRecord): readonly Resource[];
  detailTypes(): readonly DetailTypeOfApi[];
  findDetailType(type: string): DetailTypeOfApi | undefined;
  algorithms(): ReadonlySet<string>;
  reload(): Promise<void>;
}

/** All at once: nobody may see new clients beside old resources. */
interface Contents {
  readonly clients: ReadonlyMap<string, ClientRecord>;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly scopes: readonly ResourceScope[];
  readonly detailTypes: ReadonlyMap<string, DetailTypeOfApi>;
}

async function readContents(store: Pick<ClientStore, 'clients' | 'resources'>): Promise<Contents> {
  const [clients, resources] = await Promise.all([store.clients(), store.resources()]);
  const scopes = resources.flatMap(({ identifier, scopes: own }) =>
    own.map((scope) => ({ ...scope, resource: identifier })),
  );
  const types = resources.flatMap(({ identifier, detailTypes }) =>
    detailTypes.map((type) => ({ ...type, resource: identifier })),
  );
  const known = new Set<string>([...standardScopes, ...scopes.map(({ name }) => name)]);
  return {
    clients: new Map(clients.map((client) => [client.clientId, withKnownScopes(client, known)])),
    resources: new Map(resources.map((resource) => [resource.identifier, resource])),
    scopes,
    detailTypes: new Map(types.map((type) => [type.type, type])),
  };
}

export function createClientMemory(store: Pick<ClientStore, 'clients' | 'resources'>): ClientMemory {
  const nothing: Contents = { clients: new Map(), resources: new Map(), scopes: [], detailTypes: new Map() };
  const contents = remember(nothing, () => readContents(store));
  return {
    find: (clientId) => contents.current().clients.get(clientId),
    all: () => [...contents.current().clients.values()],
    resources: () => [...contents.current().resources.values()],
    findResource: (identifier) => contents.current().resources.get(identifier),
    scopes: () => contents.current().scopes,
    detailTypes: () => [...contents.current().detailTypes.values()],
    findDetailType: (type) => contents.current().detailTypes.get(type),
    resourcesOf: ({ metadata }) => {
      const asked = new Set(metadata.scope?.split(' '));
      return [...contents.current().resources.values()].filter(
        ({ identifier, scopes }) =>
          metadata.resources.includes(identifier) || scopes.some(({ name }) => asked.has(name)),
      );
    },
    algorithms: () => {
      const { clients, resources } = contents.current();
      return algorithmsAsked([...clients.values()], [...resources.values()]);
    },
    reload: async () => void (await contents.refresh()),
  };
}

/**
 * Leaves out scopes that no resource has any more. The engine refuses a client that names an unknown scope altogether:
 * an API that loses a scope would take its clients' sign-in with it.
 */
function withKnownScopes(client: ClientRecord, known: ReadonlySet<string>): ClientRecord {
  const { scope, ...metadata } = client.metadata;
  if (scope === undefined) return client;
  const left = scope.split(' ').filter((name) => known.has(name));
  return { ...client, metadata: { ...metadata, scope: left.join(' ') } };
}
