import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import { bumpRevision } from '../../foundation/db/revision.ts';
import { AppError } from '../../foundation/errors.ts';
import type { Ids } from '../../foundation/ids.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { Audit, By } from '../audit/module.ts';
import type { ClientRecord, ClientWithSecret } from './client.ts';
import { clientExists, clientRefused, clientUnknown } from './errors.ts';
import type { ClientMemory } from './memory.ts';
import { readClient, unknownReferences } from './read-client.ts';
import { type NewClient, usesSecret } from './schema.ts';
import type { createCheckSector } from './sector.ts';
import type { ClientStore } from './store.ts';

export interface ClientParts {
  readonly database: Database;
  readonly ids: Ids;
  readonly random: Random;
  readonly audit: Audit;
  readonly store: ClientStore;
  readonly memory: ClientMemory;
  readonly checkSector: ReturnType<typeof createCheckSector>;
}

/** A secret of 256 bits. Its prefix lets scanners of source code recognise one that was committed. */
export const newSecret = (random: Random): string => `postern_cs_${secretToken(random)}`;

/** The client, which must be there. Throws `client_unknown`. */
export function mustFind(memory: ClientMemory, clientId: string): ClientRecord {
  const client = memory.find(clientId);
  if (client === undefined) throw clientUnknown(clientId);
  return client;
}

/** Throws `client_refused` when the client names what does not exist. */
export function refuseUnknownReferences(client: NewClient, memory: ClientMemory): void {
  const problems = unknownReferences(client, memory.resources());
  if (Object.keys(problems).length > 0) throw clientRefused(problems);
}

export function createCreateClient({ database, ids, random, audit, store, memory, checkSector }: ClientParts) {
  return {
    async create(input: NewClient, by: By): Promise<ClientWithSecret> {
      const { metadata, secret: given } = readClient(input, ids);
      await memory.reload();
      refuseUnknownReferences(input, memory);
      await checkSector(metadata);
      const clientId = metadata.client_id;
      const made = usesSecret(metadata) && given === undefined ? newSecret(random) : undefined;
      const secret = given ?? made;
      try {
        await database.together(async (tx, also) => {
          await store.insertClient(tx, metadata);
          if (secret !== undefined) await store.insertSecret(tx, clientId, sha256(secret));
          also(
            audit.record({ type: 'client.created', outcome: 'success', actor: by.actor, client: clientId }, by.facts),
          );
          also(bumpRevision('clients'));
        });
      } catch (error) {
        if (error instanceof AppError && error.code === 'store_unique') throw clientExists(clientId);
        throw error;
      }
      await memory.reload();
      return { client: mustFind(memory, clientId), ...(made === undefined ? {} : { clientSecret: made }) };
    },
  };
}
