import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Statement, statement } from '../../foundation/db/statement.ts';
import { type Backup, mostPasskeys, type StoredPasskey } from './passkey.ts';

const columns = `id, user_id, name, credential_id, public_key, counter, transports, backup, created_at, last_used_at,
  last_verified_at`;
const findByCredential = statement('passkey_find', `SELECT ${columns} FROM passkeys WHERE credential_key = ?1`);
const findOfUser = statement(
  'passkey_list',
  `SELECT ${columns} FROM passkeys WHERE user_id = ?1 ORDER BY id LIMIT ${mostPasskeys}`,
);
const existsOfUser = statement('passkey_exists', 'SELECT id FROM passkeys WHERE user_id = ?1 LIMIT 1');

/** A key that never checked its person opens no account by itself: a password has to come to it. */
const otherWay = 'SELECT id FROM passkeys WHERE user_id = ?1 AND id <> ?2 AND last_verified_at IS NOT NULL';
const findOtherWay = statement('passkey_other_way', `${otherWay} LIMIT 1`);
const holdOtherWay = statement('passkey_hold_other_way', {
  sqlite: otherWay,
  postgresql: `${otherWay} FOR UPDATE`,
  mysql: `${otherWay} FOR UPDATE`,
});

const insertPasskey = `INSERT INTO passkeys (id, user_id, name, credential_key, credential_id, public_key, counter,
  transports, backup, created_at, last_verified_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`;
/** A key belongs to one account: whoever brings it a second time touches no row. */
const addPasskey = statement('passkey_add', {
  sqlite: `${insertPasskey} ON CONFLICT DO NOTHING`,
  postgresql: `${insertPasskey} ON CONFLICT DO NOTHING`,
  mysql: insertPasskey,
});
/** A counter only goes up (WebAuthn §6.1.1): of two signatures with one count the second is a copy's. */
const usePasskey = statement(
  'passkey_use',
  `UPDATE passkeys SET counter = ?2, backup = ?3, last_used_at = ?4, last_verified_at = COALESCE(?5, last_verified_at)
   WHERE id = ?1 AND (counter < ?2 OR (counter = 0 AND ?2 = 0))`,
);
const renamePasskey = statement('passkey_rename', 'UPDATE passkeys SET name = ?3 WHERE id = ?1 AND user_id = ?2');
const removePasskey = statement('passkey_remove', 'DELETE FROM passkeys WHERE id = ?1 AND user_id = ?2');
const removeAll = statement('passkey_remove_all', 'DELETE FROM passkeys WHERE user_id = ?1');

const removeSince = statement('passkey_remove_since', 'DELETE FROM passkeys WHERE user_id = ?1 AND created_at >= ?2');

const insertChallenge = 'INSERT INTO passkey_challenges (id, expires_at) VALUES (?1, ?2)';
const spendChallenge = statement('passkey_challenge_spend', {
  sqlite: `${insertChallenge} ON CONFLICT DO NOTHING`,
  postgresql: `${insertChallenge} ON CONFLICT DO NOTHING`,
  mysql: insertChallenge,
});
const batch = 500;
const sweepChallenges = statement('passkey_challenge_sweep', {
  sqlite: `DELETE FROM passkey_challenges WHERE id IN
    (SELECT id FROM passkey_challenges WHERE expires_at < ?1 LIMIT ${batch})`,
  postgresql: `DELETE FROM passkey_challenges WHERE id IN
    (SELECT id FROM passkey_challenges WHERE expires_at < ?1 LIMIT ${batch})`,
  mysql: `DELETE FROM passkey_challenges WHERE expires_at < ?1 LIMIT ${batch}`,
});

/** A key that a person has just made. */
export type NewPasskey = Omit<StoredPasskey, 'createdAt' | 'lastUsedAt' | 'lastVerifiedAt'> & {
  readonly verified: boolean;
};

/** What a key told when it signed. */
export interface PasskeyUse {
  readonly counter: number;
  readonly backup: Backup;
  readonly verified: boolean;
}

/** Operations that must hit are what a use-once is decided by. */
export interface PasskeyStore {
  has(userId: string): Promise<boolean>;
  /** Whether a key but this one lets the person in by itself. */
  isOtherWay(userId: string, id: string): Promise<boolean>;
  /** Must hit: the same, until the transaction ends. */
  holdOtherWay(userId: string, id: string): Operation;
  /** The oldest first. */
  list(userId: string): Promise<StoredPasskey[]>;
  findByCredential(credentialId: string): Promise<StoredPasskey | undefined>;
  /** Must hit: misses when the key belongs to an account already. */
  add(passkey: NewPasskey): Operation;
  /** Must hit: misses when the counter is not above the one that is known, or the key was removed. */
  use(id: string, use: PasskeyUse): Operation;
  /** Must hit: misses when the person has no such key. */
  rename(userId: string, id: string, name: string): Operation;
  /** Must hit: misses when the person has no such key. */
  remove(userId: string, id: string): Operation;
  removeAll(userId: string): Operation;
  /** Those that were added at this time (milliseconds) or later. */
  removeSince(userId: string, since: number): Operation;
  /** Must hit: misses when the challenge was answered before. */
  spend(challenge: string, expiresAt: number): Operation;
  /** Removes a batch of challenges that expired before the given time (milliseconds). */
  sweep(before: number): Operation;
}

interface PasskeyRow {
  readonly id: string;
  readonly user_id: string;
  readonly name: string;
  readonly credential_id: string;
  readonly public_key: string;
  readonly counter: number;
  readonly transports: string;
  readonly backup: string;
  readonly created_at: number;
  readonly last_used_at: number | null;
  readonly last_verified_at: number | null;
}

const passkeyOf = (row: PasskeyRow): StoredPasskey => ({
  id: row.id,
  userId: row.user_id,
  name: row.name,
  credentialId: row.credential_id,
  publicKey: row.public_key,
  counter: row.counter,
  transports: row.transports.split(' ').filter(Boolean),
  backup: row.backup as Backup,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at ?? undefined,
  lastVerifiedAt: row.last_verified_at ?? undefined,
});

const must = (of: Statement, params: Operation['params']): Operation => ({ statement: of, params, mustHit: true });

export function createPasskeyStore({ database, clock }: { database: Database; clock: Clock }): PasskeyStore {
  return {
    has: async (userId) => (await database.get(existsOfUser, [userId])) !== undefined,
    isOtherWay: async (userId, id) => (await database.get(findOtherWay, [userId, id])) !== undefined,
    holdOtherWay: (userId, id) => must(holdOtherWay, [userId, id]),
    list: async (userId) =>
      (await database.all<PasskeyRow & Record<string, never>>(findOfUser, [userId])).map(passkeyOf),
    async findByCredential(credentialId) {
      const row = await database.get<PasskeyRow & Record<string, never>>(findByCredential, [sha256(credentialId)]);
      return row && passkeyOf(row);
    },
    add(one) {
      const now = clock.now();
      const { id, userId, name, credentialId, publicKey, counter, transports, backup, verified } = one;
      const key = sha256(credentialId);
      const verifiedAt = verified ? now : null;
      const kept = [publicKey, counter, transports.join(' '), backup, now, verifiedAt];
      return must(addPasskey, [id, userId, name, key, credentialId, ...kept]);
    },
    use: (id, { counter, backup, verified }) =>
      must(usePasskey, [id, counter, backup, clock.now(), verified ? clock.now() : null]),
    rename: (userId, id, name) => must(renamePasskey, [id, userId, name]),
    remove: (userId, id) => must(removePasskey, [id, userId]),
    removeAll: (userId) => ({ statement: removeAll, params: [userId], mustHit: false }),
    removeSince: (userId, since) => ({ statement: removeSince, params: [userId, since], mustHit: false }),
    spend: (challenge, expiresAt) => must(spendChallenge, [sha256(challenge), expiresAt]),
    sweep: (before) => ({ statement: sweepChallenges, params: [before], mustHit: false }),
  };
}
