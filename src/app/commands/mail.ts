import { newUserSchema } from '../../features/users/module.ts';
import { AppError } from '../../foundation/errors.ts';
import { mailOff } from '../../foundation/mail/errors.ts';
import type { MailTransport } from '../../foundation/mail/transport.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { writeResult } from './result.ts';

/** What the mail commands need. */
export interface MailCommandApp {
  /** Undefined without a mail server. */
  readonly transport: MailTransport | undefined;
  readonly views: Pick<Views, 'renderMail'>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly messageId: string;
}

/** `postern mail test ADDRESS`: sends a mail at once, past the outbox, so that the operator sees what the server says. */
export async function mailTest(io: CommandIo, app: MailCommandApp, { to }: { to: string }): Promise<ExitCode> {
  if (!newUserSchema.shape.email.safeParse(to).success) {
    throw new AppError('mail_address', 400, `${to} is no e-mail address. Nothing was sent.`);
  }
  if (app.transport === undefined) throw mailOff();
  const { now, messageId } = app;
  const content = app.views.renderMail('test', { at: now }, { language: 'en' });
  await app.transport.send({ ...content, to, messageId, at: now });
  io.err('The mail server took it. Whether it arrives, the inbox shows.\n');
  writeResult(io, { to, message_id: messageId }, `message id: ${messageId}`);
  return 0;
}
