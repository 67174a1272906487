import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { type Operation, statement } from '../../foundation/db/statement.ts';

const findHash = statement('password_find', 'SELECT hash FROM password_credentials WHERE user_id = ?1');

const insert = 'INSERT INTO password_credentials (user_id, hash, changed_at) VALUES (?1, ?2, ?3)';
const putHash = statement('password_put', {
  sqlite: `${insert} ON CONFLICT (user_id) DO UPDATE SET hash = ?2, changed_at = ?3`,
  postgresql: `${insert} ON CONFLICT (user_id) DO UPDATE SET hash = ?2, changed_at = ?3`,
  mysql: `${insert} ON DUPLICATE KEY UPDATE hash = ?2, changed_at = ?3`,
});

// Only over the hash that was checked: a password that was changed meanwhile must not be undone.
const replaceHash = statement(
  'password_rehash',
  'UPDATE password_credentials SET hash = ?2 WHERE user_id = ?1 AND hash = ?3',
);

export interface PasswordStore {
  find(userId: string): Promise<string | undefined>;
  put(userId: string, hash: string): Operation;
  replace(userId: string, hash: string, former: string): Operation;
}

export function createPasswordStore({ database, clock }: { database: Database; clock: Clock }): PasswordStore {
  return {
    find: async (userId) => (await database.get<{ hash: string }>(findHash, [userId]))?.hash,
    put: (userId, hash) => ({ statement: putHash, params: [userId, hash, clock.now()], mustHit: false }),
    replace: (userId, hash, former) => ({ statement: replaceHash, params: [userId, hash, former], mustHit: false }),
  };
}
