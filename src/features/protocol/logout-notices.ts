import type { MessageKind } from '../../foundation/outbox/outbox.ts';
import type { Audit } from '../audit/module.ts';
import type { AdaptedClients } from './client-model.ts';
import type { LogoutNotice } from './endings.ts';

/** How logout notices leave the outbox, by whichever engine is current. */
export function logoutNotices(audit: Audit, adapted: () => AdaptedClients): MessageKind {
  return {
    async deliver(body) {
      const { clientId, subject, sessionId } = body as LogoutNotice;
      await adapted().sendLogout(clientId, subject, sessionId);
    },
    settled(body, outcome, error) {
      const { clientId, subject } = body as LogoutNotice;
      const type = outcome === 'delivered' ? 'logout.notice_delivered' : 'logout.notice_failed';
      const actor = { kind: 'system', name: 'outbox' } as const;
      const event = {
        type,
        outcome: outcome === 'delivered' ? 'success' : 'failure',
        actor,
        subject,
        client: clientId,
        reason: error,
      } as const;
      return [audit.record(event, {})];
    },
  };
}
