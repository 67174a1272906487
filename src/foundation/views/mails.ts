/** What each mail needs in order to be written, as `pages.ts` for pages. Times are milliseconds since the epoch. */

/** `postern mail test`: nothing but a sign that mails arrive. */
export interface TestMailLocals {
  readonly at: number;
}

/** Every mail and what it takes. The name is the template's in `views/mail`. */
export interface MailLocals {
  test: TestMailLocals;
}

export type MailName = keyof MailLocals;

const everyMail: Readonly<Record<MailName, true>> = { test: true };

/** The names of all mails, in no particular order. */
export const mailNames = Object.keys(everyMail) as readonly MailName[];
