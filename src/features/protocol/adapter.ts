import { type Clock, epochSeconds } from '../../foundation/clock.ts';
import type { Clients } from '../clients/module.ts';
import type { JwtTokens } from './jwt-tokens.ts';
import { losses } from './losses.ts';
import type { Payload, PayloadCodec } from './payload.ts';
import { save } from './save-artifact.ts';
import { createSessionRecords, type SessionRecords } from './session-records.ts';
import { type ArtifactRow, type GrantedRow, type ProtocolStore, writes } from './store.ts';
import { prefixes } from './token-ids.ts';
import { currentUnit, requireUnit } from './unit.ts';

/** What every model's adapter works with. */
export interface AdapterDependencies {
  readonly store: ProtocolStore;
  readonly codec: PayloadCodec;
  readonly clients: Clients;
  readonly clock: Clock;
  readonly jwtTokens: JwtTokens;
  /** How a grant is named inside a JWT: an HMAC of its id. */
  readonly grantReference: (grantId: string) => string;
  /** How long a used refresh token of this client still yields its successor, in milliseconds. */
  readonly graceMs: (clientId: string | undefined) => number;
  /** How long a sign-in may last in all, in seconds since it began. */
  readonly sessionAbsoluteSeconds: () => number;
}

/** A second use within this time is a racer's: refused, but not punished (DESIGN §3.4). */
export const settleMs = 500;

/** Kinds of which a repeated use shortly after the first must not look like theft. */
const usedOnce = new Set(['RefreshToken', 'AuthorizationCode', 'DeviceCode', 'BackchannelAuthenticationRequest']);

/** Kinds of which the library asks no more than to be found. */
const endsSharply = new Set(['AccessToken', 'ClientCredentials', 'Interaction']);

/**
 * oidc-provider's adapter for one model. Reads see the request's own pending writes; writes only collect in the unit.
 * `find` shows a used token as unused while its first use may still be settling: whether it can be used again is
 * decided by `consume`, in SQL.
 */
export class Adapter {
  readonly #kind: string;
  readonly #deps: AdapterDependencies;
  readonly #prefix: string | undefined;
  readonly #sessions: SessionRecords;

  constructor(kind: string, dependencies: AdapterDependencies) {
    this.#kind = kind;
    this.#deps = dependencies;
    this.#prefix = prefixes[kind];
    this.#sessions = createSessionRecords(dependencies);
  }

  async find(id: string): Promise<Payload | undefined> {
    const unit = currentUnit();
    if (unit?.presented.has(id)) return this.#unlessDisabled(await this.#deps.jwtTokens.find(unit, id, this.#kind));
    if (this.#prefix && !id.startsWith(this.#prefix)) return undefined;
    if (this.#kind === 'Grant') return this.#findGrant(id);
    const key = this.#deps.codec.keyOf(this.#kind, id);
    const pending = unit?.pending.get(key);
    if (pending === undefined) return this.#findStored(key, id);
    return pending === null ? undefined : { ...pending, jti: id };
  }

  async #findStored(key: string, id: string): Promise<Payload | undefined> {
    if (this.#kind === 'Session') return this.#sessions.byId(id);
    const row = await this.#deps.store.artifact(key);
    if (!row || row.ended_at !== null) return undefined;
    if (row.grant_id !== null && currentUnit()?.endedGrants.has(row.grant_id)) return undefined;
    rememberGrant(row);
    const payload = this.#deps.codec.decode(this.#kind, key, row.payload, id);
    // The library is lenient with clocks of others (`clockTolerance`), and would be with our own.
    if (endsSharply.has(this.#kind) && Number(payload['exp']) * 1000 <= this.#deps.clock.now()) return undefined;
    return this.#show(row, payload);
  }

  async findByUid(uid: string): Promise<Payload | undefined> {
    const unit = currentUnit();
    const id = unit?.lookups.get(`uid:${uid}`);
    if (id !== undefined) return this.find(id);
    return this.#sessions.byUid(uid);
  }

  async findByUserCode(userCode: string): Promise<Payload | undefined> {
    const id = currentUnit()?.lookups.get(`code:${userCode}`);
    if (id !== undefined) return this.find(id);
    const row = await this.#deps.store.deviceByUserCode(this.#deps.codec.userCodeKey(userCode));
    if (!row) return undefined;
    return this.#show(row, this.#deps.codec.decode('DeviceCode', row.id, row.payload, undefined));
  }

  async upsert(id: string, payload: Payload): Promise<void> {
    save(requireUnit(), this.#deps, { kind: this.#kind, id, payload });
  }

  async consume(id: string): Promise<void> {
    const unit = requireUnit();
    const key = this.#deps.codec.keyOf(this.#kind, id);
    const now = this.#deps.clock.now();
    const pending = unit.pending.get(key);
    if (pending) unit.pending.set(key, { ...pending, consumed: Math.floor(now / 1000) });
    const loss = this.#kind === 'PushedAuthorizationRequest' ? losses.pushedRequest : losses.grant;
    const graceMs = this.#kind === 'RefreshToken' ? this.#deps.graceMs(unit.clientOf.get(key)) : 0;
    // A refresh token's consumption stands or falls with its successor: the library consumes before it checks `resource`.
    const issues = this.#kind === 'RefreshToken';
    if (graceMs > 0) {
      unit.add({ rank: 'consume', key, statement: writes.consumeWithGrace, params: [key, now, graceMs], loss, issues });
      return;
    }
    unit.add({ rank: 'consume', key, statement: writes.consume, params: [key, now], loss, issues });
  }

  async destroy(id: string): Promise<void> {
    const unit = requireUnit();
    const now = this.#deps.clock.now();
    if (this.#deps.jwtTokens.deny(unit, id)) return;
    if (this.#kind === 'Grant') {
      unit.pending.set(`Grant:${id}`, null);
      unit.add({ rank: 'grant', key: id, statement: writes.endGrant, params: [id, now] });
      return;
    }
    const key = this.#deps.codec.keyOf(this.#kind, id);
    if (this.#kind === 'Session') {
      const uid = (await this.find(id))?.['uid'];
      if (typeof uid === 'string') unit.endedSessions.add(uid);
    }
    unit.pending.set(key, null);
    // Two browsers' tabs that finish one interaction at once would each get a code (actions/authorization/resume.js).
    if (this.#kind === 'Interaction') {
      // Answered and taken up in one request: the answer needs no row, and must not put one back.
      unit.drop(writes.saveArtifact, key);
      unit.add({ rank: 'consume', key, statement: writes.takeArtifact, params: [key, now], loss: losses.interaction });
      return;
    }
    unit.add({ rank: 'ending', key, statement: writes.endArtifact, params: [key, now] });
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    const unit = requireUnit();
    // The library asks once per model, and leaves out models whose grant type the client has lost: end all at once.
    if (unit.endedGrants.has(grantId)) return;
    unit.endedGrants.add(grantId);
    for (const [key, pending] of unit.pending) {
      if (pending && pending['grantId'] === grantId) unit.pending.set(key, null);
    }
    const now = this.#deps.clock.now();
    unit.add({ rank: 'grant', key: grantId, statement: writes.lockGrant, params: [grantId] });
    unit.add({ rank: 'ending', key: grantId, statement: writes.endFamily, params: [grantId, now] });
    this.#deps.jwtTokens.denyGrant(unit, grantId);
  }

  async #findGrant(id: string): Promise<Payload | undefined> {
    const pending = currentUnit()?.pending.get(`Grant:${id}`);
    if (pending !== undefined) return pending === null ? undefined : { ...pending, jti: id };
    const row = currentUnit()?.grants.get(id) ?? (await this.#deps.store.grant(id));
    if (!row || row.ended_at !== null) return undefined;
    return { ...(JSON.parse(row.payload) as Payload), jti: id };
  }

  /**
   * Nothing of a disabled client: disabling ended what there was, but a node that had not heard of it yet may have issued
   * something in that second.
   */
  #unlessDisabled(payload: Payload | undefined): Payload | undefined {
    const clientId = payload?.['clientId'];
    if (typeof clientId !== 'string') return payload;
    return this.#deps.clients.find(clientId)?.disabledAt === undefined ? payload : undefined;
  }

  /** The library takes what has expired for some seconds more, as others' clocks may differ. Access tokens go by ours. */
  #hasEnded({ exp }: Payload): boolean {
    return this.#kind === 'AccessToken' && typeof exp === 'number' && exp <= epochSeconds(this.#deps.clock);
  }

  /** What the library may see of a row that is alive. */
  #show(row: ArtifactRow, payload: Payload): Payload | undefined {
    if (!this.#unlessDisabled(payload) || this.#hasEnded(payload)) return undefined;
    const unit = currentUnit();
    const clientId = typeof payload['clientId'] === 'string' ? payload['clientId'] : undefined;
    if (clientId !== undefined) unit?.clientOf.set(row.id, clientId);
    if (row.consumed_at === null || this.#isSettling(row.consumed_at, clientId)) return payload;
    return { ...payload, consumed: Math.floor(row.consumed_at / 1000) };
  }

  /** Whether a use at `consumedAt` may still be a racer's or a retry's, so that this one must not look like theft. */
  #isSettling(consumedAt: number, clientId: string | undefined): boolean {
    const unit = currentUnit();
    if (unit && unit.startedAt <= consumedAt) return true;
    const window = usedOnce.has(this.#kind) ? Math.max(settleMs, this.#deps.graceMs(clientId)) : 0;
    return this.#deps.clock.now() - consumedAt < window;
  }
}

/** The grant of a token that was found; one that is gone is looked for again, and not found. */
function rememberGrant(row: GrantedRow): void {
  if (row.grant_id === null || row.grant_payload === null) return;
  currentUnit()?.grants.set(row.grant_id, { payload: row.grant_payload, ended_at: row.grant_ended_at });
}
