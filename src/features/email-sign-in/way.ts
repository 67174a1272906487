import type { Mail } from '../../foundation/mail/mail.ts';
import type { Settings } from '../settings/module.ts';

/** How people may sign in by e-mail. */
export type EmailWay = Settings['signIn']['email'];

/** What they are offered: nothing without a mail server. */
export const wayOf = ({ mail, settings }: { mail: Pick<Mail, 'isOn'>; settings: { current(): Settings } }): EmailWay =>
  mail.isOn ? settings.current().signIn.email : 'off';
