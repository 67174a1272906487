import type { Context } from 'koa';
import type { Session } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Place } from '../../foundation/geo/place.ts';
import type { Places } from '../../foundation/geo/places.ts';
import type { ClientHints } from '../../foundation/http/client-hints.ts';
import type { AuditEvent } from '../audit/module.ts';
import { type FormerPlace, isApart, type Sighting, type Signal, type Signals } from '../signals/module.ts';
import { isNew } from './session-model.ts';
import { type SightingRow, type SightingStore, sightingWrites } from './sightings/store.ts';
import { currentUnit, type Origin, type UnitOfWork } from './unit.ts';

export interface WatchSessionParts {
  readonly clock: Clock;
  readonly places: Pick<Places, 'find'>;
  readonly signals: Signals;
  readonly sightings: SightingStore;
}

/**
 * Notes where and with what a session is used, has what is odd about it written down, and says whether its person has to
 * show once more who they are before it is good for anything. `saves`: the engine saves the session after this request by
 * itself; otherwise it is done here, at most once a minute while nothing changes.
 */
export type WatchSession = (ctx: Context, session: Session, how: { readonly saves: boolean }) => Promise<boolean>;

/** How often a page of ours notes that a session is in use, in milliseconds. */
const touchMs = 60_000;

export function createWatchSession(parts: WatchSessionParts): WatchSession {
  // The engine asks several questions in a request, our pages as well: a session is looked at once.
  const seen = new WeakMap<Context, Promise<boolean>>();
  return (ctx, session, how) => {
    // One that begins here has been used nowhere yet.
    const found = isNew(session) ? Promise.resolve(false) : (seen.get(ctx) ?? watch(parts, session, how.saves));
    seen.set(ctx, found);
    return found;
  };
}

async function watch(parts: WatchSessionParts, session: Session, saves: boolean): Promise<boolean> {
  const unit = currentUnit();
  const { accountId, uid } = session;
  if (unit === undefined || accountId === undefined) return false;
  const id = sha256(uid);
  const row = await parts.sightings.find(id);
  // It begins here, or the sign-in of somebody else takes its place.
  if (row?.account_id !== accountId) return false;
  const origin = unit.origin(accountId);
  const sightings = sightingsOf(parts, row, origin);
  const now = sightings.seen.at;
  const signals = parts.signals.judge(sightings);
  const challenges = parts.signals.challenges();
  if (isApart(sightings.kept, sightings.seen)) {
    const params = [id, row.address, row.last_seen_at];
    unit.add({ rank: 'session', key: id, statement: sightingWrites.move, params });
  }
  raise(unit, signals, { accountId, challenges });
  const isChallenged = challenges && signals.length > 0;
  if (isChallenged) challenge(unit, session, { id, now });
  else if (!saves && isNews(row, origin, now)) touch(unit, { id, origin, now });
  return isChallenged || (challenges && row.challenged_at !== null);
}

/** Whoever else has the cookie is left with one that leads nowhere, and whoever comes with it is asked who they are. */
function challenge(unit: UnitOfWork, session: Session, { id, now }: { id: string; now: number }): void {
  unit.add({ rank: 'session', key: id, statement: sightingWrites.challenge, params: [id, now] });
  // A resumed request has changed it already: the former one must not be forgotten over it, or it would live on.
  if (!(session as { oldId?: string }).oldId) session.resetIdentifier();
}

function sightingsOf({ clock, places }: WatchSessionParts, row: SightingRow, origin: Origin) {
  const kept: Sighting = {
    address: row.address ?? undefined,
    place: row.place === null ? undefined : (JSON.parse(row.place) as Place),
    at: row.last_seen_at,
    userAgent: row.user_agent ?? undefined,
    hints: row.hints === null ? undefined : (JSON.parse(row.hints) as ClientHints),
  };
  const formerAddress = row.former_address ?? undefined;
  const former: FormerPlace | undefined =
    formerAddress === undefined || row.former_seen_at === null
      ? undefined
      : { address: formerAddress, place: places.find(formerAddress), at: row.former_seen_at };
  const { address, userAgent, place, hints } = origin;
  const seen: Sighting = { address, userAgent, place, hints, at: clock.now() };
  return { kept, former, seen };
}

function raise(
  unit: UnitOfWork,
  signals: readonly Signal[],
  { accountId, challenges }: { accountId: string; challenges: boolean },
): void {
  const outcome = challenges ? 'denied' : 'success';
  for (const signal of signals) unit.events.push(signalEvent(signal, { accountId, outcome }));
}

/** Nobody did it whom we could name: whoever it was has the session, or the password, of this person. */
export const signalEvent = (
  { kind, details }: Signal,
  { accountId, outcome }: { readonly accountId: string; readonly outcome: 'success' | 'denied' },
): AuditEvent => {
  const actor = { kind: 'system', name: 'signals' } as const;
  return { type: 'signal.raised', outcome, reason: kind, actor, subject: accountId, details };
};

const isNews = (row: SightingRow, { address, userAgent }: Origin, now: number): boolean =>
  now - row.last_seen_at >= touchMs || row.address !== (address ?? null) || row.user_agent !== (userAgent ?? null);

function touch(unit: UnitOfWork, { id, origin, now }: { id: string; origin: Origin; now: number }): void {
  const { device = null, userAgent = null, address = null } = origin;
  const params = [id, now, device, userAgent, address, keptText(origin.hints), keptText(origin.place)];
  unit.add({ rank: 'session', key: id, statement: sightingWrites.touch, params });
}

/** Hints and places as their columns have them. */
export const keptText = (of: ClientHints | Place | undefined): string | null =>
  of === undefined ? null : JSON.stringify(of);
