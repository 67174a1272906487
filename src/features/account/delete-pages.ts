import type Router from '@koa/router';
import type { Context } from 'koa';
import { doorState, hasField, seeOther, showPage } from '../../foundation/http/door.ts';
import type { Mail } from '../../foundation/mail/mail.ts';
import type { DeleteAccountLocals } from '../../foundation/views/account-pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Deletions } from '../deletions/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import { type ProvePagesParts, problemOfProof, proofStatuses } from './prove-pages.ts';
import type { Visitor } from './visitor.ts';
import { arriveFresh, byVisitor } from './visitor-pages.ts';

export interface DeletePagesParts extends ProvePagesParts {
  readonly views: Views;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly mail: Pick<Mail, 'isOn'>;
  readonly deletions: Pick<Deletions, 'schedule'>;
}

/** Mounts the page on which people delete their account. It needs a fresh sign-in, and the password once more. */
export function mountDelete(router: Router, parts: DeletePagesParts): void {
  router.get('/account/delete', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'delete');
    if (visitor) await showDelete(ctx, parts, visitor, undefined);
  });
  router.post('/account/delete', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'delete');
    if (!visitor) return;
    // The button on the page before brings no password yet.
    const isAsked = hasField(ctx, 'current_password') || hasField(ctx, 'code') || hasField(ctx, 'sure');
    if (isAsked) await schedule(ctx, parts, visitor);
    else await showDelete(ctx, parts, visitor, undefined);
  });
}

async function schedule(ctx: Context, parts: DeletePagesParts, visitor: Visitor): Promise<void> {
  const problem = await problemOfProof(ctx, parts, visitor);
  if (problem) return showDelete(ctx, parts, visitor, problem);
  const scheduled = await parts.deletions.schedule(visitor.user, byVisitor(ctx, visitor), doorState(ctx).language);
  if (scheduled === 'last-administrator') return showDelete(ctx, parts, visitor, { kind: scheduled });
  if (scheduled === 'gone') return seeOther(ctx, '/account');
  const { dueAt, undoPath: undoAction } = scheduled;
  showPage(ctx, { views: parts.views, page: 'account/leaving', locals: { dueAt, undoAction } });
}

const statuses = { 'last-administrator': 409, ...proofStatuses } as const;

async function showDelete(
  ctx: Context,
  { views, settings, mail, proveAgain }: DeletePagesParts,
  { user }: Visitor,
  problem: DeleteAccountLocals['problem'],
): Promise<void> {
  if (problem && 'retryAfter' in problem) ctx.set('Retry-After', String(problem.retryAfter));
  const { graceDays } = settings.current().deletion;
  const proving = await proveAgain.what(user.id);
  showPage(ctx, {
    views,
    page: 'account/delete',
    status: problem ? statuses[problem.kind] : 200,
    locals: { account: user.email, graceDays, proving, mails: mail.isOn, problem },
  });
}
