import type { Database } from '../../foundation/db/database.ts';
import type { By } from '../audit/module.ts';
import type { Throttle, Unlocks } from '../throttle/module.ts';
import type { User, Users } from '../users/module.ts';

export interface UnlockAccountParts {
  readonly database: Database;
  readonly users: Users;
  readonly throttle: Pick<Throttle, 'forget'>;
  readonly unlocks: Pick<Unlocks, 'open'>;
}

/** Opens the account by its link, which is used up: of any number of racers one wins, the others get `store_conflict`. */
export async function unlockAccount(
  { database, users, throttle, unlocks }: UnlockAccountParts,
  { id }: User,
  secret: string,
  by: By,
): Promise<void> {
  await database.together(async (_, also) => {
    also(users.links.use('unlock', secret));
    also(users.links.voidOpen('unlock', id));
    for (const operation of unlocks.open(id, by)) also(operation);
  });
  // Other processes hear of it within a second; the person is at this one's page.
  throttle.forget(id);
}
