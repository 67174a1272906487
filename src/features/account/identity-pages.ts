import type Router from '@koa/router';
import type { Context } from 'koa';
import { field, seeOther } from '../../foundation/http/door.ts';
import type { ProviderProblem } from '../../foundation/views/provider-pages.ts';
import type { FederatedAccount } from '../federation/module.ts';
import type { Visitor } from './visitor.ts';
import { arrive, arriveFresh, type VisitorParts } from './visitor-pages.ts';
import { keepWayIn, type WaysInParts } from './ways-in.ts';

export interface IdentityPagesParts extends VisitorParts, Omit<WaysInParts, 'users'> {
  readonly federated: FederatedAccount;
}

/** What is wrong with connecting an identity, or taking it off, as the page says it. */
export type IdentityProblem = { readonly why: ProviderProblem; readonly provider: string } | { readonly why: 'last' };

type ShowAccount = (
  ctx: Context,
  visitor: Visitor,
  shown: { problem: IdentityProblem; status: number },
) => Promise<void>;

/** Mounts what people do to their identities at other providers. All of it lets in or keeps out, so it needs a fresh sign-in. */
export function mountIdentities(router: Router, parts: IdentityPagesParts, show: ShowAccount): void {
  const { federated } = parts;

  router.post('/account/identities/link', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'identities');
    if (visitor && !(await federated.setOut(ctx, visitor))) seeOther(ctx, '/account');
  });

  router.get('/account/identities/return', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (!visitor) return;
    const outcome = await federated.takeUp(ctx, visitor);
    if (outcome.kind !== 'problem') {
      return seeOther(ctx, outcome.kind === 'connected' ? '/account?done=identity-linked' : '/account');
    }
    const { problem: why, provider } = outcome;
    await show(ctx, visitor, { problem: { why, provider }, status: statusOf(why) });
  });

  router.post('/account/identities/unlink', async (ctx) => {
    const visitor = await arriveFresh(ctx, parts, 'identities');
    if (!visitor) return;
    const mayGo = await keepWayIn(parts, visitor.user.id, { identity: field(ctx, 'identity') });
    if (!mayGo) return show(ctx, visitor, { problem: { why: 'last' }, status: 409 });
    seeOther(ctx, (await federated.unlink(ctx, visitor)) ? '/account?done=identity-unlinked' : '/account');
  });
}

function statusOf(why: ProviderProblem): number {
  if (why === 'unavailable' || why === 'failed') return 502;
  if (why === 'taken') return 409;
  return why === 'declined' ? 400 : 403;
}
