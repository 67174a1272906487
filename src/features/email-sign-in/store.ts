import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';

/** Somebody who asked for a code or a link. */
export interface EmailSignIn {
  /** The hash of what the cookie of the browser holds that asked. */
  readonly id: string;
  /** The interaction that it was asked for in; stored as its hash, because a cookie holds it. */
  readonly uid: string;
  readonly loginKey: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The same while it can be used. A code or link was sent where there is a person. */
export interface OpenEmailSignIn extends EmailSignIn {
  readonly userId: string | undefined;
  readonly secretHash: string | undefined;
}

interface OpenRow extends Row {
  id: string;
  login_key: string;
  user_id: string | null;
  secret_hash: string | null;
  expires_at: number;
}

/** So many codes may be typed for one that was sent. */
const mostTries = 5;

const open = 'used_at IS NULL AND expires_at >';
const expired = 'FROM email_sign_ins WHERE expires_at < ?1 LIMIT 500';
const statements = {
  put: statement(
    'email_sign_in_put',
    'INSERT INTO email_sign_ins (id, uid, login_key, tries, expires_at) VALUES (?1, ?2, ?3, 0, ?4)',
  ),
  arm: statement(
    'email_sign_in_arm',
    `UPDATE email_sign_ins SET user_id = ?2, secret_hash = ?3 WHERE id = ?1 AND ${open} ?4`,
  ),
  find: statement(
    'email_sign_in_find',
    `SELECT id, login_key, user_id, secret_hash, expires_at FROM email_sign_ins WHERE id = ?1 AND uid = ?2 AND ${open} ?3`,
  ),
  countOpen: statement(
    'email_sign_in_count',
    `SELECT count(*) AS n FROM email_sign_ins WHERE user_id = ?1 AND ${open} ?2`,
  ),
  /** Before the code is compared: of any number of racers five are. */
  countTry: statement(
    'email_sign_in_try',
    `UPDATE email_sign_ins SET tries = tries + 1 WHERE id = ?1 AND tries < ${mostTries} AND ${open} ?2`,
  ),
  /** Of any number of racers one finds it unused. */
  use: statement('email_sign_in_use', `UPDATE email_sign_ins SET used_at = ?2 WHERE id = ?1 AND ${open} ?2`),
  endAll: statement(
    'email_sign_in_end_all',
    'UPDATE email_sign_ins SET used_at = ?2 WHERE user_id = ?1 AND used_at IS NULL',
  ),
  erase: statement('email_sign_in_erase', 'DELETE FROM email_sign_ins WHERE user_id = ?1 OR login_key = ?2'),
  sweep: statement('email_sign_in_sweep', {
    sqlite: `DELETE FROM email_sign_ins WHERE id IN (SELECT id ${expired})`,
    postgresql: `DELETE FROM email_sign_ins WHERE id IN (SELECT id ${expired})`,
    mysql: `DELETE ${expired}`,
  }),
} as const;

export interface EmailSignInStore {
  put(one: EmailSignIn): Operation;
  /** Notes whom a code or link was sent to. */
  arm(id: string, sent: { userId: string; secretHash: string }): Operation;
  find(id: string, uid: string): Promise<OpenEmailSignIn | undefined>;
  /** How many of a person's can be used. */
  countOpen(userId: string): Promise<number>;
  /** Counts a code that was typed. False where there may be no more of them. */
  countTry(id: string): Promise<boolean>;
  /** Must hit: it is used once. */
  use(id: string): Operation;
  /** Nothing that was sent to a person can be used any more. */
  endAll(userId: string): Operation;
  /** Removes those of a person. */
  erase(userId: string, loginKey: string): Operation;
  /** Removes a batch of those that expired before the given time (milliseconds). */
  sweep(before: number): Operation;
}

export function createEmailSignInStore({ database, clock }: { database: Database; clock: Clock }): EmailSignInStore {
  return {
    put: ({ id, uid, loginKey, expiresAt }) => ({
      statement: statements.put,
      params: [id, sha256(uid), loginKey, expiresAt],
      mustHit: true,
    }),
    arm: (id, { userId, secretHash }) => ({
      statement: statements.arm,
      params: [id, userId, secretHash, clock.now()],
      mustHit: false,
    }),
    async find(id, uid) {
      const row = await database.get<OpenRow>(statements.find, [id, sha256(uid), clock.now()]);
      return row && toOpen(row, uid);
    },
    async countOpen(userId) {
      return Number((await database.get<{ n: number }>(statements.countOpen, [userId, clock.now()]))?.n ?? 0);
    },
    async countTry(id) {
      const operation = { statement: statements.countTry, params: [id, clock.now()], mustHit: true };
      return (await database.commit({ operations: [operation], fallback: [] })).committed;
    },
    use: (id) => ({ statement: statements.use, params: [id, clock.now()], mustHit: true }),
    endAll: (userId) => ({ statement: statements.endAll, params: [userId, clock.now()], mustHit: false }),
    erase: (userId, key) => ({ statement: statements.erase, params: [userId, key], mustHit: false }),
    sweep: (before) => ({ statement: statements.sweep, params: [before], mustHit: false }),
  };
}

const toOpen = (row: OpenRow, uid: string): OpenEmailSignIn => ({
  id: row.id,
  uid,
  loginKey: row.login_key,
  userId: row.user_id ?? undefined,
  secretHash: row.secret_hash ?? undefined,
  expiresAt: row.expires_at,
});
