import type Router from '@koa/router';
import type { PersonalData } from '../users/module.ts';
import { ownEvent } from './events.ts';
import { arriveFresh, tell, type VisitorParts } from './visitor-pages.ts';

export interface ExportPagesParts extends VisitorParts {
  /** Every room that holds something on people. */
  readonly personal: readonly PersonalData[];
}

/** Mounts the download of everything that is held on a person (GDPR art. 15 and 20). It needs a fresh sign-in. */
export function mountExport(router: Router, parts: ExportPagesParts): void {
  router.post('/account/export', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'account');
    if (!visitor) return;
    const { user } = visitor;
    const held = await Promise.all(parts.personal.map((room) => room.held(user)));
    tell(ownEvent(user, 'user.exported'));
    const all = Object.assign(
      { issuer: parts.issuer, exported_at: new Date(parts.clock.now()).toISOString() },
      ...held,
    );
    ctx.type = 'application/json';
    ctx.set('Content-Disposition', 'attachment; filename="account.json"');
    ctx.body = `${JSON.stringify(all, undefined, 2)}\n`;
  });
}
