import type { Context } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Operation } from '../../foundation/db/statement.ts';
import { doorState } from '../../foundation/http/door.ts';
import type { Audit, AuditEvent, RequestFacts } from '../audit/module.ts';
import { eventsOf } from './audit-request.ts';
import type { Loss } from './losses.ts';
import type { UnitOfWork } from './unit.ts';

/** A request's context once the library has matched a route. */
const spoke = (ctx: Context): ctx is Context & KoaContextWithOIDC =>
  (ctx as { oidc?: { route?: string } }).oidc?.route !== undefined;

/**
 * The audit of one request: what the doors recorded in its unit and what the library did. Refusals of callers who never
 * proved who they are coalesce, a row a minute, so that strangers cannot fill the disk.
 */
export function auditUnit({ audit, onTokens }: { audit: Audit; onTokens: (tokens: IssuedTokens) => void }) {
  return (ctx: Context, unit: UnitOfWork, loss?: Loss): readonly Operation[] => {
    const facts: RequestFacts = doorState(ctx).facts;
    const events = [...unit.events, ...(spoke(ctx) ? eventsOf(ctx, unit) : [])];
    if (!loss) countTokens(events, unit, onTokens);
    return events
      .map((event) => (loss ? lost(event, loss) : event))
      .map((event) => (isStranger(ctx, event) ? coalesce(audit, event, facts) : audit.record(event, facts)))
      .filter((operation) => operation !== undefined);
  };
}

/** What is counted of a token response. */
export interface IssuedTokens {
  readonly grantType: string;
  readonly tokenType: string;
}

function countTokens(events: readonly AuditEvent[], unit: UnitOfWork, onTokens: (tokens: IssuedTokens) => void): void {
  const issued = events.find(({ type }) => type === 'token.issued')?.details;
  if (!issued) return;
  const tokens = { grantType: String(issued['grant_type']), tokenType: String(issued['token']) };
  unit.afterCommit.push(() => onTokens(tokens));
}

/** What would have happened, had another not been first. */
const lost = (event: AuditEvent, loss: Loss): AuditEvent => ({
  ...event,
  type: refusedTypes[event.type] ?? event.type,
  outcome: 'denied',
  reason: loss.error,
});

const refusedTypes: Partial<Record<AuditEvent['type'], AuditEvent['type']>> = {
  'token.issued': 'token.refused',
  'session.started': 'request.refused',
  'factor.verified': 'signin.failed',
  'request.pushed': 'request.refused',
};

/** A refusal of somebody who is neither an authenticated client nor a signed-in person. */
function isStranger(ctx: Context, event: AuditEvent): boolean {
  if (event.outcome !== 'denied') return false;
  return event.actor.kind === 'anonymous' || ctx.status === 401 || event.reason === 'invalid_client';
}

function coalesce(audit: Audit, event: AuditEvent, facts: RequestFacts): Operation | undefined {
  const key = { address: facts.ip, client: event.client, reason: event.reason ?? 'refused' };
  return audit.coalesce.refusal(key, { ...event, actor: { kind: 'anonymous' } }, facts);
}
