import { setTimeout } from 'node:timers/promises';
import type { Database } from '../../src/foundation/db/database.ts';
import { type Operation, type Statement, statement } from '../../src/foundation/db/statement.ts';

/** The statements that make a use the only one, and how a store that reads first and writes later would do the same. */
const looks: Readonly<Record<string, { unused: string; write: string }>> = {
  consume: {
    unused: 'SELECT id FROM artifacts WHERE id = ?1 AND consumed_at IS NULL',
    write: 'UPDATE artifacts SET consumed_at = ?2 WHERE id = ?1',
  },
  totp_use_step: {
    unused: 'SELECT id FROM totp_factors WHERE id = ?1',
    write: 'UPDATE totp_factors SET last_step = ?2, last_used_at = ?3 WHERE id = ?1',
  },
  recovery_use: {
    unused: 'SELECT id FROM recovery_codes WHERE id = ?1 AND used_at IS NULL',
    write: 'UPDATE recovery_codes SET used_at = ?2 WHERE id = ?1',
  },
  email_sign_in_use: {
    unused: 'SELECT id FROM email_sign_ins WHERE id = ?1 AND used_at IS NULL',
    write: 'UPDATE email_sign_ins SET used_at = ?2 WHERE id = ?1',
  },
  passkey_challenge_spend: {
    unused: 'SELECT 1 AS id WHERE NOT EXISTS (SELECT 1 FROM passkey_challenges WHERE id = ?1)',
    write: 'INSERT INTO passkey_challenges (id, expires_at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET expires_at = ?2',
  },
  'save-once': {
    unused: 'SELECT 1 AS id WHERE NOT EXISTS (SELECT 1 FROM artifacts WHERE id = ?1)',
    write:
      'INSERT INTO artifacts (id, kind, payload, expires_at, grant_id, account_id, client_id, lookup) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET kind = excluded.kind',
  },
};

/** A link is looked at when its page is opened; this store believes that look and only notes the use. */
const notes: Readonly<Record<string, Statement>> = {
  link_use: statement('broken link_use', 'UPDATE one_time_links SET used_at = ?3 WHERE id = ?1 AND purpose = ?2'),
  address_undo: statement('broken address_undo', 'UPDATE address_changes SET undone_at = ?2 WHERE id = ?1'),
};
const believing = (operation: Operation): Operation => {
  const note = notes[operation.statement.name];
  return note ? { ...operation, statement: note } : operation;
};

/** Between a look and its write, in milliseconds. */
const lookedMs = 20;

/**
 * A database whose uses are checks followed by writes, as most stores have them. The race suites must fail on it:
 * a suite that passes here proves nothing.
 */
export function brokenStore(database: Database): Database {
  const weaken = async (operation: Operation): Promise<Operation> => {
    const look = looks[operation.statement.name];
    if (!look) return operation;
    const read = statement(`broken read ${operation.statement.name}`, look.unused);
    const found = await database.get(read, operation.params.slice(0, 1));
    // The write follows after the time that another machine takes to look as well.
    await setTimeout(lookedMs);
    return found
      ? {
          statement: statement(`broken ${operation.statement.name}`, look.write),
          params: operation.params,
          mustHit: true,
        }
      : operation;
  };
  return new Proxy(database, {
    get(target, name) {
      if (name === 'commit') {
        return async (unit: Parameters<Database['commit']>[0]) =>
          target.commit({ ...unit, operations: await Promise.all(unit.operations.map(weaken)) });
      }
      if (name === 'together') {
        return (work: Parameters<Database['together']>[0]) =>
          target.together((tx, also) => work(tx, (operation) => also(believing(operation))));
      }
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? (value as (...given: unknown[]) => unknown).bind(target) : value;
    },
  });
}
