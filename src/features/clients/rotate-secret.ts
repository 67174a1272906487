import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { bumpRevision } from '../../foundation/db/revision.ts';
import type { By } from '../audit/module.ts';
import type { ClientWithSecret } from './client.ts';
import { type ClientParts, mustFind, newSecret } from './create-client.ts';
import { clientWithoutSecret } from './errors.ts';
import { usesSecret } from './schema.ts';

export function createRotateSecret(parts: ClientParts & { readonly clock: Clock }) {
  const { database, clock, random, audit, store, memory } = parts;
  return {
    async rotateSecret(clientId: string, overlapSeconds: number, by: By): Promise<Required<ClientWithSecret>> {
      await memory.reload();
      if (!usesSecret(mustFind(memory, clientId).metadata)) throw clientWithoutSecret(clientId);
      const clientSecret = newSecret(random);
      const common = { outcome: 'success', actor: by.actor, client: clientId } as const;
      await database.together(async (tx, also) => {
        if (overlapSeconds > 0) await store.endSecretsAt(tx, clientId, clock.now() + overlapSeconds * 1000);
        else await store.revokeSecrets(tx, clientId);
        await store.insertSecret(tx, clientId, sha256(clientSecret));
        also(audit.record({ type: 'client.secret_rotated', ...common, details: { overlapSeconds } }, by.facts));
        also(bumpRevision('clients'));
      });
      await memory.reload();
      return { client: mustFind(memory, clientId), clientSecret };
    },
  };
}
