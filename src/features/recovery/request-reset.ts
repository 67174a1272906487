import type { Operation } from '../../foundation/db/statement.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import type { Audit, By, RequestFacts } from '../audit/module.ts';
import type { User, Users } from '../users/module.ts';
import { resetLinkSeconds, resetUrl } from './reset-link.ts';

/** That somebody typed an address and wants a link: all that the page stores. */
export interface ResetRequest {
  readonly login: string;
  /** The app that the person was about to sign in to. */
  readonly clientId?: string | undefined;
  readonly language: string;
  readonly facts: RequestFacts;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The outbox kind of requests for a reset. */
export const resetRequestKind = 'reset-request';

/** So many links that work may lie in a mailbox: who fills in the form for somebody else must not bury it in mails. */
const openLinks = 3;

export interface RequestResetParts {
  readonly issuer: string;
  readonly audit: Audit;
  readonly users: Users;
  readonly mail: Mail;
  readonly loginReference: (login: string) => string;
}

/**
 * Answers requests for a reset, away from the page: the page does the same work, and takes the same time, whether the
 * address has an account or not (account enumeration), because only here does anybody look.
 */
export function answerResetRequests(parts: RequestResetParts): MessageKind {
  return {
    async deliver(body) {
      const request = body as ResetRequest;
      const user = await parts.users.findByLogin(request.login);
      const reason = await refusal(parts.users, user);
      return user === undefined || reason !== undefined
        ? refused(parts, request, { reason: reason ?? 'unknown_login', subject: user?.id })
        : sendLink(parts, request, user);
    },
    settled: () => [],
  };
}

async function refusal(users: Users, user: User | undefined): Promise<string | undefined> {
  if (user === undefined) return 'unknown_login';
  if (user.disabledAt !== undefined) return 'account_disabled';
  // Nobody has shown that this mailbox is theirs (NIST SP 800-63B-4 §4.2.1.2: recovery by a validated address).
  if (!user.emailVerified) return 'email_unverified';
  return (await users.links.countOpen('reset', user.id)) >= openLinks ? 'too_many_links' : undefined;
}

function sendLink({ issuer, audit, users, mail }: RequestResetParts, request: ResetRequest, user: User): Operation[] {
  const { facts, language, at, clientId } = request;
  const by: By = { actor: { kind: 'anonymous' }, facts };
  const options = { ttlSeconds: resetLinkSeconds, subject: user.id };
  const { secret, expiresAt, operations } = users.links.prepare('reset', options, by);
  const href = resetUrl(issuer, secret, clientId);
  return [
    ...operations,
    mail.put({
      mail: 'reset-link',
      to: user.email,
      subject: user.id,
      language,
      locals: { href, expiresAt, at, ip: facts.ip },
      until: expiresAt,
    }),
    audit.record({ type: 'reset.requested', outcome: 'success', actor: by.actor, subject: user.id }, facts),
  ];
}

/** Equal ones within a minute are one event: what strangers type must not fill the audit. */
function refused(
  { audit, loginReference }: RequestResetParts,
  { login, facts }: ResetRequest,
  { reason, subject }: { reason: string; subject: string | undefined },
): Operation[] {
  const details = subject === undefined ? { login: loginReference(login) } : {};
  const event = { type: 'reset.requested', outcome: 'denied', reason, actor: { kind: 'anonymous' } } as const;
  const key = { address: facts.ip, reason: `${event.type} ${reason} ${subject ?? details.login}` };
  const recorded = audit.coalesce.refusal(key, { ...event, subject, details }, facts);
  return recorded === undefined ? [] : [recorded];
}
