import { userUnknown } from './errors.ts';
import type { UserStore } from './store.ts';
import type { User } from './user.ts';

/** The account, which must be there. Throws `user_unknown`. */
export async function mustFind(store: UserStore, id: string): Promise<User> {
  const user = await store.find(id);
  if (user === undefined) throw userUnknown();
  return user;
}
