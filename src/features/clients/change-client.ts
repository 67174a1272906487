import { isDeepStrictEqual } from 'node:util';
import { equalHashes, sha256 } from '../../foundation/crypto/hash.ts';
import { bumpRevision } from '../../foundation/db/revision.ts';
import type { By } from '../audit/module.ts';
import type { ClientRecord } from './client.ts';
import { type ClientParts, mustFind, refuseUnknownReferences } from './create-client.ts';
import { readClient } from './read-client.ts';
import type { ClientMetadata, NewClient } from './schema.ts';

interface UpdateOptions {
  readonly resetSecret?: boolean;
}

/** What an update comes to. */
interface Update {
  readonly metadata: ClientMetadata;
  /** The secret that becomes the only one. */
  readonly secret: string | undefined;
  readonly changed: string[];
}

/** The names of the fields that differ. */
function changedFields(client: ClientRecord, wanted: ClientMetadata): string[] {
  const before = client.metadata as Readonly<Record<string, unknown>>;
  const after = wanted as Readonly<Record<string, unknown>>;
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/** Whether this is the client's one secret already. */
function isOnlySecret({ secrets }: ClientRecord, secret: string): boolean {
  const [only, ...others] = secrets;
  return (
    only !== undefined && others.length === 0 && only.expiresAt === undefined && equalHashes(only.hash, sha256(secret))
  );
}

export function createClientChanges({ database, ids, audit, store, memory, checkSector }: ClientParts) {
  function updateOf(input: NewClient, { resetSecret = false }: UpdateOptions): Update {
    const { metadata, secret } = readClient(input, ids);
    const client = mustFind(memory, metadata.client_id);
    const replaces = resetSecret && secret !== undefined && !isOnlySecret(client, secret);
    const changed = [...changedFields(client, metadata), ...(replaces ? ['client_secret'] : [])];
    return { metadata, secret: replaces ? secret : undefined, changed };
  }

  const event = (client: string, by: By, details: object) =>
    audit.record(
      { type: 'client.updated', outcome: 'success', actor: by.actor, client, details: { ...details } },
      by.facts,
    );

  return {
    preview: (input: NewClient, options: UpdateOptions = {}): string[] => updateOf(input, options).changed,

    async update(input: NewClient, by: By, options: UpdateOptions = {}): Promise<string[]> {
      await memory.reload();
      const { metadata, secret, changed } = updateOf(input, options);
      refuseUnknownReferences(input, memory);
      if (changed.length === 0) return [];
      await checkSector(metadata, changed);
      await database.together(async (tx, also) => {
        await store.updateClient(tx, metadata);
        if (secret !== undefined) {
          await store.revokeSecrets(tx, metadata.client_id);
          await store.insertSecret(tx, metadata.client_id, sha256(secret));
        }
        also(event(metadata.client_id, by, { changed }));
        also(bumpRevision('clients'));
      });
      await memory.reload();
      return changed;
    },
  };
}
