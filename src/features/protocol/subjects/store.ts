import type { Database } from '../../../foundation/db/database.ts';
import { type Row, statement } from '../../../foundation/db/statement.ts';

export interface SaltStore {
  /** The sealed salt, if there is one. */
  find(): Promise<string | undefined>;
  /** Keeps this one unless another process was first. */
  keep(sealed: string, now: number): Promise<void>;
}

/** There is one row: a second salt would give everybody a second subject. */
export const saltRow = 'pairwise';

const find = statement('find-subject-salt', 'SELECT salt FROM subject_salts WHERE id = ?1');
const insert = 'INSERT INTO subject_salts (id, salt, created_at) VALUES (?1, ?2, ?3)';
const keep = statement('keep-subject-salt', {
  sqlite: `${insert} ON CONFLICT (id) DO NOTHING`,
  postgresql: `${insert} ON CONFLICT (id) DO NOTHING`,
  mysql: `${insert} ON DUPLICATE KEY UPDATE id = id`,
});

export const createSaltStore = (database: Database): SaltStore => ({
  find: async () => (await database.get<Row & { salt: string }>(find, [saltRow]))?.salt,
  async keep(sealed, now) {
    const operation = { statement: keep, params: [saltRow, sealed, now], mustHit: false };
    await database.commit({ operations: [operation], fallback: [] });
  },
});
