import { AppError } from '../errors.ts';

/**
 * - `mail_off`: there is no mail server
 * - `mail_failed`: a mail did not get there, and another try may go better
 * - `mail_refused`: the server took the recipient or the mail for good as one that it does not want
 */
export type MailErrorCode = 'mail_off' | 'mail_failed' | 'mail_refused';

export const mailOff = (): AppError<MailErrorCode> =>
  new AppError('mail_off', 409, 'There is no mail server: set POSTERN_MAIL__URL and POSTERN_MAIL__FROM.');

const words: Readonly<Record<string, string>> = {
  EAUTH: 'The mail server refused the user name or the password.',
  ENOAUTH: 'The mail server wants a user name and a password.',
  ETLS: 'The connection to the mail server could not be secured with TLS.',
  EREQUIRETLS: 'The mail server offers no TLS.',
  EDNS: 'The name of the mail server cannot be resolved.',
  ECONNECTION: 'The mail server cannot be reached.',
  ESOCKET: 'The connection to the mail server failed.',
  ETIMEDOUT: 'The mail server did not answer in time.',
  EABORT: 'The mail server did not answer in time.',
  ECLOSING: 'This server stopped before the mail server had answered.',
};

/** What a server may refuse for good: this recipient or this mail. Anything else is the operator's to mend, and then goes. */
const refusedParts: Readonly<Record<string, string>> = { 'RCPT TO': 'the recipient', DATA: 'the mail' };

/**
 * What went wrong, in our own words: the server's would name the recipient, and who reads a log or an audit event is not
 * to learn people's addresses. The cause keeps them for nobody but a debugger.
 */
export function mailFailure(cause: unknown): AppError<MailErrorCode> {
  const { code = '', command = '', responseCode } = cause as { code?: string; command?: string; responseCode?: number };
  const number = responseCode === undefined ? '' : ` (${responseCode})`;
  const part = refusedParts[command];
  // RFC 5321 §4.2.1: 5yz is for good. 503 says that we spoke out of turn, not that the mail is unwanted.
  if (part !== undefined && responseCode !== undefined && responseCode >= 500 && responseCode !== 503) {
    return new AppError('mail_refused', 502, `The mail server refused ${part}${number}.`, { cause });
  }
  const known = words[code]?.replace(/\.$/, `${number}.`);
  const said = known ?? `The mail server did not take the mail${number}.`;
  return new AppError('mail_failed', 502, said, { cause });
}
