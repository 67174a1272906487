import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';

/** Columns of an artifact as the adapter reads them. */
export interface ArtifactRow extends Row {
  id: string;
  kind: string;
  payload: string;
  consumed_at: number | null;
  ended_at: number | null;
  grant_id: string | null;
}

export interface GrantRow extends Row {
  id: string;
  payload: string;
  ended_at: number | null;
}

const conflictSet =
  'payload=excluded.payload, expires_at=excluded.expires_at, grant_id=excluded.grant_id, account_id=excluded.account_id, client_id=excluded.client_id, lookup=excluded.lookup';
const artifactColumns = 'id, kind, payload, expires_at, grant_id, account_id, client_id, lookup';
const artifactValues = '(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)';
const insertArtifact = `INSERT INTO artifacts (${artifactColumns}) VALUES ${artifactValues}`;
const replaced = ['payload', 'expires_at', 'grant_id', 'account_id', 'client_id', 'lookup'];
/** MySQL has no condition on its upsert: a dead row is refused by writing NULL where none may stand, which counts as a miss. */
const refuseUnless = (alive: string, column: string) => `${column}=IF(${alive}, ${column}, NULL)`;
const takeNew = (columns: readonly string[]) => columns.map((column) => `${column}=VALUES(${column})`).join(', ');

/** Writes. Each is one conditional statement, so that whether it took effect is decided by the database alone. */
export const writes = {
  /** Inserts or replaces a record that is neither consumed nor ended. */
  saveArtifact: statement('save-artifact', {
    sqlite: `${insertArtifact} ON CONFLICT (id) DO UPDATE SET ${conflictSet} WHERE artifacts.ended_at IS NULL AND artifacts.consumed_at IS NULL`,
    postgresql: `${insertArtifact} ON CONFLICT (id) DO UPDATE SET ${conflictSet} WHERE artifacts.ended_at IS NULL AND artifacts.consumed_at IS NULL`,
    mysql: `${insertArtifact} ON DUPLICATE KEY UPDATE ${refuseUnless('ended_at IS NULL AND consumed_at IS NULL', 'kind')}, ${takeNew(replaced)}`,
  }),
  /** Inserts a refresh token's successor; a second inserter finds the same row and leaves it alone. */
  saveSuccessor: statement('save-successor', {
    sqlite: `${insertArtifact} ON CONFLICT (id) DO UPDATE SET expires_at = artifacts.expires_at WHERE artifacts.ended_at IS NULL`,
    postgresql: `${insertArtifact} ON CONFLICT (id) DO UPDATE SET expires_at = artifacts.expires_at WHERE artifacts.ended_at IS NULL`,
    mysql: `${insertArtifact} ON DUPLICATE KEY UPDATE ${refuseUnless('ended_at IS NULL', 'kind')}`,
  }),
  /** Inserts what may be seen only once; touches nothing when it was seen before. */
  saveOnce: statement('save-once', {
    sqlite: `${insertArtifact} ON CONFLICT DO NOTHING`,
    postgresql: `${insertArtifact} ON CONFLICT DO NOTHING`,
    mysql: insertArtifact,
  }),
  /** Notes that somebody is about to decide about a device code; never after a decision. */
  takeUpDeviceCode: statement(
    'take-up-device-code',
    'UPDATE artifacts SET payload = ?2 WHERE id = ?1 AND lookup IS NOT NULL AND ended_at IS NULL AND consumed_at IS NULL',
  ),
  /** Records a decision about a device code: the first one stands. */
  decideDeviceCode: statement(
    'decide-device-code',
    'UPDATE artifacts SET payload = ?2, grant_id = ?3, account_id = ?4, lookup = NULL WHERE id = ?1 AND lookup IS NOT NULL AND ended_at IS NULL AND consumed_at IS NULL',
  ),
  consume: statement(
    'consume',
    'UPDATE artifacts SET consumed_at = ?2 WHERE id = ?1 AND consumed_at IS NULL AND ended_at IS NULL',
  ),
  /** Consumes, or repeats the consumption within the grace window (?3, in milliseconds, above 0). */
  consumeWithGrace: statement('consume-with-grace', {
    sqlite:
      'UPDATE artifacts SET consumed_at = COALESCE(consumed_at, ?2) WHERE id = ?1 AND ended_at IS NULL AND (consumed_at IS NULL OR ?2 - consumed_at < ?3)',
    postgresql:
      'UPDATE artifacts SET consumed_at = COALESCE(consumed_at, ?2::bigint) WHERE id = ?1 AND ended_at IS NULL AND (consumed_at IS NULL OR ?2::bigint - consumed_at < ?3::bigint)',
    mysql:
      'UPDATE artifacts SET consumed_at = COALESCE(consumed_at, ?2) WHERE id = ?1 AND ended_at IS NULL AND (consumed_at IS NULL OR ?2 - consumed_at < ?3)',
  }),
  endArtifact: statement('end-artifact', 'UPDATE artifacts SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL'),
  /** Ends a record that must still be there: whoever ends it first goes on. */
  takeArtifact: statement(
    'take-artifact',
    'UPDATE artifacts SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL AND consumed_at IS NULL',
  ),
  endFamily: statement('end-family', 'UPDATE artifacts SET ended_at = ?2 WHERE grant_id = ?1 AND ended_at IS NULL'),
  endCookies: statement(
    'end-cookies',
    "UPDATE artifacts SET ended_at = ?2 WHERE lookup = ?1 AND kind = 'Session' AND ended_at IS NULL",
  ),
  saveGrant: statement('save-grant', {
    sqlite:
      'INSERT INTO grants (id, account_id, client_id, reference, payload, expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET payload=excluded.payload, expires_at=excluded.expires_at WHERE grants.ended_at IS NULL',
    postgresql:
      'INSERT INTO grants (id, account_id, client_id, reference, payload, expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET payload=excluded.payload, expires_at=excluded.expires_at WHERE grants.ended_at IS NULL',
    mysql:
      'INSERT INTO grants (id, account_id, client_id, reference, payload, expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON DUPLICATE KEY UPDATE created_at=IF(ended_at IS NULL, created_at, NULL), payload=VALUES(payload), expires_at=VALUES(expires_at)',
  }),
  grantLives: statement('grant-lives', {
    sqlite: 'SELECT 1 FROM grants WHERE id = ?1 AND ended_at IS NULL',
    postgresql: 'SELECT 1 FROM grants WHERE id = ?1 AND ended_at IS NULL FOR SHARE',
    mysql: 'SELECT 1 FROM grants WHERE id = ?1 AND ended_at IS NULL LOCK IN SHARE MODE',
  }),
  endGrant: statement('end-grant', 'UPDATE grants SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL'),
  /** Takes a grant's lock before its family is touched, so that a refresh in flight is either before or behind. */
  lockGrant: statement('lock-grant', {
    sqlite: 'SELECT 1 FROM grants WHERE id = ?1',
    postgresql: 'SELECT 1 FROM grants WHERE id = ?1 FOR NO KEY UPDATE',
    mysql: 'SELECT 1 FROM grants WHERE id = ?1 FOR UPDATE',
  }),
  saveSession: statement('save-session', {
    sqlite:
      'INSERT INTO sign_in_sessions (id, account_id, created_at, last_seen_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4) ON CONFLICT (id) DO UPDATE SET account_id=excluded.account_id, last_seen_at=excluded.last_seen_at, expires_at=excluded.expires_at WHERE sign_in_sessions.ended_at IS NULL',
    postgresql:
      'INSERT INTO sign_in_sessions (id, account_id, created_at, last_seen_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4) ON CONFLICT (id) DO UPDATE SET account_id=excluded.account_id, last_seen_at=excluded.last_seen_at, expires_at=excluded.expires_at WHERE sign_in_sessions.ended_at IS NULL',
    mysql:
      'INSERT INTO sign_in_sessions (id, account_id, created_at, last_seen_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4) ON DUPLICATE KEY UPDATE created_at=IF(ended_at IS NULL, created_at, NULL), account_id=VALUES(account_id), last_seen_at=VALUES(last_seen_at), expires_at=VALUES(expires_at)',
  }),
  sessionLives: statement('session-lives', {
    sqlite: 'SELECT 1 FROM sign_in_sessions WHERE id = ?1 AND ended_at IS NULL',
    postgresql: 'SELECT 1 FROM sign_in_sessions WHERE id = ?1 AND ended_at IS NULL FOR SHARE',
    mysql: 'SELECT 1 FROM sign_in_sessions WHERE id = ?1 AND ended_at IS NULL LOCK IN SHARE MODE',
  }),
  endSession: statement('end-session', 'UPDATE sign_in_sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL'),
  deny: statement('deny', {
    sqlite:
      'INSERT INTO denials (id, denied_at, expires_at) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET denied_at=excluded.denied_at, expires_at=max(denials.expires_at, excluded.expires_at)',
    postgresql:
      'INSERT INTO denials (id, denied_at, expires_at) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET denied_at=excluded.denied_at, expires_at=greatest(denials.expires_at, excluded.expires_at)',
    mysql:
      'INSERT INTO denials (id, denied_at, expires_at) VALUES (?1, ?2, ?3) ON DUPLICATE KEY UPDATE denied_at=VALUES(denied_at), expires_at=greatest(expires_at, VALUES(expires_at))',
  }),
  endSessionsOfAccount: statement(
    'end-sessions-of-account',
    'UPDATE sign_in_sessions SET ended_at = ?2 WHERE account_id = ?1 AND ended_at IS NULL',
  ),
  endGrantsOfAccount: statement(
    'end-grants-of-account',
    'UPDATE grants SET ended_at = ?2 WHERE account_id = ?1 AND ended_at IS NULL',
  ),
  endArtifactsOfAccount: statement(
    'end-artifacts-of-account',
    'UPDATE artifacts SET ended_at = ?2 WHERE account_id = ?1 AND ended_at IS NULL',
  ),
  endGrantsOfClient: statement(
    'end-grants-of-client',
    'UPDATE grants SET ended_at = ?2 WHERE client_id = ?1 AND ended_at IS NULL',
  ),
  endArtifactsOfClient: statement(
    'end-artifacts-of-client',
    'UPDATE artifacts SET ended_at = ?2 WHERE client_id = ?1 AND ended_at IS NULL',
  ),
} as const;

const artifactRow = 'id, kind, payload, consumed_at, ended_at, grant_id';
const reads = {
  artifact: statement('find-artifact', `SELECT ${artifactRow} FROM artifacts WHERE id = ?1`),
  sessionByUid: statement(
    'find-session-by-uid',
    `SELECT ${artifactRow} FROM artifacts WHERE lookup = ?1 AND kind = 'Session' AND ended_at IS NULL ORDER BY expires_at DESC LIMIT 1`,
  ),
  deviceByUserCode: statement(
    'find-device-by-user-code',
    `SELECT ${artifactRow} FROM artifacts WHERE lookup = ?1 AND kind = 'DeviceCode' AND ended_at IS NULL LIMIT 1`,
  ),
  grant: statement('find-grant', 'SELECT id, payload, ended_at FROM grants WHERE id = ?1'),
  grantByReference: statement(
    'find-grant-by-reference',
    'SELECT id, payload, ended_at FROM grants WHERE reference = ?1',
  ),
  denials: statement('find-denials', 'SELECT id, denied_at FROM denials WHERE id IN (?1, ?2, ?3)'),
  sessionsOfAccount: statement(
    'find-sessions-of-account',
    `SELECT ${artifactRow} FROM artifacts WHERE account_id = ?1 AND kind = 'Session' AND ended_at IS NULL`,
  ),
} as const;

const sweeps = {
  artifacts: batched('artifacts', 'expires_at'),
  grants: batched('grants', 'expires_at'),
  sessions: batched('sign_in_sessions', 'expires_at'),
  denials: batched('denials', 'expires_at'),
} as const;

function batched(table: string, column: string) {
  const inner = `SELECT id FROM ${table} WHERE ${column} < ?1 LIMIT 500`;
  return statement(`sweep-${table}`, {
    sqlite: `DELETE FROM ${table} WHERE id IN (${inner})`,
    postgresql: `DELETE FROM ${table} WHERE id IN (${inner})`,
    mysql: `DELETE FROM ${table} WHERE ${column} < ?1 LIMIT 500`,
  });
}

/** Reads of the protocol tables. Writes are entries of a unit, made from `writes`. */
export interface ProtocolStore {
  artifact(key: string): Promise<ArtifactRow | undefined>;
  /** By the hash of a session's uid; the newest cookie of a session that two tabs rotated. */
  sessionByUid(lookup: string): Promise<ArtifactRow | undefined>;
  deviceByUserCode(lookup: string): Promise<ArtifactRow | undefined>;
  grant(id: string): Promise<GrantRow | undefined>;
  grantByReference(reference: string): Promise<GrantRow | undefined>;
  /** When each of the three was denied, by key. */
  denials(keys: readonly [string, string, string]): Promise<Map<string, number>>;
  sessionsOfAccount(accountId: string): Promise<ArtifactRow[]>;
  /** Operations that remove a small batch of rows that expired before `before` (milliseconds). */
  sweep(before: number): readonly Operation[];
}

/** The store over the given database. */
export function createProtocolStore(database: Database): ProtocolStore {
  return {
    artifact: (key) => database.get<ArtifactRow>(reads.artifact, [key]),
    sessionByUid: (lookup) => database.get<ArtifactRow>(reads.sessionByUid, [lookup]),
    deviceByUserCode: (lookup) => database.get<ArtifactRow>(reads.deviceByUserCode, [lookup]),
    grant: (id) => database.get<GrantRow>(reads.grant, [id]),
    grantByReference: (reference) => database.get<GrantRow>(reads.grantByReference, [reference]),
    async denials(keys) {
      const rows = await database.all<{ id: string; denied_at: number }>(reads.denials, keys);
      return new Map(rows.map((row) => [row.id, row.denied_at]));
    },
    sessionsOfAccount: (accountId) => database.all<ArtifactRow>(reads.sessionsOfAccount, [accountId]),
    sweep: (before) => Object.values(sweeps).map((sweep) => ({ statement: sweep, params: [before], mustHit: false })),
  };
}
