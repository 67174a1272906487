import type { Database } from '../../../foundation/db/database.ts';
import { type Row, statement } from '../../../foundation/db/statement.ts';

/** What is kept of the use of a sign-in, that has not ended. */
export interface SightingRow extends Row {
  account_id: string | null;
  last_seen_at: number;
  device_id: string | null;
  user_agent: string | null;
  address: string | null;
  hints: string | null;
  place: string | null;
  former_address: string | null;
  former_seen_at: number | null;
  challenged_at: number | null;
}

const columns =
  'account_id, last_seen_at, device_id, user_agent, address, hints, place, former_address, former_seen_at, challenged_at';
const find = statement('find-sighting', `SELECT ${columns} FROM sign_in_sessions WHERE id = ?1 AND ended_at IS NULL`);

/** Writes about the use of a sign-in that has not ended. All of them may miss: then it has ended meanwhile. */
export const sightingWrites = {
  /** On pages of our own; the engine saves the whole session. */
  touch: statement(
    'touch-session',
    'UPDATE sign_in_sessions SET last_seen_at = ?2, device_id = ?3, user_agent = ?4, address = ?5, hints = ?6, place = ?7 WHERE id = ?1 AND ended_at IS NULL',
  ),
  /** Keeps the address that it leaves, and until when it was used there. */
  move: statement(
    'move-session',
    'UPDATE sign_in_sessions SET former_address = ?2, former_seen_at = ?3 WHERE id = ?1 AND ended_at IS NULL',
  ),
  challenge: statement(
    'challenge-session',
    'UPDATE sign_in_sessions SET challenged_at = ?2 WHERE id = ?1 AND ended_at IS NULL',
  ),
  /** Not one that came up after the person was asked. */
  meetChallenge: statement(
    'meet-challenge',
    'UPDATE sign_in_sessions SET challenged_at = NULL WHERE id = ?1 AND challenged_at <= ?2',
  ),
} as const;

export interface SightingStore {
  /** By the hash of the session's uid. */
  find(id: string): Promise<SightingRow | undefined>;
}

export const createSightingStore = (database: Database): SightingStore => ({
  find: (id) => database.get<SightingRow>(find, [id]),
});
