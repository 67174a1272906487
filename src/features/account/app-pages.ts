import type Router from '@koa/router';
import { field, seeOther } from '../../foundation/http/door.ts';
import type { AppInAccount } from '../../foundation/views/account-pages.ts';
import { type DescribeParts, describeScopes } from '../consent/module.ts';
import { appOnPage, type ConnectedApps } from '../protocol/module.ts';
import type { User } from '../users/module.ts';
import { ownEvent } from './events.ts';
import { arrive, tell, type VisitorParts } from './visitor-pages.ts';

export interface AppPagesParts extends VisitorParts, DescribeParts {
  readonly apps: ConnectedApps;
}

/** The apps that a person has let into their account, with what each may see as consent says it. */
export async function listApps(parts: AppPagesParts, user: User): Promise<AppInAccount[]> {
  const { apps, clients } = parts;
  return (await apps.list(user.id)).map(({ clientId, allowed, firstAt, lastAt }) => {
    const { name = clientId, host } = appOnPage(clients, clientId) ?? {};
    const isOurs = clients.find(clientId)?.metadata.first_party === true;
    const scopes = describeScopes({ missing: allowed, requested: [] }, user, parts);
    return { clientId, name, host, scopes, firstAt, lastAt, isOurs };
  });
}

/** Mounts the end of a connection. Like a sign-out it needs no fresh sign-in: it only ever takes away. */
export function mountApps(router: Router, parts: AppPagesParts): void {
  router.post('/account/apps/disconnect', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (!visitor) return;
    const clientId = field(ctx, 'app');
    const done = await parts.apps.disconnect(visitor.user.id, clientId);
    if (done) tell({ ...ownEvent(visitor.user, 'consent.revoked', { by: 'account' }), client: clientId });
    seeOther(ctx, done ? '/account?done=app' : '/account');
  });
}
