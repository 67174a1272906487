import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Actor, AuditEvent } from '../audit/module.ts';
import { grantTypes } from '../clients/module.ts';
import { wasKeptOut } from './allowed-people.ts';
import { isNobody } from './nobody.ts';
import { houseClientId } from './routes.ts';
import { loginBegun } from './sign-in-begun.ts';
import { writes } from './store.ts';
import type { UnitOfWork } from './unit.ts';

/** What the library did in one request, as events. Built from its context after it has answered, never from its events:
 *  those fire before the commit, and for losers too. */
export function eventsOf(ctx: KoaContextWithOIDC, unit: UnitOfWork): AuditEvent[] {
  const told = describers[ctx.oidc.route]?.(ctx, unit) ?? [];
  return told.map((event) => ({ client: ctx.oidc.client?.clientId, subject: accountOf(ctx), ...event }));
}

type Told = Omit<AuditEvent, 'client' | 'subject'> & Partial<Pick<AuditEvent, 'client' | 'subject'>>;
type Describe = (ctx: KoaContextWithOIDC, unit: UnitOfWork) => Told[];

const describers: Readonly<Record<string, Describe>> = {
  token: describeToken,
  revocation: (ctx) => (failed(ctx) ? refusal(ctx, 'token.refused') : describeRevocation(ctx)),
  introspection: (ctx) => (failed(ctx) ? refusal(ctx, 'token.introspection_refused') : []),
  pushed_authorization_request: (ctx) =>
    failed(ctx)
      ? refusal(ctx, 'request.refused')
      : [{ type: 'request.pushed', outcome: 'success', actor: client(ctx) }],
  device_authorization: (ctx) =>
    failed(ctx)
      ? refusal(ctx, 'request.refused')
      : [{ type: 'device.started', outcome: 'success', actor: client(ctx) }],
  backchannel_authentication: describeApproval,
  authorization: describeAuthorization,
  resume: describeAuthorization,
  code_verification: describeDevice,
  device_resume: describeDevice,
  end_session_confirm: describeLogout,
};

/** The error that became the answer: the body's, the error page's, or the one in the redirect to the client. */
export function refusalReason(ctx: KoaContextWithOIDC): string | undefined {
  const error = ctx.state['protocolError'] as { error?: string; message?: string } | undefined;
  const body: unknown = ctx.body;
  const inBody = body !== null && typeof body === 'object' && 'error' in body ? String(body.error) : undefined;
  return error?.error ?? inBody ?? (ctx.status >= 400 ? `http_${ctx.status}` : undefined);
}

const failed = (ctx: KoaContextWithOIDC): boolean => ctx.status >= 400;

const accountOf = (ctx: KoaContextWithOIDC): string | undefined =>
  ctx.oidc.entities.Account?.accountId ?? ctx.oidc.entities.Grant?.accountId ?? ctx.oidc.session?.accountId;

function client(ctx: KoaContextWithOIDC): Actor {
  const { client: who } = ctx.oidc;
  return who ? { kind: 'client', id: who.clientId, name: who.clientName ?? who.clientId } : { kind: 'anonymous' };
}

function person(ctx: KoaContextWithOIDC): Actor {
  const id = accountOf(ctx);
  return id === undefined ? { kind: 'anonymous' } : { kind: 'user', id };
}

const refusal = (ctx: KoaContextWithOIDC, type: AuditEvent['type']): Told[] => [
  { type, outcome: 'denied', reason: refusalReason(ctx), actor: client(ctx) },
];

/** Only what there is: whatever else a stranger sends there, a token in the wrong place as well, must not be kept. */
function grantTypeOf(ctx: KoaContextWithOIDC): string | undefined {
  const asked = ctx.oidc.params?.['grant_type'];
  return grantTypes.find((known) => known === asked);
}

function describeToken(ctx: KoaContextWithOIDC): Told[] {
  const grantType = grantTypeOf(ctx);
  if (failed(ctx)) {
    const reason = refusalReason(ctx);
    // A device that polls before the person has answered is no refusal (RFC 8628 §3.5), and writes nothing.
    if (reason === 'authorization_pending' || reason === 'slow_down') return [];
    const type = reusedType(ctx) ?? 'token.refused';
    return [{ type, outcome: 'denied', reason, actor: client(ctx), details: { grant_type: grantType } }];
  }
  return [issued(ctx, grantType)];
}

function issued(ctx: KoaContextWithOIDC, grantType: string | undefined): Told {
  const { AccessToken, ClientCredentials, RefreshToken } = ctx.oidc.entities;
  const token = AccessToken ?? ClientCredentials;
  const details = {
    grant_type: grantType,
    token: token?.format ?? 'opaque',
    scope: token?.scope,
    resource: token?.aud,
    refresh_token: RefreshToken !== undefined,
  };
  return { type: 'token.issued', outcome: 'success', actor: client(ctx), details };
}

/** Whether the answer itself carries tokens to the app, as those of implicit and hybrid flows do; in a JWT they are not seen. */
const answersWithTokens = (ctx: KoaContextWithOIDC): boolean =>
  ctx.oidc.entities.AccessToken !== undefined ||
  /[#&](?:id_token|access_token)=/.test(ctx.response.get('location')) ||
  (typeof ctx.body === 'string' && /name="(?:id_token|access_token)"/.test(ctx.body));

/** The library says in `error_detail` that something came a second time; it has ended the family by then. */
function reusedType(ctx: KoaContextWithOIDC): 'refresh.reused' | 'code.reused' | undefined {
  const error = ctx.state['protocolError'] as { error_detail?: string } | undefined;
  if (error?.error_detail === 'refresh token already used') return 'refresh.reused';
  return /^(authorization code|device code|backchannel authentication request) already consumed$/.test(
    error?.error_detail ?? '',
  )
    ? 'code.reused'
    : undefined;
}

function describeRevocation(ctx: KoaContextWithOIDC): Told[] {
  const { AccessToken, RefreshToken, ClientCredentials } = ctx.oidc.entities;
  const token = AccessToken ?? RefreshToken ?? ClientCredentials;
  // Unknown tokens and those of others: nothing changed (RFC 7009 §2.2).
  if (!token || token.clientId !== ctx.oidc.client?.clientId) return [];
  return [{ type: 'token.revoked', outcome: 'success', actor: client(ctx), details: { kind: token.kind } }];
}

/** Nobody is named where there is nobody of that name: only the reason says so. */
function describeApproval(ctx: KoaContextWithOIDC): Told[] {
  const missing = isNobody(ctx.oidc.entities.Account?.accountId) ? { subject: undefined, reason: 'unknown_user' } : {};
  if (failed(ctx)) return refusal(ctx, 'request.refused').map((told) => ({ ...missing, ...told }));
  return [{ type: 'approval.requested', outcome: 'success', actor: client(ctx), ...missing }];
}

function describeAuthorization(ctx: KoaContextWithOIDC, unit: UnitOfWork): Told[] {
  const events: Told[] = [];
  const login = loginBegun(ctx, unit);
  if (login) {
    events.push({
      type: 'session.started',
      outcome: 'success',
      actor: { kind: 'user', id: login.accountId },
      subject: login.accountId,
      details: { amr: login.amr, acr: login.acr },
    });
  }
  const reason = refusalReason(ctx);
  if (wasKeptOut(unit, ctx.oidc.client?.clientId)) return events;
  if (reason === 'access_denied') events.push({ type: 'consent.denied', outcome: 'denied', actor: person(ctx) });
  else if (reason !== undefined)
    events.push({ type: 'request.refused', outcome: 'denied', reason, actor: person(ctx) });
  else if (answersWithTokens(ctx)) events.push(issued(ctx, 'implicit'));
  return events;
}

function describeDevice(ctx: KoaContextWithOIDC, unit: UnitOfWork): Told[] {
  const code = ctx.oidc.deviceCode ?? ctx.oidc.entities.DeviceCode;
  const decided = code !== undefined && unit.wrote(writes.decideDeviceCode);
  if (!decided) return describeAuthorization(ctx, unit);
  const refused = code.error !== undefined;
  const type = refused ? 'device.denied' : 'device.confirmed';
  return [
    ...describeAuthorization(ctx, unit).filter((event) => event.type === 'session.started'),
    { type, outcome: refused ? 'denied' : 'success', actor: person(ctx), client: code.clientId },
  ];
}

function describeLogout(ctx: KoaContextWithOIDC, unit: UnitOfWork): Told[] {
  if (unit.endedSessions.size === 0) return [];
  const subject = ctx.oidc.session?.accountId;
  const by = ctx.oidc.client?.clientId;
  if (subject === undefined) return [];
  return [
    {
      type: 'session.ended',
      outcome: 'success',
      actor: { kind: 'user', id: subject },
      subject,
      client: by === houseClientId ? undefined : by,
    },
  ];
}
