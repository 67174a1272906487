import type { Clock } from '../clock.ts';
import type { Operation } from '../db/statement.ts';
import { AppError } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { type MessageKind, type Outbox, Undeliverable } from '../outbox/outbox.ts';
import type { MailLocals, MailName } from '../views/mails.ts';
import type { Views } from '../views/render.ts';
import type { MailTransport } from './transport.ts';

/** A mail that somebody shall get. */
export interface NewMail<Name extends MailName = MailName> {
  readonly mail: Name;
  readonly to: string;
  /** The person's id, for the audit; undefined for an address that has no account. */
  readonly subject?: string | undefined;
  readonly language: string;
  readonly locals: MailLocals[Name];
  /** When it is of no use any more, in milliseconds since the epoch: a link that has run out is not sent. */
  readonly until?: number | undefined;
}

/** What is kept of a mail until it is sent, encrypted by the outbox. */
export interface QueuedMail extends NewMail {
  readonly messageId: string;
  readonly at: number;
}

/** The mail room. */
export interface Mail {
  /** Whether mails can be sent at all. Where they cannot, pages say so instead of pretending. */
  readonly isOn: boolean;
  /** The operation that queues a mail; commit it with the change that it tells of. */
  put<Name extends MailName>(mail: NewMail<Name>): Operation;
  /** What operators should know: that there is no mail server, or why the last mail did not go. */
  note(): string | undefined;
}

/** How mails leave the outbox. */
export interface MailRoom {
  readonly mail: Mail;
  /** Undefined without a mail server: what is queued waits until there is one again. */
  readonly kind: MessageKind | undefined;
  /** Gives up what is being sent, for shutdown. */
  close(): void;
}

export interface MailRoomParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly views: Pick<Views, 'renderMail'>;
  readonly outbox: Pick<Outbox, 'put'>;
  /** Undefined without a mail server. */
  readonly transport: MailTransport | undefined;
  /** What to store when a mail is settled: its audit event. */
  readonly settled: (mail: QueuedMail, outcome: 'delivered' | 'abandoned', reason?: string) => readonly Operation[];
  /** Told, in words without addresses, when a try fails. */
  readonly onFailure: (reason: string) => void;
}

/** The outbox kind of mails. */
export const mailKind = 'mail';

/** Queues mails for whoever serves to send: all of the mail room that a command has. */
export function createMailQueue(parts: Pick<MailRoomParts, 'issuer' | 'clock' | 'ids' | 'outbox'> & { isOn: boolean }) {
  const { clock, ids, outbox, isOn } = parts;
  const { hostname } = new URL(parts.issuer);
  const queue: Pick<Mail, 'isOn' | 'put'> = {
    isOn,
    put(mail) {
      const queued: QueuedMail = { ...mail, messageId: `${ids.next()}@${hostname}`, at: clock.now() };
      return outbox.put(mailKind, queued);
    },
  };
  return queue;
}

/** Builds the mail room: mails are queued with the change that causes them, and sent from the outbox afterwards. */
export function createMailRoom(parts: MailRoomParts): MailRoom {
  const { transport } = parts;
  let lastFailure: string | undefined;
  return {
    close: () => transport?.close(),
    mail: {
      ...createMailQueue({ ...parts, isOn: transport !== undefined }),
      note() {
        if (transport === undefined) return 'no mail server is configured; nothing is sent';
        return lastFailure === undefined ? undefined : `the last mail was not sent: ${lastFailure}`;
      },
    },
    kind: transport && {
      // Mail servers limit connections from one sender; ten at once are a thousand mails in two minutes all the same.
      atOnce: 10,
      async deliver(body) {
        try {
          await send({ ...parts, transport }, body as QueuedMail);
          lastFailure = undefined;
        } catch (error) {
          lastFailure = error instanceof Error ? error.message : 'failed';
          parts.onFailure(lastFailure);
          throw error;
        }
      },
      settled: (body, outcome, reason) => parts.settled(body as QueuedMail, outcome, reason),
    },
  };
}

async function send(
  { views, clock, transport }: Pick<MailRoomParts, 'views' | 'clock'> & { transport: MailTransport },
  { mail, locals, language, to, messageId, at, until }: QueuedMail,
): Promise<void> {
  if (until !== undefined && clock.now() >= until) throw new Undeliverable('It came too late to be of use.');
  const content = views.renderMail(mail, locals, { language });
  try {
    await transport.send({ ...content, to, messageId, at });
  } catch (error) {
    if (error instanceof AppError && error.code === 'mail_refused') throw new Undeliverable(error.message);
    throw error;
  }
}
