import type Provider from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { type MessageKind, Undeliverable } from '../../foundation/outbox/outbox.ts';
import type { Audit } from '../audit/module.ts';
import { type Clients, isUpstreamScope } from '../clients/module.ts';
import type { Settings } from '../settings/module.ts';
import { type ApprovalStore, approvalWrites, type WaitingRow } from './approvals/store.ts';
import { asksForSecondFactor } from './assurance.ts';
import { type AuthorizationDetail, addDetails } from './authorization-details.ts';
import { standardScopes } from './claims.ts';
import { losses } from './losses.ts';
import type { Payload, PayloadCodec } from './payload.ts';
import type { SignInResult } from './proof.ts';
import type { Allowed } from './remembered-consent.ts';
import { resourceServerFor } from './resources.ts';
import { requireUnit } from './unit.ts';

/** What an app asks a person for who is elsewhere (CIBA). */
export interface Approval {
  /** Names it on the page; no secret. */
  readonly id: string;
  readonly clientId: string;
  /** What the app shows as well. */
  readonly message: string | undefined;
  readonly asked: Allowed;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Whether only a sign-in with a second factor will do. */
  readonly needsSecondFactor: boolean;
  /** How long ago that sign-in may be at most, in seconds, where the app says so. */
  readonly maxAge: number | undefined;
}

/** How the person who decides has signed in. */
export interface ApprovedBy extends Pick<SignInResult, 'accountId' | 'acr' | 'amr'> {
  /** In milliseconds. */
  readonly provedAt: number;
}

/** What waits for people, and their answers. */
export interface Approvals {
  list(accountId: string): Promise<Approval[]>;
  /** Gives the app what it asked for, in the unit of the request: the first decision stands. */
  allow(approval: Approval, by: ApprovedBy): Promise<void>;
  deny(approval: Approval, accountId: string): void;
}

/** A client is told that its request was decided. */
export interface Ping {
  readonly clientId: string;
  readonly requestId: string;
  /** What the client gave for this. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface ApprovalParts {
  readonly provider: () => Provider;
  readonly store: ApprovalStore;
  readonly codec: PayloadCodec;
  readonly clients: Clients;
  readonly clock: Clock;
  readonly settings: { current(): Settings };
  /** The operation that puts a ping into the outbox. */
  readonly ping: (ping: Ping) => Operation;
}

const kind = 'BackchannelAuthenticationRequest';

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const words = (value: unknown): string[] => text(value)?.split(' ') ?? [];

export function createApprovals(parts: ApprovalParts): Approvals {
  const { store, codec, clock } = parts;
  /** What is stored of each: it holds what the client presents, which is nobody else's business. */
  const stored = new WeakMap<Approval, Payload>();
  const known = (row: WaitingRow): Approval => {
    const payload = codec.decode(kind, row.id, row.payload, undefined);
    const approval = describe(parts, row, payload);
    stored.set(approval, payload);
    return approval;
  };
  return {
    list: async (accountId) => (await store.waiting(accountId, clock.now())).map(known),
    async allow(approval, { accountId, acr, amr, provedAt }) {
      const payload = stored.get(approval);
      const grantId = await grantFor(parts, approval, accountId);
      const { details } = approval.asked;
      const rar = details.length === 0 ? {} : { rar: details };
      const proof = { acr, amr: [...amr], authTime: Math.floor(provedAt / 1000) };
      decide(parts, approval, { accountId, payload: { ...payload, grantId, ...proof, ...rar } });
    },
    deny(approval, accountId) {
      const declined = { error: 'access_denied', errorDescription: 'the person declined' };
      decide(parts, approval, { accountId, payload: { ...stored.get(approval), ...declined } });
    },
  };
}

function describe(parts: ApprovalParts, { id, expires_at: until }: WaitingRow, payload: Payload): Approval {
  const params = (payload['params'] ?? {}) as Record<string, unknown>;
  const clientId = String(payload['clientId']);
  const maxAge = params['max_age'];
  return {
    id,
    clientId,
    message: text(params['binding_message']),
    asked: askedBy(parts, clientId, payload),
    until: Number(until),
    needsSecondFactor: asksForSecondFactor(params),
    maxAge: maxAge === undefined ? undefined : Number(maxAge),
  };
}

function askedBy(parts: ApprovalParts, clientId: string, payload: Payload): Allowed {
  const scopes = words(payload['scope']);
  const { claims = {}, params = {} } = payload as { claims?: object; params?: { authorization_details?: string } };
  const apis = [(payload['resource'] as string | string[] | undefined) ?? []].flat();
  const settings = () => parts.settings.current();
  const ofApi = (api: string) => words(resourceServerFor({ ...parts, settings }, clientId, api).scope);
  const details = params.authorization_details;
  return {
    scopes: scopes.filter((name) => standardScopes.includes(name) || isUpstreamScope(name)),
    claims: [...new Set(Object.values(claims).flatMap((names) => Object.keys(names as object)))].filter(isPersonal),
    resources: Object.fromEntries(apis.map((api) => [api, ofApi(api).filter((name) => scopes.includes(name))])),
    details: details === undefined ? [] : (JSON.parse(details) as AuthorizationDetail[]),
  };
}

/** Claims about the sign-in are told in any case, and are nothing to allow. */
const isPersonal = (claim: string): boolean =>
  !['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss', 'rejected'].includes(claim);

/** A grant of its own, which ends when the person takes it back and not with their sign-in: the app is elsewhere. */
async function grantFor(
  { provider }: ApprovalParts,
  { clientId, asked }: Approval,
  accountId: string,
): Promise<string> {
  const { Grant } = provider();
  const grant = new Grant({ accountId, clientId });
  if (asked.scopes.length > 0) grant.addOIDCScope(asked.scopes.join(' '));
  if (asked.claims.length > 0) grant.addOIDCClaims([...asked.claims]);
  for (const [api, names] of Object.entries(asked.resources)) {
    if (names.length > 0) grant.addResourceScope(api, names.join(' '));
  }
  addDetails(grant, asked.details);
  return grant.save();
}

/** Two windows, or a decision beside the end of its time: one statement says which of them counts. */
function decide(
  { codec, clock, clients, ping }: ApprovalParts,
  { id, clientId, until }: Approval,
  { accountId, payload }: { accountId: string; payload: Payload },
): void {
  const unit = requireUnit();
  const params = [id, codec.encode(kind, id, payload), text(payload['grantId']) ?? null, accountId, clock.now()];
  unit.add({ rank: 'row', key: id, statement: approvalWrites.decide, params, loss: losses.interaction });
  const { client_notification_token: token } = (payload['params'] ?? {}) as { client_notification_token?: string };
  const isPinged = clients.find(clientId)?.metadata.backchannel_token_delivery_mode === 'ping';
  if (!isPinged || token === undefined || payload.jti === undefined) return;
  const told = ping({ clientId, requestId: payload.jti, token, until });
  unit.add({ rank: 'outbox', key: id, statement: told.statement, params: told.params });
}

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How pings leave the outbox (CIBA Core §10.2): through the guard, redirects not followed, tried again while the request waits. */
export function pings({ fetch, clients, clock, audit }: PingParts): MessageKind {
  return {
    async deliver(body) {
      const { clientId, requestId, token, until } = body as Ping;
      const client = clients.find(clientId);
      const endpoint = client?.metadata.backchannel_client_notification_endpoint;
      if (endpoint === undefined || client?.disabledAt !== undefined) throw new Undeliverable('nobody is to be told');
      if (clock.now() >= until) throw new Undeliverable('the request is over');
      const answer = await fetch(endpoint, {
        method: 'POST',
        redirect: 'manual',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ auth_req_id: requestId }),
      });
      await answer.body?.cancel();
      if (answer.status !== 200 && answer.status !== 204) throw new Error(`answered ${answer.status}`);
      return [];
    },
    settled(body, outcome, error) {
      const isDelivered = outcome === 'delivered';
      const event = {
        type: isDelivered ? 'approval.notice_delivered' : 'approval.notice_failed',
        outcome: isDelivered ? 'success' : 'failure',
        actor: { kind: 'system', name: 'outbox' },
        client: (body as Ping).clientId,
        reason: error,
      } as const;
      return [audit.record(event, {})];
    },
  };
}

interface PingParts {
  readonly fetch: Fetch;
  readonly clients: Clients;
  readonly clock: Clock;
  readonly audit: Audit;
}
