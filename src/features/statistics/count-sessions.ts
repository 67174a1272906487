import type { Database } from '../../foundation/db/database.ts';
import type { Place } from '../../foundation/geo/place.ts';
import type { ClientHints } from '../../foundation/http/client-hints.ts';
import { deviceKind } from '../../foundation/http/user-agent.ts';
import type { LedgerRow, SessionLedger } from '../protocol/module.ts';
import type { CountRow, StatisticsStore } from './store.ts';

export interface CountSessionsParts {
  readonly database: Database;
  readonly ledger: SessionLedger;
  readonly store: StatisticsStore;
  /** Told of what was counted, once it is stored: by this process alone, whatever their number. */
  readonly onCounted: (row: CountRow) => void;
}

/** Which app a sign-in was for is known with its first answer, which may wait for consent, in milliseconds. */
const settleMs = 60_000;

/** Counts a batch of sign-ins that began or ended, and says how many. Of several processes that do it at once one counts each. */
export async function countSessions(
  { database, ledger, store, onCounted }: CountSessionsParts,
  now: number,
): Promise<number> {
  let counted = 0;
  for (const what of ['begun', 'ended'] as const) {
    const due = await (what === 'begun' ? ledger.begun(now - settleMs) : ledger.ended(now));
    const rows = summed(due.map(what === 'begun' ? beginningOf : endOf));
    const marks = due.map(({ id }) => ledger.count(id, what));
    if (due.length === 0) continue;
    // In one order everywhere: two processes wait for each other in no circle.
    const operations = [...marks.toSorted(byId), ...rows.map((row) => store.add(row))];
    const { committed } = await database.commit({ operations, fallback: [] });
    if (!committed) continue;
    counted += due.length;
    for (const row of rows) onCounted(row);
  }
  return counted;
}

const byId = (
  { params: [one] }: ReturnType<SessionLedger['count']>,
  { params: [other] }: ReturnType<SessionLedger['count']>,
) => (String(one) < String(other) ? -1 : 1);

/** Rows that differ in nothing but their numbers are one, in one order everywhere. */
function summed(rows: readonly CountRow[]): CountRow[] {
  const sums = new Map<string, CountRow>();
  for (const row of rows) {
    const key = JSON.stringify([row.day, row.event, row.client, row.device, row.country]);
    const { sessions = 0, seconds = 0 } = sums.get(key) ?? {};
    sums.set(key, { ...row, sessions: sessions + row.sessions, seconds: seconds + row.seconds });
  }
  return [...sums.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
}

const beginningOf = (row: LedgerRow): CountRow => ({
  ...whoseOf(row),
  day: dayOf(row.created_at),
  event: 'begun',
  sessions: 1,
  seconds: 0,
});

/** One that ended by itself lasted until it was used last. */
function endOf(row: LedgerRow): CountRow {
  const at = row.ended_at ?? row.last_seen_at;
  const seconds = Math.max(0, Math.round((at - row.created_at) / 1000));
  return {
    ...whoseOf(row),
    day: dayOf(at),
    event: row.ended_at === null ? 'expired' : (row.end_reason ?? 'other'),
    sessions: 1,
    seconds,
  };
}

function whoseOf({ client_id: client, user_agent: userAgent, hints, place }: LedgerRow) {
  const hinted = hints === null ? undefined : (JSON.parse(hints) as ClientHints);
  const where = place === null ? undefined : (JSON.parse(place) as Place);
  return {
    client: client ?? '',
    device: deviceKind(userAgent ?? undefined, hinted?.mobile),
    country: where?.country ?? '',
  };
}

/** The day in UTC. */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
