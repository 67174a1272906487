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

/** An artifact and the grant that it was issued under. */
export interface GrantedRow extends ArtifactRow {
  grant_payload: string | null;
  grant_ended_at: number | null;
}

/** A sign-in; the id is the hash of its session's uid. */
export interface SessionRow extends Row {
  id: string;
  created_at: number;
  last_seen_at: number;
  user_agent: string | null;
  address: string | null;
  hints: string | null;
  place: string | null;
}

export interface GrantRow extends Row {
  id: string;
  payload: string;
  ended_at: number | null;
}

/** A grant that a client holds of a person. */
export interface HeldGrantRow extends Row {
  client_id: string;
  payload: string;
  created_at: number;
}

/** What a person allowed a client. */
export interface ConsentRow extends HeldGrantRow {
  updated_at: number;
}

const conflictSet =
  'payload=excluded.payload, expires_at=excluded.expires_at, grant_id=excluded.grant_id, account_id=excluded.account_id, client_id=excluded.client_id, lookup=excluded.lookup';
const artifactColumns = 'id, kind, payload, expires_at, grant_id, account_id, client_id, lookup';
const artifactValues = '(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)';
const insertArtifact = `INSERT INTO artifacts (${artifactColumns}) VALUES ${artifactValues}`;
const insertConsent =
  'INSERT INTO consents (id, account_id, client_id, payload, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)';
const replaced = ['payload', 'expires_at', 'grant_id', 'account_id', 'client_id', 'lookup'];
/** MySQL has no condition on its upsert: a dead row is refused by writing NULL where none may stand, which counts as a miss. */
const refuseUnless = (alive: string, column: string) => `${column}=IF(${alive}, ${column}, NULL)`;
const takeNew = (columns: readonly string[]) => columns.map((column) => `${column}=VALUES(${column})`).join(', ');
const insertSession =
  'INSERT INTO sign_in_sessions (id, account_id, created_at, last_seen_at, expires_at, device_id, user_agent, address, hints, place, client_id) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)';
const sessionSeen = [
  'account_id',
  'last_seen_at',
  'expires_at',
  'device_id',
  'user_agent',
  'address',
  'hints',
  'place',
];
const sessionSet = [
  ...sessionSeen.map((column) => `${column}=excluded.${column}`),
  // The app that it began for: the first one that is known.
  'client_id=COALESCE(sign_in_sessions.client_id, excluded.client_id)',
].join(', ');
const partColumns = 'id, kind, payload, expires_at, account_id, lookup';
const partValues = '(?1, ?2, ?3, ?4, ?5, ?6)';
const partConflict = 'payload=excluded.payload, expires_at=excluded.expires_at, ended_at=NULL';

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
  /** A client's part in a session: a note of what else is decided, so it may come back after it was taken out. */
  saveSessionPart: statement('save-session-part', {
    sqlite: `INSERT INTO artifacts (${partColumns}) VALUES ${partValues} ON CONFLICT (id) DO UPDATE SET ${partConflict}`,
    postgresql: `INSERT INTO artifacts (${partColumns}) VALUES ${partValues} ON CONFLICT (id) DO UPDATE SET ${partConflict}`,
    mysql: `INSERT INTO artifacts (${partColumns}) VALUES ${partValues} ON DUPLICATE KEY UPDATE ${takeNew(['payload', 'expires_at'])}, ended_at=NULL`,
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
    "UPDATE artifacts SET ended_at = ?2 WHERE lookup = ?1 AND kind IN ('Session', 'SessionClient') AND ended_at IS NULL",
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
    sqlite: `${insertSession} ON CONFLICT (id) DO UPDATE SET ${sessionSet} WHERE sign_in_sessions.ended_at IS NULL`,
    postgresql: `${insertSession} ON CONFLICT (id) DO UPDATE SET ${sessionSet} WHERE sign_in_sessions.ended_at IS NULL`,
    mysql: `${insertSession} ON DUPLICATE KEY UPDATE ${refuseUnless('ended_at IS NULL', 'created_at')}, ${takeNew(sessionSeen)}, client_id=COALESCE(client_id, VALUES(client_id))`,
  }),
  sessionLives: statement('session-lives', {
    sqlite: 'SELECT 1 FROM sign_in_sessions WHERE id = ?1 AND ended_at IS NULL',
    postgresql: 'SELECT 1 FROM sign_in_sessions WHERE id = ?1 AND ended_at IS NULL FOR SHARE',
    mysql: 'SELECT 1 FROM sign_in_sessions WHERE id = ?1 AND ended_at IS NULL LOCK IN SHARE MODE',
  }),
  endSession: statement(
    'end-session',
    'UPDATE sign_in_sessions SET ended_at = ?2, end_reason = ?3 WHERE id = ?1 AND ended_at IS NULL',
  ),
  /** Keeps what a person allowed an app; a consent that was taken back begins anew. */
  saveConsent: statement('save-consent', {
    sqlite: `${insertConsent} ON CONFLICT (id) DO UPDATE SET payload=excluded.payload, updated_at=excluded.updated_at, ended_at=NULL`,
    postgresql: `${insertConsent} ON CONFLICT (id) DO UPDATE SET payload=excluded.payload, updated_at=excluded.updated_at, ended_at=NULL`,
    mysql: `${insertConsent} ON DUPLICATE KEY UPDATE payload=VALUES(payload), updated_at=VALUES(updated_at), ended_at=NULL`,
  }),
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
    'UPDATE sign_in_sessions SET ended_at = ?2, end_reason = ?3 WHERE account_id = ?1 AND ended_at IS NULL',
  ),
  endGrantsOfAccount: statement(
    'end-grants-of-account',
    'UPDATE grants SET ended_at = ?2 WHERE account_id = ?1 AND ended_at IS NULL',
  ),
  endArtifactsOfAccount: statement(
    'end-artifacts-of-account',
    'UPDATE artifacts SET ended_at = ?2 WHERE account_id = ?1 AND ended_at IS NULL',
  ),
  endInteractionsOfAccount: statement(
    'end-interactions-of-account',
    "UPDATE artifacts SET ended_at = ?2 WHERE account_id = ?1 AND kind = 'Interaction' AND id <> ?3 AND ended_at IS NULL",
  ),
  endGrantsOfClient: statement(
    'end-grants-of-client',
    'UPDATE grants SET ended_at = ?2 WHERE client_id = ?1 AND ended_at IS NULL',
  ),
  endGrantsOfPair: statement(
    'end-grants-of-pair',
    'UPDATE grants SET ended_at = ?3 WHERE account_id = ?1 AND client_id = ?2 AND ended_at IS NULL',
  ),
  endArtifactsOfPair: statement(
    'end-artifacts-of-pair',
    'UPDATE artifacts SET ended_at = ?3 WHERE account_id = ?1 AND client_id = ?2 AND ended_at IS NULL',
  ),
  endConsent: statement('end-consent', 'UPDATE consents SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL'),
  endArtifactsOfClient: statement(
    'end-artifacts-of-client',
    'UPDATE artifacts SET ended_at = ?2 WHERE client_id = ?1 AND ended_at IS NULL',
  ),
} as const;

/** All that is kept of a person, ended or not. */
export const erasures = ['artifacts', 'grants', 'sign_in_sessions', 'consents'].map((table) =>
  statement(`erase-${table}`, `DELETE FROM ${table} WHERE account_id = ?1`),
);

const artifactRow = 'id, kind, payload, consumed_at, ended_at, grant_id';
const qualified = (table: string): string => artifactRow.replaceAll(/\w+/g, (column) => `${table}.${column}`);
const reads = {
  /** A token brings its grant along: the library asks for it next. */
  artifact: statement(
    'find-artifact',
    `SELECT ${qualified('a')}, g.payload AS grant_payload, g.ended_at AS grant_ended_at FROM artifacts a LEFT JOIN grants g ON g.id = a.grant_id WHERE a.id = ?1`,
  ),
  /** The cookie's row, ended or not, and those of the clients that take part. */
  session: statement(
    'find-session',
    `SELECT ${artifactRow} FROM artifacts WHERE id = ?1 UNION ALL SELECT ${qualified('p')} FROM artifacts s JOIN artifacts p ON p.lookup = s.lookup WHERE s.id = ?1 AND p.kind = 'SessionClient' AND p.ended_at IS NULL`,
  ),
  /** The newest cookie first: two tabs that rotated a session leave two. */
  sessionByUid: statement(
    'find-session-by-uid',
    `SELECT ${artifactRow} FROM artifacts WHERE lookup = ?1 AND kind IN ('Session', 'SessionClient') AND ended_at IS NULL ORDER BY expires_at DESC`,
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
  consent: statement('find-consent', 'SELECT payload FROM consents WHERE id = ?1 AND ended_at IS NULL'),
  consentsOfAccount: statement(
    'find-consents-of-account',
    'SELECT client_id, payload, created_at, updated_at FROM consents WHERE account_id = ?1 AND ended_at IS NULL',
  ),
  grantsOfAccount: statement(
    'find-grants-of-account',
    'SELECT client_id, payload, created_at FROM grants WHERE account_id = ?1 AND client_id IS NOT NULL AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)',
  ),
  livingSessions: statement(
    'find-living-sessions',
    'SELECT id, created_at, last_seen_at, user_agent, address, hints, place FROM sign_in_sessions WHERE account_id = ?1 AND ended_at IS NULL AND expires_at > ?2 ORDER BY last_seen_at DESC',
  ),
  sessionsOfAccount: statement(
    'find-sessions-of-account',
    `SELECT ${artifactRow} FROM artifacts WHERE account_id = ?1 AND kind IN ('Session', 'SessionClient') AND ended_at IS NULL`,
  ),
} as const;

const sweeps = {
  artifacts: batched('artifacts'),
  /** Never before what was issued under it, which would be left without a lock to take. */
  grants: batched('grants', 'NOT EXISTS (SELECT 1 FROM artifacts WHERE artifacts.grant_id = grants.id)'),
  sessions: batched('sign_in_sessions'),
  denials: batched('denials'),
} as const;

/** Removes a batch of what expired before ?1, small enough that nobody waits for it. */
function batched(table: string, condition?: string) {
  const due = `FROM ${table} WHERE expires_at < ?1${condition === undefined ? '' : ` AND ${condition}`} LIMIT 500`;
  const inner = `SELECT id ${due}`;
  return statement(`sweep-${table}`, {
    sqlite: `DELETE FROM ${table} WHERE id IN (${inner})`,
    postgresql: `DELETE FROM ${table} WHERE id IN (${inner})`,
    mysql: `DELETE ${due}`,
  });
}

/** Reads of the protocol tables. Writes are entries of a unit, made from `writes`. */
export interface ProtocolStore {
  /** With its grant, where it has one. */
  artifact(key: string): Promise<GrantedRow | undefined>;
  /** A session's cookie by its key, ended or not, and the parts of its clients. */
  session(key: string): Promise<ArtifactRow[]>;
  /** By the hash of a session's uid: its cookies, the newest first, and the parts of its clients. */
  sessionByUid(lookup: string): Promise<ArtifactRow[]>;
  deviceByUserCode(lookup: string): Promise<ArtifactRow | undefined>;
  grant(id: string): Promise<GrantRow | undefined>;
  grantByReference(reference: string): Promise<GrantRow | undefined>;
  /** When each of the three was denied, by key. */
  denials(keys: readonly [string, string, string]): Promise<Map<string, number>>;
  /** What a person allowed an app, by the hash of both. */
  consent(id: string): Promise<{ payload: string } | undefined>;
  /** What a person has allowed apps and not taken back. */
  consentsOfAccount(accountId: string): Promise<ConsentRow[]>;
  /** A person's grants that are alive. `now` is in milliseconds. */
  grantsOfAccount(accountId: string, now: number): Promise<HeldGrantRow[]>;
  /** The cookies of a person's sessions, and the parts of their clients. */
  sessionsOfAccount(accountId: string): Promise<ArtifactRow[]>;
  /** A person's sign-ins that have not ended, the one that was used last first. `now` is in milliseconds. */
  livingSessions(accountId: string, now: number): Promise<SessionRow[]>;
  /** Operations that remove a small batch of rows that expired before `before` (milliseconds). */
  sweep(before: number): readonly Operation[];
}

/** The store over the given database. */
export function createProtocolStore(database: Database): ProtocolStore {
  return {
    artifact: (key) => database.get<GrantedRow>(reads.artifact, [key]),
    session: (key) => database.all<ArtifactRow>(reads.session, [key]),
    sessionByUid: (lookup) => database.all<ArtifactRow>(reads.sessionByUid, [lookup]),
    deviceByUserCode: (lookup) => database.get<ArtifactRow>(reads.deviceByUserCode, [lookup]),
    grant: (id) => database.get<GrantRow>(reads.grant, [id]),
    grantByReference: (reference) => database.get<GrantRow>(reads.grantByReference, [reference]),
    async denials(keys) {
      const rows = await database.all<{ id: string; denied_at: number }>(reads.denials, keys);
      return new Map(rows.map((row) => [row.id, row.denied_at]));
    },
    consent: (id) => database.get<{ payload: string }>(reads.consent, [id]),
    consentsOfAccount: (accountId) => database.all<ConsentRow>(reads.consentsOfAccount, [accountId]),
    grantsOfAccount: (accountId, now) => database.all<HeldGrantRow>(reads.grantsOfAccount, [accountId, now]),
    sessionsOfAccount: (accountId) => database.all<ArtifactRow>(reads.sessionsOfAccount, [accountId]),
    livingSessions: (accountId, now) => database.all<SessionRow>(reads.livingSessions, [accountId, now]),
    sweep: (before) => Object.values(sweeps).map((sweep) => ({ statement: sweep, params: [before], mustHit: false })),
  };
}
