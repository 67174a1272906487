import type Router from '@koa/router';
import type { Context } from 'koa';
import { doorState, field, showPage } from '../../foundation/http/door.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { EmailLocals } from '../../foundation/views/account-pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Addresses } from '../addresses/module.ts';
import { currentUnit } from '../protocol/module.ts';
import { loginKey, newUserSchema } from '../users/module.ts';
import { ownEvent } from './events.ts';
import { type ProvePagesParts, problemOfProof, proofStatuses } from './prove-pages.ts';
import type { Visitor } from './visitor.ts';
import { arriveFresh, tell } from './visitor-pages.ts';

export interface EmailPagesParts extends ProvePagesParts {
  readonly views: Views;
  readonly mail: Pick<Mail, 'isOn'>;
  readonly addresses: Pick<Addresses, 'request'>;
}

type Shown = Pick<EmailLocals, 'state' | 'wanted' | 'problem'>;

/** Mounts the page on which people ask for another address. It needs a fresh sign-in, and the password once more. */
export function mountEmail(router: Router, parts: EmailPagesParts): void {
  router.get('/account/email', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'email');
    if (visitor) await showEmail(ctx, parts, visitor, { state: 'ask' });
  });
  router.post('/account/email', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'email');
    if (visitor) await showEmail(ctx, parts, visitor, await request(ctx, parts, visitor));
  });
}

/** Queues what was typed. Nobody looks here whether somebody else has the address: see `answerAddressRequests`. */
async function request(ctx: Context, parts: EmailPagesParts, visitor: Visitor): Promise<Shown> {
  if (!parts.mail.isOn) return { state: 'off' };
  const wanted = field(ctx, 'email').trim();
  const problem = problemOf(wanted, visitor) ?? (await problemOfProof(ctx, parts, visitor));
  if (problem) return { state: 'ask', wanted, problem };
  const { facts, language } = doorState(ctx);
  const { id: userId } = visitor.user;
  currentUnit()?.joinStep([parts.addresses.request({ userId, email: wanted, language, facts, at: parts.clock.now() })]);
  tell(ownEvent(visitor.user, 'user.email_change_requested'));
  return { state: 'sent', wanted };
}

function problemOf(wanted: string, { user }: Visitor): Shown['problem'] {
  if (wanted === '') return { kind: 'email-missing' };
  if (!newUserSchema.shape.email.safeParse(wanted).success) return { kind: 'email-invalid' };
  return loginKey(wanted) === loginKey(user.email) ? { kind: 'email-same' } : undefined;
}

const statuses = { 'email-missing': 400, 'email-invalid': 400, 'email-same': 400, ...proofStatuses } as const;

async function showEmail(ctx: Context, parts: EmailPagesParts, { user }: Visitor, shown: Shown): Promise<void> {
  const { problem } = shown;
  if (problem && 'retryAfter' in problem) ctx.set('Retry-After', String(problem.retryAfter));
  const state = parts.mail.isOn ? shown.state : 'off';
  const refused = state === 'off' && ctx.method === 'POST' ? 409 : 200;
  showPage(ctx, {
    views: parts.views,
    page: 'account/email',
    status: problem ? statuses[problem.kind] : refused,
    locals: { ...shown, state, email: user.email, proving: await parts.proveAgain.what(user.id) },
  });
}
