import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { AppError } from '../../foundation/errors.ts';
import type { Clients } from '../clients/module.ts';
import type { JwtTokens } from './jwt-tokens.ts';
import { losses } from './losses.ts';
import type { Payload, PayloadCodec } from './payload.ts';
import { save } from './save-artifact.ts';
import { type ArtifactRow, type ProtocolStore, writes } from './store.ts';
import { prefixes } from './token-ids.ts';
import { currentUnit, type UnitOfWork } from './unit.ts';

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
const usedOnce = new Set(['RefreshToken', 'AuthorizationCode', 'DeviceCode']);
/** How long a session cookie that was just replaced still leads to its replacement, in milliseconds. */
const rotationMs = 10_000;

/**
 * oidc-provider's adapter for one model. Reads see the request's own pending writes; writes only collect in the unit.
 * `find` shows a used token as unused while its first use may still be settling: whether it can be used again is
 * decided by `consume`, in SQL.
 */
export class Adapter {
  readonly #kind: string;
  readonly #deps: AdapterDependencies;
  readonly #prefix: string | undefined;

  constructor(kind: string, dependencies: AdapterDependencies) {
    this.#kind = kind;
    this.#deps = dependencies;
    this.#prefix = prefixes[kind];
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
    const row = await this.#deps.store.artifact(key);
    if (!row) return undefined;
    if (row.ended_at !== null) return this.#kind === 'Session' ? this.#replacement(row) : undefined;
    if (row.grant_id !== null && currentUnit()?.endedGrants.has(row.grant_id)) return undefined;
    return this.#show(row, this.#deps.codec.decode(this.#kind, key, row.payload, id));
  }

  async findByUid(uid: string): Promise<Payload | undefined> {
    const unit = currentUnit();
    const id = unit?.lookups.get(`uid:${uid}`);
    if (id !== undefined) return this.find(id);
    const row = await this.#deps.store.sessionByUid(sha256(uid));
    if (!row || unit?.pending.get(row.id) === null) return undefined;
    return this.#show(row, this.#deps.codec.decode('Session', row.id, row.payload, undefined));
  }

  async findByUserCode(userCode: string): Promise<Payload | undefined> {
    const id = currentUnit()?.lookups.get(`code:${userCode}`);
    if (id !== undefined) return this.find(id);
    const row = await this.#deps.store.deviceByUserCode(this.#deps.codec.userCodeKey(userCode));
    if (!row) return undefined;
    return this.#show(row, this.#deps.codec.decode('DeviceCode', row.id, row.payload, undefined));
  }

  async upsert(id: string, payload: Payload): Promise<void> {
    save(this.#unit(), this.#deps, { kind: this.#kind, id, payload });
  }

  async consume(id: string): Promise<void> {
    const unit = this.#unit();
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
    const unit = this.#unit();
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
      unit.add({ rank: 'consume', key, statement: writes.takeArtifact, params: [key, now], loss: losses.interaction });
      return;
    }
    unit.add({ rank: 'ending', key, statement: writes.endArtifact, params: [key, now] });
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    const unit = this.#unit();
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

  #unit(): UnitOfWork {
    const unit = currentUnit();
    if (!unit) throw new AppError('store_unavailable', 503, 'A protocol record was written outside a unit of work.');
    return unit;
  }

  async #findGrant(id: string): Promise<Payload | undefined> {
    const pending = currentUnit()?.pending.get(`Grant:${id}`);
    if (pending !== undefined) return pending === null ? undefined : { ...pending, jti: id };
    const row = await this.#deps.store.grant(id);
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

  /** What the library may see of a row that is alive. */
  #show(row: ArtifactRow, payload: Payload): Payload | undefined {
    if (!this.#unlessDisabled(payload)) return undefined;
    const unit = currentUnit();
    const clientId = typeof payload['clientId'] === 'string' ? payload['clientId'] : undefined;
    if (clientId !== undefined) unit?.clientOf.set(row.id, clientId);
    if (this.#kind === 'Session') return this.#showSession(payload);
    if (row.consumed_at === null || this.#isSettling(row.consumed_at, clientId)) return payload;
    return { ...payload, consumed: Math.floor(row.consumed_at / 1000) };
  }

  #showSession(payload: Payload): Payload | undefined {
    if (this.#isOver(payload)) return undefined;
    const unit = currentUnit();
    if (unit && typeof payload['loginTs'] === 'number') unit.sessionBegan = payload['loginTs'];
    return payload;
  }

  /** Whether a use at `consumedAt` may still be a racer's or a retry's, so that this one must not look like theft. */
  #isSettling(consumedAt: number, clientId: string | undefined): boolean {
    const unit = currentUnit();
    if (unit && unit.startedAt <= consumedAt) return true;
    const window = usedOnce.has(this.#kind) ? Math.max(settleMs, this.#deps.graceMs(clientId)) : 0;
    return this.#deps.clock.now() - consumedAt < window;
  }

  /** The library would give a session its tolerance for foreign clocks on top. */
  #isOver(session: Payload): boolean {
    const now = this.#deps.clock.now() / 1000;
    if (typeof session['exp'] === 'number' && now >= session['exp']) return true;
    const began = session['loginTs'];
    return typeof began === 'number' && now >= began + this.#deps.sessionAbsoluteSeconds();
  }

  /**
   * The session that replaced this cookie's. Every resumed request rotates the session id; a second tab whose request
   * was under way with the former cookie would otherwise be given an empty session and sign the person out.
   * Only from a signed-in cookie: from an anonymous one this would undo the rotation that stops session fixation.
   */
  async #replacement(row: ArtifactRow): Promise<Payload | undefined> {
    if (row.ended_at === null || this.#deps.clock.now() - row.ended_at >= rotationMs) return undefined;
    const former = this.#deps.codec.decode('Session', row.id, row.payload, undefined);
    if (typeof former['uid'] !== 'string' || typeof former['accountId'] !== 'string') return undefined;
    const current = await this.findByUid(former['uid']);
    return current?.['accountId'] === former['accountId'] ? current : undefined;
  }
}
