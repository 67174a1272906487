import type Router from '@koa/router';
import { placeInWords } from '../../foundation/geo/place.ts';
import type { Places } from '../../foundation/geo/places.ts';
import { doorState, showPage } from '../../foundation/http/door.ts';
import type { EventOnPage } from '../../foundation/views/account-pages.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Audit, OwnEvent } from '../audit/module.ts';
import type { Clients } from '../clients/module.ts';
import { appOnPage } from '../protocol/module.ts';
import { arrive, type VisitorParts } from './visitor-pages.ts';

export interface ActivityPagesParts extends VisitorParts {
  readonly views: Views;
  readonly audit: Pick<Audit, 'about'>;
  readonly clients: Clients;
  readonly places: Pick<Places, 'find'>;
}

/** How many events a page shows. */
const pageLength = 25;

/** What programs do among themselves: true, and of no use to a person who looks for what they did not do. */
const betweenPrograms = [
  'token.issued',
  'token.refused',
  'token.revoked',
  'request.pushed',
  'request.refused',
  'approval.notice_delivered',
  'approval.notice_failed',
  'logout.notice_delivered',
  'logout.notice_failed',
  'mail.delivered',
  'mail.failed',
  'link.created',
  'factor.verified',
  'identity.verified',
];

/** Mounts the page of what happened with a person's account: events about them, and nothing of anybody else. */
export function mountActivity(router: Router, parts: ActivityPagesParts): void {
  router.get('/account/activity', async (ctx) => {
    const visitor = await arrive(ctx, parts);
    if (!visitor) return;
    const before = typeof ctx.query['before'] === 'string' ? ctx.query['before'] : undefined;
    const page = { limit: pageLength + 1, without: betweenPrograms, before };
    const found = await parts.audit.about(visitor.user.id, page);
    const shown = found.slice(0, pageLength);
    const last = found.length > pageLength ? shown.at(-1) : undefined;
    const earlierHref = last && `/account/activity?before=${encodeURIComponent(last.id)}`;
    const events = shown.map((event) => onPage(event, parts, doorState(ctx).language));
    showPage(ctx, { views: parts.views, page: 'account/activity', locals: { events, earlierHref } });
  });
}

function onPage(
  { type, time, client, ip, by }: OwnEvent,
  { clients, places }: Pick<ActivityPagesParts, 'clients' | 'places'>,
  language: string,
): EventOnPage {
  return {
    type: type.replace('.', '_'),
    at: Date.parse(time),
    app: appOnPage(clients, client)?.name,
    ip,
    place: placeInWords(places.find(ip), language),
    byOperator: by === 'another-person' || by === 'server',
  };
}
