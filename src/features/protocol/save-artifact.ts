import { sha256 } from '../../foundation/crypto/hash.ts';
import type { AdapterDependencies } from './adapter.ts';
import { type Loss, losses } from './losses.ts';
import type { Payload } from './payload.ts';
import { replays } from './replay-once.ts';
import { saveSessionParts } from './session-records.ts';
import { writes } from './store.ts';
import type { UnitOfWork } from './unit.ts';
import { keptText } from './watch-session.ts';

/** A record the library wants stored. */
interface Record {
  readonly kind: string;
  readonly id: string;
  readonly payload: Payload;
}

/** Kinds that die with their grant. */
const familyKinds = new Set([
  'AccessToken',
  'RefreshToken',
  'AuthorizationCode',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
]);
/** Kinds that hand something out: not stored when the answer turns into a refusal. */
const issuedKinds = new Set(['AccessToken', 'RefreshToken', 'AuthorizationCode', 'ClientCredentials']);

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const milliseconds = (seconds: unknown): number | null => (typeof seconds === 'number' ? seconds * 1000 : null);

/** Adds to the unit what stores the record, and the guards it needs. */
export function save(unit: UnitOfWork, deps: AdapterDependencies, record: Record): void {
  const { kind, id, payload } = record;
  if (kind === 'Grant') {
    saveGrant(unit, deps, record);
    return;
  }
  const key = deps.codec.keyOf(kind, id);
  if (kind === 'Session') saveSession(unit, deps, record);
  if (kind === 'DeviceCode' && isAnswered(payload)) {
    saveAnswer(unit, deps, record);
    return;
  }
  guardIssue(unit, payload, kind);
  const { jti: _id, ...pending } = payload;
  unit.pending.set(key, pending);
  const userCode = text(payload['userCode']);
  if (userCode !== null) unit.lookups.set(`code:${userCode}`, id);
  unit.add({
    rank: kind === 'ReplayDetection' ? 'once' : 'row',
    key,
    statement: statementFor(kind),
    params: rowOf(deps, record, key),
    loss: lossFor(kind, payload),
    issues: issuedKinds.has(kind),
  });
}

function rowOf(deps: AdapterDependencies, { kind, payload }: Record, key: string) {
  const userCode = text(payload['userCode']);
  const userCodeKey = userCode === null ? null : deps.codec.userCodeKey(userCode);
  // Until somebody decides about it; it is found by its person.
  const undecided = kind === 'BackchannelAuthenticationRequest' ? key : userCodeKey;
  const lookup = kind === 'Session' ? sha256(String(payload['uid'])) : undecided;
  return [
    key,
    kind,
    deps.codec.encode(kind, key, payload),
    milliseconds(payload['exp']),
    familyKinds.has(kind) ? text(payload['grantId']) : null,
    kind === 'Interaction' ? (answeredBy(payload) ?? provedAccount(payload)) : text(payload['accountId']),
    text(payload['clientId']),
    lookup,
  ];
}

/**
 * Whose sign-in an interaction has been answered with: it dies with what that person holds. Otherwise a sign-in with a
 * stolen password could be kept just short of its end, and finished after the password was reset.
 */
function answeredBy(payload: Payload): string | null {
  const { login } = (payload['result'] ?? {}) as { login?: { accountId?: unknown } };
  return text(login?.accountId);
}

/** Whom an interaction has a password for: it ends with what else they hold, when they are disabled or signed out. */
const provedAccount = (payload: Payload): string | null =>
  text((payload['result'] as { proved?: { accountId?: unknown } } | undefined)?.proved?.accountId);

function statementFor(kind: string) {
  if (kind === 'RefreshToken') return writes.saveSuccessor;
  return kind === 'ReplayDetection' ? writes.saveOnce : writes.saveArtifact;
}

function lossFor(kind: string, payload: Payload): Loss {
  if (kind === 'ReplayDetection') return replayLoss(payload['iss']);
  if (kind === 'Session') return losses.session;
  return kind === 'Interaction' ? losses.interaction : losses.grant;
}

function replayLoss(used: unknown): Loss {
  if (used === replays.proof) return losses.proof;
  if (used === replays.request) return losses.requestObject;
  return used === replays.proofAtApi ? losses.proofAtApi : losses.assertion;
}

/** Nothing is issued under a grant or a sign-in that has ended, even if it ended a moment ago on another node. */
function guardIssue(unit: UnitOfWork, payload: Payload, kind: string): void {
  const grantId = familyKinds.has(kind) ? text(payload['grantId']) : null;
  if (grantId !== null) guardGrant(unit, grantId);
  const sessionUid = text(payload['sessionUid']);
  if (payload['expiresWithSession'] && sessionUid !== null && !unit.lookups.has(`uid:${sessionUid}`)) {
    const session = sha256(sessionUid);
    unit.add({
      rank: 'session',
      key: session,
      statement: writes.sessionLives,
      params: [session],
      loss: losses.grant,
      issues: true,
    });
  }
}

/** Makes the unit fail unless the grant is alive when it commits. */
export function guardGrant(unit: UnitOfWork, grantId: string): void {
  if (unit.has(writes.saveGrant, grantId)) return;
  unit.add({
    rank: 'grant',
    key: grantId,
    statement: writes.grantLives,
    params: [grantId],
    loss: losses.grant,
    issues: true,
  });
}

function saveGrant(unit: UnitOfWork, deps: AdapterDependencies, { id, payload }: Record): void {
  const { jti: _id, ...pending } = payload;
  unit.pending.set(`Grant:${id}`, pending);
  const params = [
    id,
    text(payload['accountId']),
    text(payload['clientId']),
    deps.grantReference(id),
    JSON.stringify(pending),
    milliseconds(payload['exp']),
    deps.clock.now(),
  ];
  unit.add({ rank: 'grant', key: id, statement: writes.saveGrant, params, loss: losses.grant });
}

function saveSession(unit: UnitOfWork, deps: AdapterDependencies, { id, payload }: Record): void {
  const uid = String(payload['uid']);
  unit.endedSessions.delete(uid);
  unit.lookups.set(`uid:${uid}`, id);
  const accountId = text(payload['accountId']);
  if (accountId === null) return;
  saveSessionParts(unit, deps, payload);
  const session = sha256(uid);
  const { device = null, userAgent = null, address = null, hints, place } = unit.origin(accountId);
  const kept = [device, userAgent, address, keptText(hints), keptText(place), clientOf(payload)];
  const until = milliseconds(payload['exp']);
  // Saving asks the same of the row as the guard does, and the row of a session that begins here is not there before.
  unit.drop(writes.sessionLives, session);
  unit.add({
    rank: 'session',
    key: session,
    statement: writes.saveSession,
    params: [session, accountId, deps.clock.now(), until, ...kept],
    loss: losses.session,
  });
}

/** The app that a session is first used for, once it was let in. */
const clientOf = (session: Payload): string | null =>
  Object.keys((session['authorizations'] as object | undefined) ?? {})[0] ?? null;

/** Whether somebody has taken the code up: it is being decided on, or carries an account, or an error. */
const isAnswered = (payload: Payload): boolean => payload['inFlight'] === true || isDecision(payload);

const isDecision = (payload: Payload): boolean => payload['accountId'] !== undefined || payload['error'] !== undefined;

/**
 * Two people who confirm one user code at once: the first one's answer stands (the library checks, then writes). Nor
 * may taking the code up undo an answer that another browser gave meanwhile.
 */
function saveAnswer(unit: UnitOfWork, deps: AdapterDependencies, { kind, id, payload }: Record): void {
  const key = deps.codec.keyOf(kind, id);
  guardIssue(unit, payload, kind);
  unit.pending.set(key, payload);
  const encoded = deps.codec.encode(kind, key, payload);
  if (!isDecision(payload)) {
    unit.add({
      rank: 'row',
      key,
      statement: writes.takeUpDeviceCode,
      params: [key, encoded],
      loss: losses.interaction,
    });
    return;
  }
  const params = [key, encoded, text(payload['grantId']), text(payload['accountId'])];
  unit.add({ rank: 'row', key, statement: writes.decideDeviceCode, params, loss: losses.interaction });
}
