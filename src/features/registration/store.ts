import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';

/** Somebody who has yet to show that the address is theirs. */
export interface PendingRegistration {
  /** The hash of the link's secret. */
  readonly id: string;
  readonly email: string;
  readonly emailKey: string;
  /** An Argon2id PHC string. */
  readonly passwordHash: string;
  /** The hash of what the cookie of the browser holds that filled in the form. */
  readonly browserHash: string;
  /** The app that the person was about to sign in to. */
  readonly clientId?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface PendingRow extends Row {
  id: string;
  email: string;
  email_key: string;
  password_hash: string;
  browser_hash: string;
  client_id: string | null;
  expires_at: number;
}

/** What is kept of a registration, without its secrets. */
export interface KeptRow extends Row {
  email: string;
  client_id: string | null;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

const columns = 'id, email, email_key, password_hash, browser_hash, client_id, expires_at';
const alive = 'used_at IS NULL AND expires_at >';
const expired = 'FROM pending_registrations WHERE expires_at < ?1 LIMIT 500';
const statements = {
  put: statement(
    'pending_put',
    `INSERT INTO pending_registrations (${columns}, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
  ),
  find: statement('pending_find', `SELECT ${columns} FROM pending_registrations WHERE id = ?1 AND ${alive} ?2`),
  count: statement(
    'pending_count',
    `SELECT count(*) AS n FROM pending_registrations WHERE email_key = ?1 AND ${alive} ?2`,
  ),
  ofEmail: statement(
    'pending_of_email',
    'SELECT email, client_id, created_at, expires_at, used_at FROM pending_registrations WHERE email_key = ?1',
  ),
  /** Of any number of racers one finds it unused. */
  use: statement('pending_use', `UPDATE pending_registrations SET used_at = ?2 WHERE id = ?1 AND ${alive} ?2`),
  erase: statement('pending_erase', 'DELETE FROM pending_registrations WHERE email_key = ?1'),
  sweep: statement('pending_sweep', {
    sqlite: `DELETE FROM pending_registrations WHERE id IN (SELECT id ${expired})`,
    postgresql: `DELETE FROM pending_registrations WHERE id IN (SELECT id ${expired})`,
    mysql: `DELETE ${expired}`,
  }),
} as const;

export interface RegistrationStore {
  put(pending: PendingRegistration): Operation;
  /** The registration, while it can be confirmed. */
  find(id: string): Promise<PendingRegistration | undefined>;
  /** How many registrations of an address can be confirmed. */
  countOpen(emailKey: string): Promise<number>;
  /** Every registration with an address that is still kept, confirmed or not. */
  ofEmail(emailKey: string): Promise<KeptRow[]>;
  /** Must hit: it is confirmed once. */
  use(id: string): Operation;
  erase(emailKey: string): Operation;
  /** Removes a batch of registrations that expired before the given time (milliseconds). */
  sweep(before: number): Operation;
}

export function createRegistrationStore({ database, clock }: { database: Database; clock: Clock }): RegistrationStore {
  return {
    put({ id, email, emailKey, passwordHash, browserHash, clientId, expiresAt }) {
      const params = [id, email, emailKey, passwordHash, browserHash, clientId ?? null, expiresAt, clock.now()];
      return { statement: statements.put, params, mustHit: true };
    },
    async find(id) {
      const row = await database.get<PendingRow>(statements.find, [id, clock.now()]);
      return row && toPending(row);
    },
    async countOpen(emailKey) {
      return Number((await database.get<{ n: number }>(statements.count, [emailKey, clock.now()]))?.n ?? 0);
    },
    ofEmail: (emailKey) => database.all<KeptRow>(statements.ofEmail, [emailKey]),
    use: (id) => ({ statement: statements.use, params: [id, clock.now()], mustHit: true }),
    erase: (emailKey) => ({ statement: statements.erase, params: [emailKey], mustHit: false }),
    sweep: (before) => ({ statement: statements.sweep, params: [before], mustHit: false }),
  };
}

const toPending = (row: PendingRow): PendingRegistration => ({
  id: row.id,
  email: row.email,
  emailKey: row.email_key,
  passwordHash: row.password_hash,
  browserHash: row.browser_hash,
  ...(row.client_id === null ? {} : { clientId: row.client_id }),
  expiresAt: row.expires_at,
});
