import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { Audit, RequestFacts } from '../audit/module.ts';
import { loginKey, type User, type Users } from '../users/module.ts';
import type { RegistrationStore } from './store.ts';

/** What somebody filled in: all that the page stores, encrypted by the outbox. */
export interface Registration {
  readonly email: string;
  readonly passwordHash: string;
  /** Lists of breached passwords that could not be asked about this one. */
  readonly breachedUnasked?: readonly string[];
  readonly browserHash: string;
  readonly clientId?: string | undefined;
  readonly language: string;
  readonly facts: RequestFacts;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The outbox kind of registrations. */
export const registrationKind = 'registration';

/** How long an address can be confirmed, in milliseconds. */
const confirmMs = 24 * 60 * 60 * 1000;
/** So many links may lie in a mailbox: who fills in the form with somebody else's address must not bury them in mails. */
const openRegistrations = 3;

export interface AnswerRegistrationsParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Audit;
  readonly users: Users;
  readonly mail: Mail;
  readonly store: RegistrationStore;
  readonly loginReference: (login: string) => string;
}

/**
 * Answers registrations, away from the page: the page does the same work for every address, because only here does
 * anybody look whether there is an account already (account enumeration).
 */
export function answerRegistrations(parts: AnswerRegistrationsParts): MessageKind {
  return {
    async deliver(body) {
      const registration = body as Registration;
      const user = await parts.users.findByLogin(registration.email);
      if (user !== undefined) return tellOwner(parts, registration, user);
      const emailKey = loginKey(registration.email) ?? registration.email;
      const isTooMany = (await parts.store.countOpen(emailKey)) >= openRegistrations;
      return isTooMany
        ? refused(parts, registration, { reason: 'too_many_links' })
        : sendLink(parts, registration, emailKey);
    },
    settled: () => [],
  };
}

function sendLink(
  { issuer, random, audit, mail, store, loginReference }: AnswerRegistrationsParts,
  { email, passwordHash, breachedUnasked, browserHash, clientId, language, facts, at }: Registration,
  emailKey: string,
): Operation[] {
  const secret = secretToken(random);
  const expiresAt = at + confirmMs;
  const href = `${issuer}/register/confirm?key=${secret}`;
  const details = {
    login: loginReference(email),
    ...(breachedUnasked === undefined ? {} : { breached_unasked: breachedUnasked }),
  };
  return [
    store.put({ id: sha256(secret), email, emailKey, passwordHash, browserHash, clientId, expiresAt }),
    mail.put({ mail: 'confirm-address', to: email, language, locals: { href, expiresAt }, until: expiresAt }),
    audit.record({ type: 'registration.requested', outcome: 'success', actor: { kind: 'anonymous' }, details }, facts),
  ];
}

/** The owner learns of it; whoever filled in the form does not. One mail a minute at most. */
function tellOwner(parts: AnswerRegistrationsParts, registration: Registration, user: User): Operation[] {
  const recorded = refused(parts, registration, { reason: 'address_taken', subject: user.id });
  if (recorded.length === 0 || user.disabledAt !== undefined) return recorded;
  const { language, at, facts } = registration;
  const locals = { at, ip: facts.ip, signInHref: `${parts.issuer}/`, forgotHref: `${parts.issuer}/forgot` };
  const mail = parts.mail.put({ mail: 'account-exists', to: user.email, subject: user.id, language, locals });
  return [...recorded, mail];
}

/** Equal ones within a minute are one event: what strangers type must not fill the audit. */
function refused(
  { audit, loginReference }: AnswerRegistrationsParts,
  { email, facts }: Registration,
  { reason, subject }: { reason: string; subject?: string },
): Operation[] {
  const details = subject === undefined ? { login: loginReference(email) } : {};
  const event = { type: 'registration.requested', outcome: 'denied', reason, actor: { kind: 'anonymous' } } as const;
  const key = { reason: `${event.type} ${reason} ${subject ?? details.login}` };
  const recorded = audit.coalesce.refusal(key, { ...event, subject, details }, facts);
  return recorded === undefined ? [] : [recorded];
}
