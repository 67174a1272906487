import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { Audit, RequestFacts } from '../audit/module.ts';
import type { User, Users } from '../users/module.ts';
import { emailSignInMs, newCode, plainCode, secretHashes } from './secret.ts';
import type { EmailSignInStore } from './store.ts';

/** That somebody typed an address and wants to sign in by it: all that the page stores. */
export interface EmailSignInRequest {
  /** As in the store. */
  readonly id: string;
  readonly uid: string;
  readonly login: string;
  readonly way: 'code' | 'link';
  readonly language: string;
  readonly facts: RequestFacts;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The outbox kind of requests for a code or link. */
export const emailSignInKind = 'email-sign-in';

/** So many that work may lie in a mailbox: who asks for somebody else must not bury it in mails. */
const openAtOnce = 3;

export interface SendParts {
  readonly issuer: string;
  readonly keyRing: KeyRing;
  readonly random: Random;
  readonly audit: Audit;
  readonly users: Users;
  readonly mail: Mail;
  readonly store: EmailSignInStore;
  readonly loginReference: (login: string) => string;
}

/**
 * Answers requests for a code or link, away from the page: the page does the same work, and takes the same time,
 * whether the address has an account or not (account enumeration), because only here does anybody look.
 */
export function answerEmailSignIns(parts: SendParts): MessageKind {
  const hashOf = secretHashes(parts.keyRing);
  return {
    async deliver(body) {
      const request = body as EmailSignInRequest;
      const user = await parts.users.findByLogin(request.login);
      const reason = await refusal(parts, user);
      return user === undefined || reason !== undefined
        ? refused(parts, request, { reason: reason ?? 'unknown_login', subject: user?.id })
        : send(parts, hashOf, request, user);
    },
    settled: () => [],
  };
}

async function refusal({ store }: SendParts, user: User | undefined): Promise<string | undefined> {
  if (user === undefined) return 'unknown_login';
  if (user.disabledAt !== undefined) return 'account_disabled';
  // Nobody has shown that this mailbox is theirs.
  if (!user.emailVerified) return 'email_unverified';
  return (await store.countOpen(user.id)) >= openAtOnce ? 'too_many_mails' : undefined;
}

function send(
  { issuer, random, audit, mail, store }: SendParts,
  hashOf: (id: string, secret: string) => string,
  { id, uid, way, language, facts, at }: EmailSignInRequest,
  { id: userId, email }: User,
): Operation[] {
  const expiresAt = at + emailSignInMs;
  const known = { expiresAt, at, ip: facts.ip };
  const to = { to: email, subject: userId, language, until: expiresAt };
  const secret = way === 'code' ? newCode(random) : secretToken(random);
  const href = `${issuer}/interaction/${uid}/email/link?key=${secret}`;
  const letter =
    way === 'code'
      ? mail.put({ ...to, mail: 'sign-in-code', locals: { ...known, code: secret } })
      : mail.put({ ...to, mail: 'sign-in-link', locals: { ...known, href } });
  const event = { type: 'signin.requested', outcome: 'success', actor: { kind: 'anonymous' } } as const;
  const secretHash = hashOf(id, way === 'code' ? plainCode(secret) : secret);
  const recorded = audit.record({ ...event, subject: userId, details: { way } }, facts);
  return [store.arm(id, { userId, secretHash }), letter, recorded];
}

/** Equal ones within a minute are one event: what strangers type must not fill the audit. */
function refused(
  { audit, loginReference }: SendParts,
  { login, facts }: EmailSignInRequest,
  { reason, subject }: { reason: string; subject: string | undefined },
): Operation[] {
  const details = subject === undefined ? { login: loginReference(login) } : {};
  const event = { type: 'signin.requested', outcome: 'denied', reason, actor: { kind: 'anonymous' } } as const;
  const key = { address: facts.ip, reason: `${event.type} ${reason} ${subject ?? details.login}` };
  const recorded = audit.coalesce.refusal(key, { ...event, subject, details }, facts);
  return recorded === undefined ? [] : [recorded];
}
