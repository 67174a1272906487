import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { storeError } from '../../foundation/db/errors.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { By, RequestFacts } from '../audit/module.ts';
import type { EndReason, User, Users } from '../users/module.ts';
import type { AddressStore, PendingChange, UndoableChange } from './store.ts';

/** How long the former address can take a change back after it took effect, in milliseconds. */
const undoMs = 7 * 24 * 60 * 60 * 1000;

export interface ChangeAddressParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly users: Users;
  readonly mail: Mail;
  readonly store: AddressStore;
  readonly expel: Expel;
}

/**
 * Throws out whoever else may have been in since a time (milliseconds) or before: ends what they hold and takes away what
 * they know and have added. Commit the operations with what it is done for. `secret` is that of a link by which the owner
 * sets a new password.
 */
export type Expel = (
  expulsion: {
    readonly user: User;
    /** Where the owner is told. */
    readonly email: string;
    readonly atLatest: number;
    readonly reason: EndReason;
    readonly language: string;
    /** What uses up the link by which they say so. */
    readonly using: Operation;
  },
  by: By,
) => Promise<{ readonly secret: string; readonly operations: readonly Operation[] }>;

/** Through which request, and in which language its person reads. */
export interface ChangeContext {
  readonly facts: RequestFacts;
  readonly language: string;
}

/** What the two links of a change do. */
export interface ChangeAddress {
  /** The change of a confirming link, while it works. */
  pending(secret: string): Promise<PendingChange | undefined>;
  /**
   * Makes the new address the account's, and sends the former one a link that undoes it. Throws `user_email_taken` when
   * somebody else has the address by now, and `store_conflict` when the link was used or the account's address is another.
   */
  confirm(change: PendingChange, context: ChangeContext): Promise<void>;
  /** The change of an undo link, while it works. */
  undoable(secret: string): Promise<UndoableChange | undefined>;
  /**
   * Makes the former address the account's again, whatever it was changed to since, and throws out whoever changed it:
   * they must not stay. The secret of a link by which the owner sets a new password. Throws as `confirm`.
   */
  undo(change: UndoableChange, context: ChangeContext): Promise<string>;
}

export function createChangeAddress(parts: ChangeAddressParts): ChangeAddress {
  const { users, store } = parts;
  return {
    pending: (secret) => store.find(sha256(secret)),
    async confirm(change, context) {
      const { id, userId, formerEmail, email } = change;
      const secret = secretToken(parts.random);
      const undoUntil = parts.clock.now() + undoMs;
      const by: By = { actor: { kind: 'user', id: userId }, facts: context.facts };
      await users.changeEmail(userId, { from: formerEmail, to: email }, by, async () => [
        store.confirm(id, { hash: sha256(secret), undoUntil }),
        // A link that lies in the former mailbox must not set a password any more; from there the undo link leads on.
        users.links.voidOpen('reset', userId),
        ...informBoth(parts, change, context, { secret, undoUntil }),
      ]);
    },
    undoable: (secret) => store.findUndoable(sha256(secret)),
    undo: (change, context) => undo(parts, change, context),
  };
}

async function undo(
  { users, store, expel }: ChangeAddressParts,
  change: UndoableChange,
  { facts, language }: ChangeContext,
): Promise<string> {
  const { id, userId, formerEmail: email, askedAt: atLatest } = change;
  const user = await users.find(userId);
  if (!user) throw storeError('store_conflict', 'the account is gone');
  const by: By = { actor: { kind: 'anonymous', name: 'undo link' }, facts };
  const using = store.undo(id);
  const { secret, operations } = await expel({ user, email, atLatest, reason: 'address', language, using }, by);
  await users.changeEmail(userId, { to: email }, by, async () => [...operations, store.voidSince(change)]);
  return secret;
}

function informBoth(
  { issuer, clock, mail }: ChangeAddressParts,
  { userId, formerEmail, email }: Pick<PendingChange, 'userId'> & { formerEmail: User['email']; email: User['email'] },
  { facts, language }: ChangeContext,
  { secret, undoUntil }: { secret: string; undoUntil: number },
): Operation[] {
  if (!mail.isOn) return [];
  const to = { subject: userId, language } as const;
  const locals = { at: clock.now(), ip: facts.ip, email };
  const undo = { href: `${issuer}/email/undo?key=${secret}`, until: undoUntil };
  return [
    mail.put({ mail: 'address-changed', to: formerEmail, ...to, locals: { ...locals, undo }, until: undoUntil }),
    mail.put({ mail: 'address-changed', to: email, ...to, locals }),
  ];
}
