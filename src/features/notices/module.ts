import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { AccountChange } from '../../foundation/views/mails.ts';
import type { RequestFacts } from '../audit/module.ts';
import type { User } from '../users/module.ts';

export { tellOfApproval } from './approval.ts';

/** What happened to an account that its person must hear of. */
export type Notice =
  | { readonly kind: 'password-reset' }
  | { readonly kind: 'password-changed' | 'recovery-regenerated' | 'factors-reset' }
  | { readonly kind: 'deletion-undone' | 'factors-disowned' }
  | { readonly kind: 'identity-linked' | 'identity-unlinked' }
  | { readonly kind: 'factor-added' | 'factor-removed'; readonly method: FactorKind };

/** A kind of second factor, as mails name it. */
export type FactorKind = 'totp' | 'passkey';

/** Through which request it happened, and in which language its person reads. */
export interface NoticeContext {
  readonly language: string;
  readonly facts: Pick<RequestFacts, 'ip'>;
}

/**
 * Notices owns which changes of an account its person is told of by mail (ASVS 6.3.7): whoever did something in their
 * name cannot keep it from them. It sends nothing and stores nothing itself: a use case takes the operations and commits
 * them with the change that they tell of.
 */
export interface Notices {
  /** The operations that queue the mail; none where there is no mail server. */
  about(notice: Notice, user: Pick<User, 'id' | 'email'>, context: NoticeContext): Operation[];
}

export interface NoticesParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly mail: Pick<Mail, 'isOn' | 'put'>;
}

export function createNotices({ issuer, clock, mail }: NoticesParts): Notices {
  return {
    about(notice, { id, email }, { language, facts }) {
      if (!mail.isOn) return [];
      const locals = { at: clock.now(), ip: facts.ip, forgotHref: `${issuer}/forgot` };
      const to = { to: email, subject: id, language };
      if (notice.kind === 'password-reset') return [mail.put({ mail: 'password-changed', ...to, locals })];
      return [mail.put({ mail: 'account-changed', ...to, locals: { ...locals, change: changeOf(notice) } })];
    },
  };
}

/** The words of the mail: a kind of factor has its own, because what stands for it has a gender in most languages. */
function changeOf(notice: Exclude<Notice, { kind: 'password-reset' }>): AccountChange {
  return 'method' in notice ? `${notice.kind}-${notice.method}` : notice.kind;
}
