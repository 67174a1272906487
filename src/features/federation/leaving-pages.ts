import type { Context } from 'koa';
import { showPage } from '../../foundation/http/door.ts';
import type { LeavingForProviderLocals } from '../../foundation/views/provider-pages.ts';
import type { Views } from '../../foundation/views/render.ts';

/**
 * A page that goes on to a provider by itself. Chromium holds a form to `form-action` along its redirects; what follows a
 * page of ours is no form any more.
 */
export function showLeaving(ctx: Context, views: Views, leaving: LeavingForProviderLocals): void {
  ctx.set('Refresh', `0; url=${leaving.href}`);
  showPage(ctx, { views, page: 'interaction/leaving', locals: leaving });
}
