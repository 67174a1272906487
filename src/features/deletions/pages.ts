import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { doorState, seeOther, showPage } from '../../foundation/http/door.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { By } from '../audit/module.ts';
import { currentUnit } from '../protocol/module.ts';
import type { DeleteAccount } from './delete-account.ts';

export interface DeletionPagesParts {
  readonly clock: Clock;
  readonly views: Views;
  readonly deletion: DeleteAccount;
}

const keyOf = (ctx: Context): string => (typeof ctx.query['key'] === 'string' ? ctx.query['key'] : '');

const byLink = (ctx: Context): By => ({
  actor: { kind: 'anonymous', name: 'undo link' },
  facts: doorState(ctx).facts,
});

/** Mounts the way back: the link of the mail, to which the sign-in leads too. Shown by GET, used by POST. */
export function mountDeletions(router: Router, parts: DeletionPagesParts): void {
  router.get('/account/undelete', async (ctx) => {
    const found = await parts.deletion.undoable(keyOf(ctx));
    if (!found) return linkOver(ctx, parts);
    const locals = { dueAt: found.dueAt, undoAction: `/account/undelete${ctx.search}` };
    showPage(ctx, { views: parts.views, page: 'account/leaving', locals });
  });
  router.post('/account/undelete', async (ctx) => {
    const { deletion } = parts;
    const found = await deletion.undoable(keyOf(ctx));
    const done = found && (await deletion.undo(found.userId, keyOf(ctx), byLink(ctx), doorState(ctx).language));
    if (done) seeOther(ctx, '/account/undelete/done');
    else linkOver(ctx, parts);
  });
  router.get('/account/undelete/done', (ctx) => {
    showPage(ctx, { views: parts.views, page: 'account/returned', locals: { signInHref: '/account' } });
  });
}

/** The password alone is enough: it only keeps what there is, and signing in asks for the rest. */
export const offerReturn =
  ({ deletion }: Pick<DeletionPagesParts, 'deletion'>) =>
  async (ctx: Context, userId: string): Promise<boolean> => {
    const offered = await deletion.offer(userId, byLink(ctx));
    if (!offered) return false;
    currentUnit()?.joinStep(offered.operations);
    seeOther(ctx, offered.scheduled.undoPath);
    return true;
  };

/** Whether it was used, came too late or never existed is nobody's business. */
function linkOver(ctx: Context, { views, clock }: DeletionPagesParts): void {
  const reference = { code: 'link_not_usable', reference: doorState(ctx).requestId, time: clock.now() };
  showPage(ctx, { views, page: 'address/link', status: 410, locals: reference });
}
