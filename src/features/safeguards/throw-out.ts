import type { Database } from '../../foundation/db/database.ts';
import type { Audit, By } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import type { AccountEndings, User, Users } from '../users/module.ts';

export interface ThrowOutParts {
  readonly database: Database;
  readonly audit: Audit;
  readonly users: Users;
  readonly devices: Pick<Devices, 'removeAll'>;
  /** Ends everything that a person holds, and tells the apps. */
  readonly endEverything: AccountEndings;
}

/** How long the link works by which the person sets a new password at once, in seconds. */
const resetSeconds = 30 * 60;

/**
 * "This wasn't me": ends every session and token of the account, knows none of its browsers any more, and makes a link
 * by which its owner sets a new password; its secret is returned. The notice's link is used up: of any number of racers
 * one wins, the others get `store_conflict`.
 */
export async function throwOut(parts: ThrowOutParts, { id }: User, secret: string, by: By): Promise<string> {
  const { database, audit, users, devices } = parts;
  const ending = await parts.endEverything(id);
  const reset = users.links.prepare('reset', { ttlSeconds: resetSeconds, subject: id }, by);
  const event = audit.record({ type: 'account.disowned', outcome: 'success', actor: by.actor, subject: id }, by.facts);
  await database.together(async (_, also) => {
    also(users.links.use('not-me', secret));
    also(users.links.voidOpen('not-me', id));
    also(users.links.voidOpen('reset', id));
    for (const operation of ending) also(operation);
    also(devices.removeAll(id));
    for (const operation of reset.operations) also(operation);
    also(event);
  });
  return reset.secret;
}
