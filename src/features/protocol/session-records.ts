import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Authorization } from './endings.ts';
import type { Payload, PayloadCodec } from './payload.ts';
import { type ArtifactRow, type ProtocolStore, writes } from './store.ts';
import { currentUnit, type UnitOfWork } from './unit.ts';

export interface SessionRecordsParts {
  readonly store: ProtocolStore;
  readonly codec: PayloadCodec;
  readonly clock: Clock;
  /** How long a sign-in may last in all, in seconds since it began. */
  readonly sessionAbsoluteSeconds: () => number;
}

/** Reads sessions for the adapter. */
export interface SessionRecords {
  /** By the cookie's value. */
  byId(id: string): Promise<Payload | undefined>;
  byUid(uid: string): Promise<Payload | undefined>;
}

/** The row of a client's part in a session, beside that of the cookie. */
export const partKind = 'SessionClient';

/** A client's part in a session, as its row holds it. */
export interface SessionPart {
  readonly clientId: string;
  readonly accountId: string;
  readonly authorization: Authorization;
}

/** How long a session cookie that was just replaced still leads to its replacement, in milliseconds. */
const rotationMs = 10_000;

/**
 * Sessions as the library sees them. It keeps all clients of a session in one record and rewrites the whole at every
 * request, so that of two tabs that sign in to two apps at once the later would undo the former. Each client's part has
 * a row of its own therefore, and the parts are put together when a session is read.
 */
export function createSessionRecords(parts: SessionRecordsParts): SessionRecords {
  const { store, codec, clock } = parts;

  function show(row: ArtifactRow, rows: readonly ArtifactRow[], id: string | undefined): Payload | undefined {
    const session = codec.decode('Session', row.id, row.payload, id);
    if (isOver(parts, session)) return undefined;
    const unit = currentUnit();
    if (unit && typeof session['loginTs'] === 'number') {
      unit.sessionBegan = session['loginTs'];
      unit.sessionStays = session['transient'] !== true;
    }
    const authorizations = { ...(session['authorizations'] as object | undefined), ...partsOf(rows, session) };
    if (Object.keys(authorizations).length > 0) session['authorizations'] = authorizations;
    unit?.sessionParts.set(String(session['uid']), textsOf(authorizations));
    return session;
  }

  async function byUid(uid: string): Promise<Payload | undefined> {
    const rows = await store.sessionByUid(sha256(uid));
    const row = rows.find(({ kind }) => kind === 'Session');
    if (!row || currentUnit()?.pending.get(row.id) === null) return undefined;
    return show(row, rows, undefined);
  }

  /**
   * The session that replaced this cookie's. Every resumed request rotates the session id; a second tab whose request
   * was under way with the former cookie would otherwise be given an empty session and sign the person out.
   * Only from a signed-in cookie: from an anonymous one this would undo the rotation that stops session fixation.
   */
  async function replacement(row: ArtifactRow, endedAt: number): Promise<Payload | undefined> {
    if (clock.now() - endedAt >= rotationMs) return undefined;
    const former = codec.decode('Session', row.id, row.payload, undefined);
    if (typeof former['uid'] !== 'string' || typeof former['accountId'] !== 'string') return undefined;
    const current = await byUid(former['uid']);
    return current?.['accountId'] === former['accountId'] ? current : undefined;
  }

  return {
    async byId(id) {
      const key = codec.keyOf('Session', id);
      const rows = await store.session(key);
      const row = rows.find((one) => one.id === key);
      if (!row) return undefined;
      return row.ended_at === null ? show(row, rows, id) : replacement(row, row.ended_at);
    },
    byUid,
  };
}

const textsOf = (authorizations: object): Record<string, string> =>
  Object.fromEntries(Object.entries(authorizations).map(([clientId, part]) => [clientId, JSON.stringify(part)]));

/** The library would give a session its tolerance for foreign clocks on top. */
function isOver({ clock, sessionAbsoluteSeconds }: SessionRecordsParts, session: Payload): boolean {
  const now = clock.now() / 1000;
  if (typeof session['exp'] === 'number' && now >= session['exp']) return true;
  const began = session['loginTs'];
  return typeof began === 'number' && now >= began + sessionAbsoluteSeconds();
}

const partsOf = (rows: readonly ArtifactRow[], session: Payload): Record<string, Authorization> =>
  Object.fromEntries(
    rows
      .filter(({ kind }) => kind === partKind)
      .map(({ payload }) => JSON.parse(payload) as SessionPart)
      .filter(({ accountId }) => accountId === session['accountId'])
      .map(({ clientId, authorization }) => [clientId, authorization]),
  );

/** Adds to the unit what stores the parts that this request has changed. */
export function saveSessionParts(unit: UnitOfWork, parts: SessionRecordsParts, session: Payload): void {
  const uid = String(session['uid']);
  const before = unit.sessionParts.get(uid) ?? {};
  const after = (session['authorizations'] ?? {}) as Record<string, Authorization>;
  const accountId = String(session['accountId']);
  const began = Number(session['loginTs'] ?? parts.clock.now() / 1000);
  const until = Math.floor((began + parts.sessionAbsoluteSeconds()) * 1000);
  for (const clientId of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const key = `${partKind}:${sha256(JSON.stringify([uid, accountId, clientId]))}`;
    const authorization = after[clientId];
    if (JSON.stringify(authorization) === before[clientId]) continue;
    if (!authorization) {
      unit.add({ rank: 'row', key, statement: writes.endArtifact, params: [key, parts.clock.now()] });
      continue;
    }
    const part: SessionPart = { clientId, accountId, authorization };
    const params = [key, partKind, JSON.stringify(part), until, accountId, sha256(uid)];
    unit.add({ rank: 'row', key, statement: writes.saveSessionPart, params });
  }
}
