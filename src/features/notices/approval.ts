import type { Operation } from '../../foundation/db/statement.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Users } from '../users/module.ts';

/** Somebody is asked to allow an app something while they are elsewhere. */
export interface ApprovalAsked {
  readonly accountId: string;
  readonly clientId: string;
  readonly message: string | undefined;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface ApprovalNoticeParts {
  readonly issuer: string;
  readonly mail: Pick<Mail, 'isOn' | 'put'> | undefined;
  readonly users: Pick<Users, 'find'>;
  readonly clients: {
    find(clientId: string): { readonly metadata: { readonly client_name?: string | undefined } } | undefined;
  };
  readonly views: Pick<Views, 'negotiate'>;
}

/** The mail that tells a person that an app waits for their answer; none where there is no mail server or address. */
export async function tellOfApproval(
  { issuer, mail, users, clients, views }: ApprovalNoticeParts,
  { accountId, clientId, message, until }: ApprovalAsked,
): Promise<Operation[]> {
  const user = mail?.isOn ? await users.find(accountId) : undefined;
  if (!mail || !user?.emailVerified) return [];
  const locals = {
    app: clients.find(clientId)?.metadata.client_name ?? clientId,
    message,
    until,
    href: `${issuer}/account/approvals`,
  };
  const language = views.negotiate(user.claims.locale, undefined);
  return [mail.put({ mail: 'approval-asked', to: user.email, subject: accountId, language, locals })];
}
