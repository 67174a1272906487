import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';

/** A change of address that waits for its new address to be confirmed. */
export interface PendingChange {
  /** The hash of the link's secret. */
  readonly id: string;
  readonly userId: string;
  readonly formerEmail: string;
  readonly email: string;
}

/** A change that took effect and can be undone. */
export interface UndoableChange extends PendingChange {
  /** When it was asked for, and when it took effect: milliseconds since the epoch. */
  readonly askedAt: number;
  readonly confirmedAt: number;
}

interface ChangeRow extends Row {
  id: string;
  user_id: string;
  former_email: string;
  email: string;
  created_at: number;
  confirmed_at: number | null;
}

/** A change that took effect, as it is stored. */
export interface ConfirmedRow extends Row {
  former_email: string;
  email: string;
  confirmed_at: number;
  undone_at: number | null;
}

const columns = 'id, user_id, former_email, email, created_at, confirmed_at';
const pending = 'confirmed_at IS NULL AND voided_at IS NULL AND expires_at >';
const undoable = 'confirmed_at IS NOT NULL AND undone_at IS NULL AND voided_at IS NULL AND expires_at >';
const expired = 'FROM address_changes WHERE expires_at < ?1 LIMIT 500';
const statements = {
  put: statement(
    'address_put',
    'INSERT INTO address_changes (id, user_id, former_email, email, created_at, expires_at, voided_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)',
  ),
  find: statement('address_find', `SELECT ${columns} FROM address_changes WHERE id = ?1 AND ${pending} ?2`),
  count: statement('address_count', 'SELECT count(*) AS n FROM address_changes WHERE user_id = ?1 AND created_at > ?2'),
  ofUser: statement(
    'address_of_user',
    'SELECT former_email, email, confirmed_at, undone_at FROM address_changes WHERE user_id = ?1 AND confirmed_at IS NOT NULL ORDER BY confirmed_at',
  ),
  voidPending: statement(
    'address_void_pending',
    'UPDATE address_changes SET voided_at = ?2 WHERE user_id = ?1 AND confirmed_at IS NULL AND voided_at IS NULL',
  ),
  /** Of any number of racers one finds it unconfirmed. */
  confirm: statement(
    'address_confirm',
    `UPDATE address_changes SET confirmed_at = ?2, undo_hash = ?3, expires_at = ?4 WHERE id = ?1 AND ${pending} ?2`,
  ),
  findUndoable: statement(
    'address_find_undoable',
    `SELECT ${columns} FROM address_changes WHERE undo_hash = ?1 AND ${undoable} ?2`,
  ),
  undo: statement('address_undo', `UPDATE address_changes SET undone_at = ?2 WHERE id = ?1 AND ${undoable} ?2`),
  voidSince: statement(
    'address_void_since',
    'UPDATE address_changes SET voided_at = ?2 WHERE user_id = ?1 AND id <> ?3 AND voided_at IS NULL AND (confirmed_at IS NULL OR confirmed_at >= ?4)',
  ),
  firstSince: statement(
    'address_first_since',
    `SELECT former_email FROM address_changes WHERE user_id = ?1 AND confirmed_at >= ?2 AND undone_at IS NULL
     AND voided_at IS NULL ORDER BY confirmed_at LIMIT 1`,
  ),
  voidAllSince: statement(
    'address_void_all_since',
    'UPDATE address_changes SET voided_at = ?3 WHERE user_id = ?1 AND voided_at IS NULL AND (confirmed_at IS NULL OR confirmed_at >= ?2)',
  ),
  erase: statement('address_erase', 'DELETE FROM address_changes WHERE user_id = ?1'),
  sweep: statement('address_sweep', {
    sqlite: `DELETE FROM address_changes WHERE id IN (SELECT id ${expired})`,
    postgresql: `DELETE FROM address_changes WHERE id IN (SELECT id ${expired})`,
    mysql: `DELETE ${expired}`,
  }),
} as const;

export interface AddressStore {
  /** A change to be confirmed until `expiresAt`; one that is void from the start only counts. */
  put(change: PendingChange & { readonly expiresAt: number; readonly isVoid?: boolean }): Operation;
  /** The change of a link, while it can be confirmed. */
  find(id: string): Promise<PendingChange | undefined>;
  /** How many changes somebody has asked for since a time (milliseconds). */
  countSince(userId: string, since: number): Promise<number>;
  /** Changes of somebody that took effect. What was only asked for would tell whether somebody else has the address. */
  confirmedOf(userId: string): Promise<ConfirmedRow[]>;
  /** Voids what somebody has asked for and not confirmed. */
  voidPending(userId: string): Operation;
  /** Must hit: it is confirmed once. From then on it can be undone, by another secret, until `undoUntil`. */
  confirm(id: string, undo: { readonly hash: string; readonly undoUntil: number }): Operation;
  findUndoable(undoHash: string): Promise<UndoableChange | undefined>;
  /** Must hit: it is undone once. */
  undo(id: string): Operation;
  /** Voids what was asked for or took effect since then: their links would undo the undoing. */
  voidSince(change: UndoableChange): Operation;
  /** The address that somebody had before the first change that took effect since then (milliseconds) and still stands. */
  formerSince(userId: string, since: number): Promise<string | undefined>;
  /** Voids what is not confirmed yet, and what took effect since then (milliseconds), with their links. */
  voidAllSince(userId: string, since: number): Operation;
  erase(userId: string): Operation;
  /** Removes a batch of changes whose links had all run out before the given time (milliseconds). */
  sweep(before: number): Operation;
}

export function createAddressStore({ database, clock }: { database: Database; clock: Clock }): AddressStore {
  const operation = (of: Operation['statement'], params: Operation['params'], mustHit: boolean): Operation => ({
    statement: of,
    params,
    mustHit,
  });
  return {
    put({ id, userId, formerEmail, email, expiresAt, isVoid }) {
      const now = clock.now();
      return operation(statements.put, [id, userId, formerEmail, email, now, expiresAt, isVoid ? now : null], true);
    },
    async find(id) {
      const row = await database.get<ChangeRow>(statements.find, [id, clock.now()]);
      return row && toChange(row);
    },
    async countSince(userId, since) {
      return Number((await database.get<{ n: number }>(statements.count, [userId, since]))?.n ?? 0);
    },
    confirmedOf: (userId) => database.all<ConfirmedRow>(statements.ofUser, [userId]),
    voidPending: (userId) => operation(statements.voidPending, [userId, clock.now()], false),
    confirm: (id, { hash, undoUntil }) => operation(statements.confirm, [id, clock.now(), hash, undoUntil], true),
    async findUndoable(undoHash) {
      const row = await database.get<ChangeRow>(statements.findUndoable, [undoHash, clock.now()]);
      return row && { ...toChange(row), askedAt: Number(row.created_at), confirmedAt: Number(row.confirmed_at) };
    },
    undo: (id) => operation(statements.undo, [id, clock.now()], true),
    voidSince: ({ userId, id, confirmedAt }) =>
      operation(statements.voidSince, [userId, clock.now(), id, confirmedAt], false),
    async formerSince(userId, since) {
      return (await database.get<{ former_email: string }>(statements.firstSince, [userId, since]))?.former_email;
    },
    voidAllSince: (userId, since) => operation(statements.voidAllSince, [userId, since, clock.now()], false),
    erase: (userId) => operation(statements.erase, [userId], false),
    sweep: (before) => operation(statements.sweep, [before], false),
  };
}

const toChange = (row: ChangeRow): PendingChange => ({
  id: row.id,
  userId: row.user_id,
  formerEmail: row.former_email,
  email: row.email,
});
