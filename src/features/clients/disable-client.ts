import { bumpRevision } from '../../foundation/db/revision.ts';
import type { By } from '../audit/module.ts';
import type { ClientEndings } from './client.ts';
import { type ClientParts, mustFind } from './create-client.ts';

export function createDisableClient({ database, audit, store, memory }: ClientParts) {
  async function setDisabled(
    { clientId, disabled }: { clientId: string; disabled: boolean },
    by: By,
    endings: ClientEndings,
  ): Promise<boolean> {
    await memory.reload();
    mustFind(memory, clientId);
    const operations = await endings(clientId);
    const type = disabled ? 'client.disabled' : 'client.enabled';
    const done = await database.together(async (tx, also) => {
      const changed = await store.setDisabled(tx, clientId, disabled);
      if (changed) also(audit.record({ type, outcome: 'success', actor: by.actor, client: clientId }, by.facts));
      // Whichever way: what a node issued before it heard of the change ends now, and does not come to life again.
      if (changed || disabled) for (const operation of operations) also(operation);
      if (changed) also(bumpRevision('clients'));
      return changed;
    });
    await memory.reload();
    return done;
  }

  return {
    disable: (clientId: string, by: By, endings: ClientEndings) =>
      setDisabled({ clientId, disabled: true }, by, endings),
    enable: (clientId: string, by: By, endings: ClientEndings) =>
      setDisabled({ clientId, disabled: false }, by, endings),
  };
}
