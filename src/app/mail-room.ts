import type { Audit, AuditEvent } from '../features/audit/module.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Config } from '../foundation/config/schema.ts';
import type { Ids } from '../foundation/ids.ts';
import { createMailRoom, type MailRoom } from '../foundation/mail/mail.ts';
import { createMailTransport } from '../foundation/mail/transport.ts';
import type { Log } from '../foundation/observe/log.ts';
import type { Outbox } from '../foundation/outbox/outbox.ts';
import type { Views } from '../foundation/views/render.ts';

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly log: Log;
  readonly views: Views;
  readonly outbox: Outbox;
}

/** The mail room of this server, whose mails are audited and whose failures are logged. */
export function composeMailRoom(parts: Parts): MailRoom {
  const { config, audit, log } = parts;
  return createMailRoom({
    ...parts,
    issuer: config.issuer,
    transport: config.mail && createMailTransport({ ...config, mail: config.mail }),
    onFailure: (reason) => log.warn({ reason }, 'a mail was not sent'),
    settled({ mail, subject, messageId }, outcome, reason) {
      const event: AuditEvent = {
        type: outcome === 'delivered' ? 'mail.delivered' : 'mail.failed',
        outcome: outcome === 'delivered' ? 'success' : 'failure',
        reason,
        actor: { kind: 'system', name: 'outbox' },
        subject,
        details: { mail, message_id: messageId },
      };
      return [audit.record(event, {})];
    },
  });
}
