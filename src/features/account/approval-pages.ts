import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import { field, seeOther, showPage } from '../../foundation/http/door.ts';
import type { ApprovalOnPage } from '../../foundation/views/account-pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import { type DescribeParts, describeScopes } from '../consent/module.ts';
import { type Approval, type Approvals, appOnPage, multiFactor } from '../protocol/module.ts';
import { ownEvent } from './events.ts';
import { isFresh, signInAddress, type Visitor } from './visitor.ts';
import { tell, type VisitorParts, visitorOf } from './visitor-pages.ts';

export interface ApprovalPagesParts extends VisitorParts, DescribeParts {
  readonly views: Views;
  readonly approvals: Approvals;
}

/**
 * Mounts the page on which people answer apps that ask for them elsewhere (CIBA). To decline takes a sign-in; to allow is
 * a sign-in at that app, and takes a fresh one, with a second factor where the app asks for it.
 */
export function mountApprovals(router: Router, parts: ApprovalPagesParts): void {
  router.get('/account/approvals', async (ctx) => {
    const visitor = await arriveHere(ctx, parts);
    if (!visitor) return;
    const waiting = await parts.approvals.list(visitor.user.id);
    const done = outcomes.find((outcome) => outcome === ctx.query['done']);
    const shown = waiting.map((approval) => onPage(approval, visitor, parts));
    showPage(ctx, {
      views: parts.views,
      page: 'account/approvals',
      locals: { account: visitor.user.email, waiting: shown, done },
    });
  });

  router.post('/account/approvals/allow', async (ctx) => {
    const visitor = await arriveHere(ctx, parts);
    if (!visitor) return;
    const approval = await asked(ctx, parts, visitor);
    if (!approval) return seeOther(ctx, '/account/approvals?done=over');
    const acr = approval.needsSecondFactor ? multiFactor : undefined;
    if (!suffices(approval, visitor, parts.clock)) {
      return seeOther(ctx, signInAddress(parts.issuer, { state: 'approvals', again: visitor.user, acr }));
    }
    await parts.approvals.allow(approval, visitor.signIn);
    tell({
      ...ownEvent(visitor.user, 'approval.granted', { scopes: approval.asked.scopes }),
      client: approval.clientId,
    });
    return seeOther(ctx, '/account/approvals?done=allowed');
  });

  router.post('/account/approvals/deny', async (ctx) => {
    const visitor = await arriveHere(ctx, parts);
    if (!visitor) return;
    const approval = await asked(ctx, parts, visitor);
    if (!approval) return seeOther(ctx, '/account/approvals?done=over');
    parts.approvals.deny(approval, visitor.user.id);
    tell({ ...ownEvent(visitor.user, 'approval.denied'), outcome: 'denied', client: approval.clientId });
    return seeOther(ctx, '/account/approvals?done=denied');
  });
}

const outcomes = ['allowed', 'denied', 'over'] as const;

/** The person of this browser; without one, the answer leads to the front door and back here. */
async function arriveHere(ctx: Context, parts: VisitorParts): Promise<Visitor | undefined> {
  const visitor = await visitorOf(ctx, parts);
  if (!visitor) seeOther(ctx, signInAddress(parts.issuer, { state: 'approvals' }));
  return visitor;
}

/** What the person answers: nobody else's. */
const asked = async (
  ctx: Context,
  { approvals }: ApprovalPagesParts,
  { user }: Visitor,
): Promise<Approval | undefined> => (await approvals.list(user.id)).find(({ id }) => id === field(ctx, 'request'));

/** Whether the sign-in is what the app asks for, and no older than we want for it ourselves. */
function suffices({ needsSecondFactor, maxAge }: Approval, visitor: Visitor, clock: Clock): boolean {
  const { acr, provedAt } = visitor.signIn;
  if (!isFresh(visitor, clock) || (needsSecondFactor && acr !== multiFactor)) return false;
  return maxAge === undefined || clock.now() - provedAt <= maxAge * 1000;
}

function onPage(
  { id, clientId, message, asked: missing, until }: Approval,
  { user }: Visitor,
  parts: DescribeParts,
): ApprovalOnPage {
  const app = appOnPage(parts.clients, clientId) ?? { name: clientId };
  return { id, app, message, until, scopes: describeScopes({ missing, requested: [] }, user, parts) };
}
