import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import { type Random, secretToken } from '../../foundation/random.ts';
import type { Audit, RequestFacts } from '../audit/module.ts';
import type { User, Users } from '../users/module.ts';
import type { AddressStore } from './store.ts';

/** That a person wants another address: all that the page stores, encrypted by the outbox. */
export interface AddressRequest {
  readonly userId: string;
  readonly email: string;
  readonly language: string;
  readonly facts: RequestFacts;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The outbox kind of such requests. */
export const addressRequestKind = 'address-change';

/** How long a new address can be confirmed, in milliseconds. */
const confirmMs = 24 * 60 * 60 * 1000;
/** So many a day: an account must not be a way of filling strangers' mailboxes. */
const dailyRequests = 5;

export interface AnswerAddressRequestsParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Audit;
  readonly users: Users;
  readonly mail: Mail;
  readonly store: AddressStore;
}

/**
 * Answers requests for another address, away from the page: the page does the same work for every address, because only
 * here does anybody look whether somebody else has it (account enumeration). Nor do mails and events that the person
 * can see differ: what tells of a taken address is about its owner, and the mail with a link about nobody.
 */
export function answerAddressRequests(parts: AnswerAddressRequestsParts): MessageKind {
  return {
    async deliver(body) {
      const request = body as AddressRequest;
      const user = await parts.users.find(request.userId);
      if (user === undefined || user.disabledAt !== undefined) return [];
      const count = await parts.store.countSince(user.id, parts.clock.now() - confirmMs);
      if (count >= dailyRequests) return [];
      const owner = await parts.users.findByLogin(request.email);
      if (owner !== undefined && owner.id !== user.id) return tellOwner(parts, request, { user, owner });
      return sendLink(parts, request, user);
    },
    settled: () => [],
  };
}

function sendLink(
  { issuer, random, mail, store }: AnswerAddressRequestsParts,
  { email, language, at }: AddressRequest,
  { id: userId, email: formerEmail }: User,
): Operation[] {
  const secret = secretToken(random);
  const expiresAt = at + confirmMs;
  const locals = { href: `${issuer}/email/confirm?key=${secret}`, expiresAt };
  return [
    store.voidPending(userId),
    store.put({ id: sha256(secret), userId, formerEmail, email, expiresAt }),
    mail.put({ mail: 'confirm-new-address', to: email, language, locals, until: expiresAt }),
  ];
}

/** The owner learns of it; whoever asked does not. A former request of theirs ends all the same, as it does otherwise. */
function tellOwner(
  { issuer, random, audit, mail, store }: AnswerAddressRequestsParts,
  { email, language, at, facts }: AddressRequest,
  { user, owner }: { user: User; owner: User },
): Operation[] {
  const locals = { at, signInHref: `${issuer}/`, forgotHref: `${issuer}/forgot` };
  const row = { id: sha256(secretToken(random)), userId: user.id, formerEmail: user.email, email };
  const event = {
    type: 'user.email_change_refused',
    outcome: 'denied',
    reason: 'address_taken',
    actor: { kind: 'user', id: user.id },
    subject: owner.id,
  } as const;
  return [
    store.voidPending(user.id),
    store.put({ ...row, expiresAt: at + confirmMs, isVoid: true }),
    mail.put({ mail: 'address-taken', to: owner.email, subject: owner.id, language, locals }),
    audit.record(event, facts),
  ];
}
