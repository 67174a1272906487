import { isDeepStrictEqual } from 'node:util';
import { bumpRevision } from '../../foundation/db/revision.ts';
import type { By } from '../audit/module.ts';
import type { Resource } from './client.ts';
import type { ClientParts } from './create-client.ts';
import { fieldProblems, resourceRefused } from './errors.ts';
import type { ClientMemory } from './memory.ts';
import { type NewResource, newResourceSchema } from './schema.ts';
import { byName } from './store.ts';

/** The input as it is stored. Throws `resource_refused` with every problem at once. */
function readResource(input: NewResource): Resource {
  const result = newResourceSchema.safeParse(input);
  if (!result.success) throw resourceRefused(fieldProblems(result.error));
  const resource = result.data;
  return {
    identifier: resource.identifier,
    accessTokenFormat: resource.access_token_format,
    ...(resource.access_token_ttl === undefined ? {} : { accessTokenTtl: resource.access_token_ttl }),
    ...(resource.signing_alg === undefined ? {} : { signingAlg: resource.signing_alg }),
    scopes: resource.scopes.toSorted(byName),
    introspectionClients: resource.introspection_clients,
    detailTypes: resource.authorization_details,
  };
}

/** A detail names its type and no API: a type belongs to one. Throws `resource_refused`. */
function refuseTakenTypes({ identifier, detailTypes }: Resource, memory: ClientMemory): void {
  const taken = detailTypes.find(({ type }) => (memory.findDetailType(type)?.resource ?? identifier) !== identifier);
  if (taken !== undefined) throw resourceRefused({ authorization_details: `${taken.type} belongs to another API` });
}

const fieldsOf = (resource: Resource | undefined) => ({
  access_token_format: resource?.accessTokenFormat,
  access_token_ttl: resource?.accessTokenTtl,
  signing_alg: resource?.signingAlg,
  scopes: resource?.scopes,
  introspection_clients: resource?.introspectionClients,
  authorization_details: resource?.detailTypes,
});

export function createUpsertResource({ database, audit, store, memory }: ClientParts) {
  /** What differs from what is registered, by the names that the seed file uses. */
  function changedFields(wanted: Resource): string[] {
    const before = fieldsOf(memory.findResource(wanted.identifier));
    return Object.entries(fieldsOf(wanted))
      .filter(([name, value]) => !isDeepStrictEqual(value, before[name as keyof typeof before]))
      .map(([name]) => name);
  }

  return {
    previewResource: (input: NewResource): string[] => changedFields(readResource(input)),

    async upsertResource(input: NewResource, by: By): Promise<string[]> {
      const resource = readResource(input);
      await memory.reload();
      const changed = changedFields(resource);
      if (changed.length === 0) return [];
      refuseTakenTypes(resource, memory);
      const type = memory.findResource(resource.identifier) === undefined ? 'resource.created' : 'resource.updated';
      const details = { resource: resource.identifier, changed };
      await database.together(async (tx, also) => {
        await store.putResource(tx, resource);
        also(audit.record({ type, outcome: 'success', actor: by.actor, details }, by.facts));
        also(bumpRevision('clients'));
      });
      await memory.reload();
      return changed;
    },
  };
}
