import type Router from '@koa/router';
import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import type { Passwords } from '../passwords/module.ts';
import { exportedTime, loginKey, type PersonalData, type Users } from '../users/module.ts';
import { type AnswerRegistrationsParts, answerRegistrations } from './answer-registrations.ts';
import { mountRegistration, type RegistrationPagesParts } from './pages.ts';
import { isOffered, registersAlone } from './policy.ts';
import { createRegister } from './register.ts';
import { createRegistrationStore, type RegistrationStore } from './store.ts';

export { registrationKind } from './answer-registrations.ts';
export { invitationSeconds, invitationUrl } from './invitation.ts';

/**
 * Registration owns the way from a stranger to an account: what they filled in waits apart from accounts until they have
 * shown that the address is theirs, so that it neither blocks the owner's own registration nor lets anybody in. It starts
 * no session. Accounts and invitations are kept by users, passwords by their room, mails by the mail room.
 */
export interface Registrations {
  mount(router: Router): void;
  /** Whether people may register by themselves as things are now. */
  isOffered(): boolean;
  /** Whether accounts are made for people whom nobody invited: with this address, or at all. */
  registersAlone(email: string | undefined): boolean;
  readonly personal: PersonalData;
}

type Stored = { readonly database: Database; readonly clock: Clock };

/** How registrations leave the outbox. Apart from the pages, because the outbox is there before they are. */
export const registrations = (parts: Omit<AnswerRegistrationsParts, 'store'> & Stored): MessageKind =>
  answerRegistrations({ ...parts, store: createRegistrationStore(parts) });

/** The operation that removes a batch of registrations that expired before the given time (milliseconds). */
export const sweepRegistrations = (parts: Stored, before: number): Operation =>
  createRegistrationStore(parts).sweep(before);

export function createRegistrations(
  parts: Omit<RegistrationPagesParts, 'register'> & Stored & { users: Users; passwords: Passwords },
): Registrations {
  const store = createRegistrationStore(parts);
  const register = createRegister({ ...parts, store });
  return {
    mount: (router) => mountRegistration(router, { ...parts, register }),
    isOffered: () => isOffered(parts),
    registersAlone: (email) => registersAlone(email, parts),
    personal: {
      held: ({ email }) => registrationsHeld(store, email),
      erase: ({ email }) => [store.erase(loginKey(email) ?? email)],
    },
  };
}

async function registrationsHeld(store: RegistrationStore, email: string) {
  const kept = (await store.ofEmail(loginKey(email) ?? email)).map((row) => ({
    email: row.email,
    client_id: row.client_id ?? undefined,
    requested_at: exportedTime(row.created_at),
    expires_at: exportedTime(row.expires_at),
    confirmed_at: exportedTime(row.used_at ?? undefined),
  }));
  return { registrations: kept };
}
