import type Router from '@koa/router';
import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import { mountRecovery, type RecoveryPagesParts } from './pages.ts';
import { answerResetRequests, type RequestResetParts } from './request-reset.ts';
import { createResetPassword, type ResetPasswordParts } from './reset-password.ts';

export { resetRequestKind } from './request-reset.ts';
export { resetLinkSeconds, resetUrl } from './reset-link.ts';

/**
 * Recovery owns the way back in for people who have forgotten their password: a link by mail that works once. It starts
 * no session, so that a second factor stays one: the person signs in with the new password like anybody else. Links are
 * kept by users, passwords by their room, mails by the mail room; what the person held is ended by protocol.
 */
export interface Recovery {
  mount(router: Router): void;
}

/** How requests for a link leave the outbox. Apart from the pages, because the outbox is there before they are. */
export const resetRequests = (parts: RequestResetParts): MessageKind => answerResetRequests(parts);

export function createRecovery(parts: Omit<RecoveryPagesParts, 'reset'> & ResetPasswordParts): Recovery {
  const reset = createResetPassword(parts);
  return { mount: (router) => mountRecovery(router, { ...parts, reset }) };
}
