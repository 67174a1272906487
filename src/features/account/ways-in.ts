import type { FederatedAccount } from '../federation/module.ts';
import type { Passkeys } from '../passkeys/module.ts';
import type { Passwords } from '../passwords/module.ts';
import { currentUnit } from '../protocol/module.ts';
import type { Users } from '../users/module.ts';

export interface WaysInParts {
  readonly users: Pick<Users, 'hold'>;
  readonly passwords: Pick<Passwords, 'has' | 'hold'>;
  readonly passkeys: Pick<Passkeys, 'otherWay'>;
  readonly federated: Pick<FederatedAccount, 'otherWay'>;
}

/** What is about to go, by its id. */
export interface Going {
  readonly passkey?: string;
  readonly identity?: string;
}

/**
 * Makes sure that somebody from whose account a way in is taken has another one: a password, a passkey that checks its
 * person, or an identity at a provider that may be used. A mailbox is no way in of its own: operators may switch sign-in
 * by e-mail off. False when there is none. What was found stays until the change is stored, and changes of one account
 * wait for each other: of two ways that are taken away at once, each because of the other, one goes.
 */
export async function keepWayIn(parts: WaysInParts, userId: string, going: Going): Promise<boolean> {
  const { users, passwords, passkeys, federated } = parts;
  const other = (await passwords.has(userId))
    ? passwords.hold(userId)
    : ((await passkeys.otherWay(userId, going.passkey)) ?? (await federated.otherWay(userId, going.identity)));
  if (!other) return false;
  const unit = currentUnit();
  unit?.joinStep([users.hold(userId)], 'grant');
  unit?.joinStep([other], 'once');
  return true;
}
