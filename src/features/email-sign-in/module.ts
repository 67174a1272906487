import type Router from '@koa/router';
import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import { loginKey, type PersonalData } from '../users/module.ts';
import { type CheckParts, createCheckSecret } from './check-secret.ts';
import { type EmailSignInPagesParts, mountEmailSignIn } from './pages.ts';
import { answerEmailSignIns, type SendParts } from './send.ts';
import { createEmailSignInStore } from './store.ts';
import { type EmailWay, wayOf } from './way.ts';

export { emailSignInKind } from './send.ts';
export type { EmailWay } from './way.ts';

/**
 * E-mail sign-in owns the step of proving who one is by a code or a link in a mailbox, where operators offer it. It is
 * a single factor, whatever stands in the mail: what else is needed follows, by the dispatcher. It starts no session and
 * keeps nothing but who asked; accounts are kept by users, mails by the mail room.
 */
export interface EmailSignIns {
  mount(router: Router): void;
  /** What people are offered as things are now. */
  way(): EmailWay;
  readonly personal: PersonalData;
}

type Stored = { readonly database: Database; readonly clock: Clock };

/** How requests leave the outbox. Apart from the pages, because the outbox is there before they are. */
export const emailSignIns = (parts: Omit<SendParts, 'store'> & Stored): MessageKind =>
  answerEmailSignIns({ ...parts, store: createEmailSignInStore(parts) });

/** The operation that removes a batch of requests that expired before the given time (milliseconds). */
export const sweepEmailSignIns = (parts: Stored, before: number): Operation =>
  createEmailSignInStore(parts).sweep(before);

/** The operation after which no code or link works that was sent to a person. */
export const endEmailSignIns = (parts: Stored, userId: string): Operation =>
  createEmailSignInStore(parts).endAll(userId);

export function createEmailSignIns(
  parts: Omit<EmailSignInPagesParts, 'store' | 'check'> & Stored & Omit<CheckParts, 'store'>,
): EmailSignIns {
  const store = createEmailSignInStore(parts);
  const check = createCheckSecret({ ...parts, store });
  return {
    mount: (router) => mountEmailSignIn(router, { ...parts, store, check }),
    way: () => wayOf(parts),
    // Only who asked and when, and for a day: nothing that an export would tell anybody.
    personal: { held: async () => ({}), erase: ({ id, email }) => [store.erase(id, loginKey(email) ?? '')] },
  };
}
