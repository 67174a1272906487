import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { FetchLike } from '../../foundation/outbound/fetch.ts';
import type { Random } from '../../foundation/random.ts';
import type { Audit, By } from '../audit/module.ts';
import { createClientChanges } from './change-client.ts';
import type { ClientEndings, ClientRecord, ClientWithSecret, Resource, ResourceScope } from './client.ts';
import { createCreateClient } from './create-client.ts';
import type { DetailTypeOfApi } from './detail-types.ts';
import { createDisableClient } from './disable-client.ts';
import { createClientMemory } from './memory.ts';
import { createRotateSecret } from './rotate-secret.ts';
import type { NewClient, NewResource } from './schema.ts';
import { createCheckSector } from './sector.ts';
import { createClientStore } from './store.ts';
import { createUpsertResource } from './upsert-resource.ts';

export type {
  ClientEndings,
  ClientRecord,
  ClientSecret,
  ClientWithSecret,
  Resource,
  ResourceScope,
  Scope,
} from './client.ts';
export { type DetailTypeOfApi, detailProblem, sentenceOf } from './detail-types.ts';
export { fapiAlgorithms } from './fapi.ts';
export { unknownReferences } from './read-client.ts';
export type { ClientMetadata, NewClient, NewResource } from './schema.ts';
export { grantTypes, isPublicKey, newClientSchema, newResourceSchema } from './schema.ts';
export { isUpstreamScope, upstreamOf, upstreamScope, upstreamScopesOf } from './upstream-scopes.ts';

/**
 * Clients owns relying apps and services, their secrets, the APIs (resources) and their scopes, and answers from memory.
 * It does not speak the protocol: the engine reads from here and compares secrets. A change moves the revision
 * `clients`, upon which every process calls `reload`. Ending what a disabled client still holds is handed in by protocol.
 */
export interface Clients {
  /** One client, disabled or not. */
  find(clientId: string): ClientRecord | undefined;
  all(): readonly ClientRecord[];
  resources(): readonly Resource[];
  findResource(identifier: string): Resource | undefined;
  /** Every scope of every resource, for the engine's configuration and the consent page. */
  scopes(): readonly ResourceScope[];
  /** Every kind of authorization detail that an API understands (RFC 9396). */
  detailTypes(): readonly DetailTypeOfApi[];
  findDetailType(type: string): DetailTypeOfApi | undefined;
  /** The resources that a client may use: its `scope` names one of their scopes, or its `resources` lists them. */
  resourcesOf(client: ClientRecord): readonly Resource[];
  /** Every algorithm that keys of ours are needed for, as clients and resources name it. */
  algorithms(): ReadonlySet<string>;
  /** Reads everything from the database. */
  reload(): Promise<void>;

  /**
   * Registers a client. Confidential ones without `client_secret` get one, told this once.
   * Throws `client_refused` (400, fields), `client_exists` (409).
   */
  create(client: NewClient, by: By): Promise<ClientWithSecret>;
  /**
   * Brings a client's metadata to the given state; its secrets stay, unless `resetSecret` makes `client_secret` the only
   * one, at once. Returns the names of what changed. Throws `client_refused`, `client_unknown` (404).
   */
  update(client: NewClient, by: By, options?: { resetSecret?: boolean }): Promise<string[]>;
  /** What `update` would change, without changing it. */
  preview(client: NewClient, options?: { resetSecret?: boolean }): string[];
  /**
   * Gives a client another secret. The former ones stay valid for `overlapSeconds`. Throws `client_unknown` (404) and
   * `client_without_secret` (400).
   */
  rotateSecret(clientId: string, overlapSeconds: number, by: By): Promise<Required<ClientWithSecret>>;
  /** Refuses the client from now on and ends what it holds. False when it was so already. Throws `client_unknown` (404). */
  disable(clientId: string, by: By, endings: ClientEndings): Promise<boolean>;
  /** Lets a disabled client in again; what was ended stays ended. False when it was so already. */
  enable(clientId: string, by: By, endings: ClientEndings): Promise<boolean>;
  /** Registers an API or brings it to the given state. Returns the names of what changed. Throws `resource_refused` (400, fields). */
  upsertResource(resource: NewResource, by: By): Promise<string[]>;
  /** What `upsertResource` would change, without changing it. */
  previewResource(resource: NewResource): string[];
}

export function createClients(parts: {
  database: Database;
  clock: Clock;
  ids: Ids;
  random: Random;
  audit: Audit;
  /** Guarded and limited in time; for what an operator's client names. */
  fetch: FetchLike;
}): Clients {
  const store = createClientStore(parts);
  const memory = createClientMemory(store);
  const within = { ...parts, store, memory, checkSector: createCheckSector(parts.fetch) };
  return {
    ...memory,
    ...createCreateClient(within),
    ...createClientChanges(within),
    ...createDisableClient(within),
    ...createRotateSecret(within),
    ...createUpsertResource(within),
  };
}
