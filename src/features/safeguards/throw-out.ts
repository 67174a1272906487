import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Addresses } from '../addresses/module.ts';
import type { Audit, AuditEvent, By } from '../audit/module.ts';
import type { Deletions } from '../deletions/module.ts';
import type { Devices } from '../devices/module.ts';
import type { Federation } from '../federation/module.ts';
import type { Mfa } from '../mfa/module.ts';
import type { Notices } from '../notices/module.ts';
import type { Passwords } from '../passwords/module.ts';
import { interactionSeconds } from '../protocol/module.ts';
import type { AccountEndings, EndReason, User, Users } from '../users/module.ts';

export interface ThrowOutParts {
  readonly clock: Clock;
  readonly database: Database;
  readonly audit: Audit;
  readonly users: Users;
  readonly devices: Pick<Devices, 'removeAll'>;
  readonly passwords: Pick<Passwords, 'takeAway'>;
  readonly mfa: Pick<Mfa, 'disown'>;
  readonly federation: Pick<Federation, 'disown'>;
  readonly addresses: Pick<Addresses, 'disown'>;
  readonly deletions: Pick<Deletions, 'isUndoable' | 'disown'>;
  readonly notices: Notices;
  /** Ends everything that a person holds, and tells the apps. */
  readonly endEverything: AccountEndings;
}

/** Who says so, by which link, and in which language they read. */
export interface Disowning {
  readonly user: User;
  readonly secret: string;
  readonly language: string;
}

/** How long the link works by which the person sets a new password at once, in seconds. */
const resetSeconds = 30 * 60;

/** Who is thrown out of whose account. */
export interface Expulsion {
  readonly user: User;
  /** The owner's address, as it is afterwards. */
  readonly email: string;
  /** From when on somebody else may have been in, in milliseconds. */
  readonly since: number;
  readonly reason: EndReason;
  readonly language: string;
  /** What uses up the link by which they say so. */
  readonly using: Operation;
}

/**
 * Whoever was in must have no way back. Ends every session and token of the account, knows none of its browsers any more,
 * takes away the password that somebody else knows, and what was added since: passkeys, app, recovery codes, identities
 * at other providers, a deletion. With it comes a link by which the owner sets a new password: whatever was their way in,
 * this is one. Commit the operations with what it is done for.
 */
export async function expel(
  parts: ThrowOutParts,
  expulsion: Expulsion,
  by: By,
): Promise<{ readonly secret: string; readonly operations: readonly Operation[] }> {
  const { users, deletions } = parts;
  const { user, reason } = expulsion;
  const { id } = user;
  const reset = users.links.prepare('reset', { ttlSeconds: resetSeconds, subject: id }, by);
  const isSentAway = user.disabledAt !== undefined && (await deletions.isUndoable(id));
  const operations = [
    // The password's row first: see `ResetPassword`.
    ...parts.passwords.takeAway(id),
    expulsion.using,
    users.links.voidOpen('not-me', id),
    users.links.voidOpen('reset', id),
    ...(await parts.endEverything(id, reason)),
    parts.devices.removeAll(id),
    ...reset.operations,
    ...(isSentAway ? deletions.disown(id, by) : []),
    ...(await withoutAdded(parts, expulsion, by)),
  ];
  return { secret: reset.secret, operations };
}

/**
 * "This wasn't me": throws out whoever signed in, and takes back another address that they may have set. Returns the
 * secret of the link by which the owner sets a new password. The notice's link is used up: of any number of racers one
 * wins, the others get `store_conflict`. Throws `user_email_taken` when another account has the former address by now.
 */
export async function throwOut(parts: ThrowOutParts, { user, secret, language }: Disowning, by: By): Promise<string> {
  const { database, users } = parts;
  const { id } = user;
  const since = await sinceOf(parts, id);
  const { former, operations: voiding } = await parts.addresses.disown(id, since);
  const email = former ?? user.email;
  const using = users.links.use('not-me', secret);
  const expelled = await expel(parts, { user, email, since, reason: 'disowned', language, using }, by);
  const operations = [...expelled.operations, ...voiding, event(parts, id, { type: 'account.disowned' }, by)];
  if (former !== undefined) {
    await users.changeEmail(id, { to: former }, by, async () => operations);
  } else {
    await database.together(async (_, also) => {
      for (const operation of operations) also(operation);
    });
  }
  return expelled.secret;
}

/**
 * From when on somebody else may have been in: since the oldest sign-in that was told and never answered, not only the
 * one whose mail was opened. A sign-in is told when it is complete, and may have added a factor on its way.
 */
export async function sinceOf(
  { clock, users }: ThrowOutParts,
  id: string,
  atLatest: number = clock.now(),
): Promise<number> {
  const told = (await users.links.oldestOpen('not-me', id)) ?? atLatest;
  return Math.min(told, atLatest) - interactionSeconds * 1000;
}

/** Takes away what was added to the factors and to the ways in, with its events and a mail. */
async function withoutAdded(
  parts: ThrowOutParts,
  { user, email, since, language }: Expulsion,
  by: By,
): Promise<readonly Operation[]> {
  const { id } = user;
  const { methods, operations } = await parts.mfa.disown(id, since);
  const { providers, operations: unlinking } = await parts.federation.disown(id, since);
  const removed = [
    ...methods.map((method) => event(parts, id, { type: 'factor.removed', details: { method } }, by)),
    ...providers.map((provider) => event(parts, id, { type: 'identity.unlinked', details: { provider } }, by)),
  ];
  if (removed.length === 0) return [...operations, ...unlinking];
  return [
    ...operations,
    ...unlinking,
    ...removed,
    ...parts.notices.about({ kind: 'factors-disowned' }, { id, email }, { ...by, language }),
  ];
}

const event = (
  { audit }: Pick<ThrowOutParts, 'audit'>,
  subject: string,
  told: Pick<AuditEvent, 'type' | 'details'>,
  { actor, facts }: By,
): Operation => audit.record({ ...told, outcome: 'success', actor, subject }, facts);
