import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';

const findHash = statement('password_find', 'SELECT hash FROM password_credentials WHERE user_id = ?1');

const insert = 'INSERT INTO password_credentials (user_id, hash, changed_at) VALUES (?1, ?2, ?3)';
const findTime = statement('password_changed_at', 'SELECT changed_at FROM password_credentials WHERE user_id = ?1');

const putHash = statement('password_put', {
  sqlite: `${insert} ON CONFLICT (user_id) DO UPDATE SET hash = ?2, changed_at = ?3`,
  postgresql: `${insert} ON CONFLICT (user_id) DO UPDATE SET hash = ?2, changed_at = ?3`,
  mysql: `${insert} ON DUPLICATE KEY UPDATE hash = ?2, changed_at = ?3`,
});

const own = 'SELECT user_id FROM password_credentials WHERE user_id = ?1';
const hold = statement('password_hold', {
  sqlite: own,
  postgresql: `${own} FOR UPDATE`,
  mysql: `${own} FOR UPDATE`,
});

// Only over the hash that was checked: a password that was changed meanwhile must not be undone.
const replaceHash = statement(
  'password_rehash',
  'UPDATE password_credentials SET hash = ?2 WHERE user_id = ?1 AND hash = ?3',
);

const statements = {
  /** What somebody has now becomes what they had. */
  retire: statement(
    'password_retire',
    'INSERT INTO former_passwords (id, user_id, hash, retired_at) SELECT ?1, user_id, hash, ?3 FROM password_credentials WHERE user_id = ?2',
  ),
  former: statement(
    'password_former',
    'SELECT id, hash FROM former_passwords WHERE user_id = ?1 ORDER BY retired_at DESC, id DESC',
  ),
  forget: statement('password_forget', 'DELETE FROM former_passwords WHERE id = ?1'),
  erase: statement('password_erase', 'DELETE FROM password_credentials WHERE user_id = ?1'),
  eraseFormer: statement('password_erase_former', 'DELETE FROM former_passwords WHERE user_id = ?1'),
} as const;

/** Whether the operation keeps the present password as a former one: it belongs before the one that replaces it. */
export const isRetiring = ({ statement: of }: Operation): boolean => of === statements.retire;

/** A password that somebody had. */
export interface FormerPassword extends Row {
  id: string;
  hash: string;
}

export interface PasswordStore {
  find(userId: string): Promise<string | undefined>;
  /** When a person's password was set, in milliseconds. */
  changedAt(userId: string): Promise<number | undefined>;
  /** Must hit: the person has a password, until the transaction ends. */
  hold(userId: string): Operation;
  put(userId: string, hash: string): Operation;
  replace(userId: string, hash: string, former: string): Operation;
  /** Keeps the present hash as a former one; before `put`. */
  retire(userId: string): Operation;
  /** What a person had, the latest first. */
  former(userId: string): Promise<FormerPassword[]>;
  forget(id: string): Operation;
  /** Removes what a person has; after `retire` it is one that they had. */
  remove(userId: string): Operation;
  /** Removes what a person has and had. */
  erase(userId: string): Operation[];
}

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: Ids;
}

export function createPasswordStore({ database, clock, ids }: Parts): PasswordStore {
  return {
    find: async (userId) => (await database.get<{ hash: string }>(findHash, [userId]))?.hash,
    async changedAt(userId) {
      const row = await database.get<{ changed_at: number }>(findTime, [userId]);
      return row && Number(row.changed_at);
    },
    hold: (userId) => ({ statement: hold, params: [userId], mustHit: true }),
    retire: (userId) => ({
      statement: statements.retire,
      params: [ids.next(), userId, clock.now()],
      mustHit: false,
    }),
    former: (userId) => database.all<FormerPassword>(statements.former, [userId]),
    forget: (id) => ({ statement: statements.forget, params: [id], mustHit: false }),
    remove: (userId) => ({ statement: statements.erase, params: [userId], mustHit: false }),
    erase: (userId) =>
      [statements.erase, statements.eraseFormer].map((one) => ({ statement: one, params: [userId], mustHit: false })),
    put: (userId, hash) => ({ statement: putHash, params: [userId, hash, clock.now()], mustHit: false }),
    replace: (userId, hash, former) => ({ statement: replaceHash, params: [userId, hash, former], mustHit: false }),
  };
}
