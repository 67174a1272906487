import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { Audit, By } from '../audit/module.ts';
import type { Notices } from '../notices/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { AccountEndings, User, Users } from '../users/module.ts';
import type { Deletion, DeletionStore } from './store.ts';

export interface DeleteAccountParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly audit: Audit;
  readonly users: Users;
  readonly mail: Mail;
  readonly notices: Notices;
  readonly store: DeletionStore;
  /** Ends everything that a person holds, and tells the apps. */
  readonly endEverything: AccountEndings;
}

/** A deletion that was asked for: until when it can be undone, and where. */
export interface Scheduled {
  readonly dueAt: number;
  /** Path of the page on which it can be undone, with a link's secret. */
  readonly undoPath: string;
}

/** Asking for an account's deletion, and thinking better of it. */
export interface DeleteAccount {
  /**
   * Refuses the person from now on, ends what they hold, and mails them a link that undoes it; erasing comes later.
   * `last-administrator` when nobody would be left to run this server, `gone` when it was asked for already.
   */
  schedule(user: User, by: By, language: string): Promise<Scheduled | 'last-administrator' | 'gone'>;
  /** A way back for somebody who has just shown their password; undefined when there is none. */
  offer(
    userId: string,
    by: By,
  ): Promise<{ readonly scheduled: Scheduled; readonly operations: readonly Operation[] } | undefined>;
  /** Whose deletion a link undoes, while it can be. */
  undoable(secret: string): Promise<{ readonly userId: string; readonly dueAt: number } | undefined>;
  /** Lets the person in again, and tells them by mail. False when it came too late, or the link was used. */
  undo(userId: string, secret: string, by: By, language: string): Promise<boolean>;
  /** Whether the account is on its way out, and may still be kept. */
  isUndoable(userId: string): Promise<boolean>;
  /** The operations that keep an account whose deletion its owner disowns. They must hit, and miss when it came too late. */
  disown(userId: string, by: By): readonly Operation[];
}

const dayMs = 24 * 60 * 60 * 1000;
const undoPath = (secret: string): string => `/account/undelete?key=${secret}`;
const isLost = (error: unknown): boolean => error instanceof AppError && error.code === 'store_conflict';

export function createDeleteAccount(parts: DeleteAccountParts): DeleteAccount {
  const { clock, users, store } = parts;
  const isOpen = (deletion: Deletion | undefined): deletion is Deletion =>
    deletion !== undefined && !deletion.isLocked && deletion.dueAt > clock.now();
  return {
    schedule: createSchedule(parts),
    async offer(userId, by) {
      const deletion = await store.find(userId);
      if (!isOpen(deletion)) return undefined;
      const { secret, operations } = linkBack(parts, deletion, by);
      return { scheduled: { dueAt: deletion.dueAt, undoPath: undoPath(secret) }, operations };
    },
    async undoable(secret) {
      const userId = (await users.links.peek('undelete', secret))?.subject;
      const deletion = userId === undefined ? undefined : await store.find(userId);
      return isOpen(deletion) ? deletion : undefined;
    },
    async undo(userId, secret, by, language) {
      const user = await users.find(userId);
      // Whoever holds the link, or the password, has the account back without its owner: they must hear of it.
      const notice = user ? parts.notices.about({ kind: 'deletion-undone' }, user, { ...by, language }) : [];
      return keep(parts, userId, by, [users.links.use('undelete', secret), ...notice]);
    },
    isUndoable: async (userId) => isOpen(await store.find(userId)),
    disown: (userId, by) => [...users.enabling(userId, by), ...keeping(parts, userId, by)],
  };
}

/** What ends a deletion before its time. The first must hit. */
const keeping = (parts: DeleteAccountParts, userId: string, by: By): Operation[] => [
  parts.store.undo(userId),
  parts.users.links.voidOpen('undelete', userId),
  event(parts, 'user.deletion_undone', userId, by),
];

/** Lets the person in again, with what belongs to it. False when it came too late, or an operation did not hit. */
async function keep(parts: DeleteAccountParts, userId: string, by: By, more: readonly Operation[]): Promise<boolean> {
  try {
    return await parts.users.enable(userId, by, async () => [...more, ...keeping(parts, userId, by)]);
  } catch (error) {
    if (!isLost(error)) throw error;
    return false;
  }
}

function createSchedule(parts: DeleteAccountParts): DeleteAccount['schedule'] {
  const { clock, users, store } = parts;
  return async (user, by, language) => {
    if (await users.isLastAdministrator(user.id)) return 'last-administrator';
    const dueAt = clock.now() + parts.settings.current().deletion.graceDays * dayMs;
    const { secret, operations } = linkBack(parts, { userId: user.id, dueAt }, by);
    const alongside = async () => [
      // Of two administrators who leave at once one stays: see the store.
      ...users.guardLastAdministrator(user),
      store.put(user.id, dueAt),
      event(parts, 'user.deletion_requested', user.id, by),
      ...operations,
      ...inform(parts, user, { dueAt, secret, language, by }),
      ...(await parts.endEverything(user.id, 'deleted')),
    ];
    try {
      await users.disable(user.id, by, alongside);
      return { dueAt, undoPath: undoPath(secret) };
    } catch (error) {
      if (!isLost(error)) throw error;
      return 'gone';
    }
  };
}

const linkBack = (
  { clock, users }: DeleteAccountParts,
  { userId, dueAt }: Pick<Deletion, 'userId' | 'dueAt'>,
  by: By,
) => users.links.prepare('undelete', { ttlSeconds: Math.floor((dueAt - clock.now()) / 1000), subject: userId }, by);

const event = (
  { audit }: DeleteAccountParts,
  type: 'user.deletion_requested' | 'user.deletion_undone',
  subject: string,
  by: By,
) => audit.record({ type, outcome: 'success', actor: by.actor, subject }, by.facts);

function inform(
  { issuer, clock, mail }: DeleteAccountParts,
  { id, email }: User,
  { dueAt, secret, language, by }: { dueAt: number; secret: string; language: string; by: By },
): Operation[] {
  if (!mail.isOn) return [];
  const locals = { at: clock.now(), ip: by.facts.ip, dueAt, href: `${issuer}${undoPath(secret)}` };
  return [mail.put({ mail: 'deletion-scheduled', to: email, subject: id, language, locals, until: dueAt })];
}
