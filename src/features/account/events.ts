import type { AuditEvent } from '../audit/module.ts';
import type { User } from '../users/module.ts';

const own = (user: User) => ({ actor: { kind: 'user', id: user.id }, subject: user.id }) as const;

/** Something that a person did to their own account. */
export const ownEvent = (user: User, type: AuditEvent['type'], details?: AuditEvent['details']): AuditEvent => ({
  ...own(user),
  type,
  outcome: 'success',
  details,
});

/** A secret that was typed on the account's pages and was not right, or came too often. */
export const refusalEvent = (user: User, reason: string): AuditEvent => ({
  ...own(user),
  type: 'signin.failed',
  outcome: reason === 'throttled' ? 'denied' : 'failure',
  reason,
  details: { at: 'account' },
});
