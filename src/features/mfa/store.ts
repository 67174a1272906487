import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';
import type { MfaPolicyLevel } from './policy-schema.ts';
import type { StoredCode } from './recovery-codes.ts';

const findFactor = statement(
  'totp_find',
  'SELECT id, secret, last_step, created_at, last_used_at FROM totp_factors WHERE user_id = ?1',
);
const factorExists = statement('totp_exists', 'SELECT id FROM totp_factors WHERE user_id = ?1');
const insertFactor =
  'INSERT INTO totp_factors (id, user_id, secret, last_step, created_at) VALUES (?1, ?2, ?3, ?4, ?5)';
/** One a person: the second of two tabs that set one up finds the first one's. */
const addFactor = statement('totp_add', {
  sqlite: `${insertFactor} ON CONFLICT DO NOTHING`,
  postgresql: `${insertFactor} ON CONFLICT DO NOTHING`,
  mysql: insertFactor,
});
/** Each step works once, and none before it any more (RFC 6238 §5.2): whoever comes second touches no row. */
const useStep = statement(
  'totp_use_step',
  'UPDATE totp_factors SET last_step = ?2, last_used_at = ?3 WHERE id = ?1 AND last_step < ?2',
);
const removeFactor = statement('totp_remove', 'DELETE FROM totp_factors WHERE user_id = ?1');

const removeFactorSince = statement(
  'totp_remove_since',
  'DELETE FROM totp_factors WHERE user_id = ?1 AND created_at >= ?2',
);

const findSet = statement('recovery_set', 'SELECT created_at FROM recovery_sets WHERE user_id = ?1');
const insertSet = 'INSERT INTO recovery_sets (user_id, set_id, created_at) VALUES (?1, ?2, ?3)';
const nameSet = statement('recovery_name_set', {
  sqlite: `${insertSet} ON CONFLICT (user_id) DO UPDATE SET set_id = ?2, created_at = ?3`,
  postgresql: `${insertSet} ON CONFLICT (user_id) DO UPDATE SET set_id = ?2, created_at = ?3`,
  mysql: `${insertSet} ON DUPLICATE KEY UPDATE set_id = ?2, created_at = ?3`,
});
const addCode = statement(
  'recovery_add',
  'INSERT INTO recovery_codes (id, user_id, set_id, hash) VALUES (?1, ?2, ?3, ?4)',
);
const clearOthers = statement('recovery_clear', 'DELETE FROM recovery_codes WHERE user_id = ?1 AND set_id <> ?2');
const findCodes = statement(
  'recovery_find',
  `SELECT c.id, c.hash FROM recovery_codes c JOIN recovery_sets s ON s.user_id = c.user_id AND s.set_id = c.set_id
   WHERE c.user_id = ?1 AND c.used_at IS NULL`,
);
const useCode = statement(
  'recovery_use',
  `UPDATE recovery_codes SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL
   AND set_id IN (SELECT s.set_id FROM recovery_sets s WHERE s.user_id = recovery_codes.user_id)`,
);
const removeSet = statement('recovery_remove_set', 'DELETE FROM recovery_sets WHERE user_id = ?1');
const removeCodes = statement('recovery_remove', 'DELETE FROM recovery_codes WHERE user_id = ?1');

/** An authenticator app as it is stored, opened. */
export interface StoredTotp {
  readonly id: string;
  /** In base32. */
  readonly secret: string;
  /** The newest step that a code was taken for. */
  readonly lastStep: number;
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
}

/** Operations that must hit are what a use-once is decided by. */
export interface MfaStore {
  has(userId: string): Promise<boolean>;
  find(userId: string): Promise<StoredTotp | undefined>;
  /** Must hit: misses when the person has one already. */
  add(userId: string, factor: { id: string; secret: string; step: number }): Operation;
  /** Must hit: misses when this step, or a later one, was used. */
  useStep(id: string, step: number): Operation;
  codes(userId: string): Promise<StoredCode[]>;
  /** Makes these the person's codes, in place of all former ones. */
  replaceCodes(userId: string, setId: string, codes: readonly StoredCode[]): Operation[];
  /** Must hit: misses when it was used, or its set replaced. */
  useCode(id: string): Operation;
  /** Takes the app away. Must hit: misses when another request was faster. */
  remove(userId: string): Operation;
  removeCodes(userId: string): Operation[];
  /** Takes the app away if it was added at this time (milliseconds) or later. */
  removeSince(userId: string, since: number): Operation;
  /** When the person's recovery codes were made, in milliseconds. */
  codesMadeAt(userId: string): Promise<number | undefined>;
}

export function createMfaStore(parts: { database: Database; clock: Clock; keyRing: KeyRing }): MfaStore {
  const { database, clock, keyRing } = parts;
  const operation = (of: Operation['statement'], params: Operation['params'], mustHit: boolean): Operation => ({
    statement: of,
    params,
    mustHit,
  });
  const secretPlace = (row: string) => ({ table: 'totp_factors', column: 'secret', row });
  const hashPlace = (row: string) => ({ table: 'recovery_codes', column: 'hash', row });
  return {
    has: async (userId) => (await database.get(factorExists, [userId])) !== undefined,
    async find(userId) {
      type FactorRow = {
        id: string;
        secret: string;
        last_step: number;
        created_at: number;
        last_used_at: number | null;
      };
      const row = await database.get<FactorRow>(findFactor, [userId]);
      if (row === undefined) return undefined;
      const { id, last_step: lastStep, created_at: createdAt } = row;
      const secret = keyRing.open(row.secret, secretPlace(id)).toString();
      return { id, secret, lastStep, createdAt, lastUsedAt: row.last_used_at ?? undefined };
    },
    add: (userId, { id, secret, step }) =>
      operation(addFactor, [id, userId, keyRing.seal(secret, secretPlace(id)), step, clock.now()], true),
    useStep: (id, step) => operation(useStep, [id, step, clock.now()], true),
    async codes(userId) {
      const rows = await database.all<{ id: string; hash: string }>(findCodes, [userId]);
      return rows.map(({ id, hash }) => ({ id, hash: keyRing.open(hash, hashPlace(id)).toString() }));
    },
    replaceCodes: (userId, setId, codes) => [
      operation(nameSet, [userId, setId, clock.now()], false),
      operation(clearOthers, [userId, setId], false),
      ...codes.map(({ id, hash }) => operation(addCode, [id, userId, setId, keyRing.seal(hash, hashPlace(id))], true)),
    ],
    useCode: (id) => operation(useCode, [id, clock.now()], true),
    remove: (userId) => operation(removeFactor, [userId], true),
    removeSince: (userId, since) => operation(removeFactorSince, [userId, since], false),
    async codesMadeAt(userId) {
      const row = await database.get<{ created_at: number }>(findSet, [userId]);
      return row && Number(row.created_at);
    },
    removeCodes: (userId) => [operation(removeSet, [userId], false), operation(removeCodes, [userId], false)],
  };
}

/** What is said of the second factors of a role's or an organisation's people. */
export interface MfaPolicy {
  readonly kind: 'role' | 'organisation';
  readonly name: string;
  readonly policy: MfaPolicyLevel;
}

interface PolicyRow extends Row {
  kind: MfaPolicy['kind'];
  name: string;
  policy: MfaPolicyLevel;
}

const findAll = statement('mfa_policies_all', 'SELECT kind, name, policy FROM mfa_policies ORDER BY id');

export interface MfaPolicyStore {
  all(): Promise<MfaPolicy[]>;
  put(tx: Transaction, policy: MfaPolicy): Promise<void>;
}

export function createMfaPolicyStore({ database, clock }: { database: Database; clock: Clock }): MfaPolicyStore {
  return {
    all: async () =>
      (await database.all<PolicyRow>(findAll, [])).map(({ kind, name, policy }) => ({ kind, name, policy })),
    async put(tx, { kind, name, policy }) {
      const id = `${kind}:${name}`;
      const kept = { policy, updatedAt: BigInt(clock.now()) };
      await tx.mfaPolicy.upsert({ where: { id }, create: { id, kind, name, ...kept }, update: kept });
    },
  };
}
