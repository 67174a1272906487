import type { JWK } from 'jose';
import { advanceRevision, readRevision } from '../../foundation/db/advance-revision.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import { type Operation, type Row, statement } from '../../foundation/db/statement.ts';
import { type Algorithm, algorithms, isForEncryption, type KeyState, type SigningKey } from './key.ts';

/** A key as it is stored. */
export interface StoredKey extends SigningKey {
  /** Sealed; empty once it is retired or removed, if it signed. */
  readonly privateKey: string;
}

/** The keys and where their revision stood before they were read. */
export interface KeysAsRead {
  readonly revision: number;
  readonly keys: readonly StoredKey[];
}

export interface SigningKeyStore {
  read(): Promise<KeysAsRead>;
  insert(tx: Transaction, key: StoredKey): Promise<void>;
  activate(tx: Transaction, kid: string, now: number): Promise<void>;
  /** Also wipes the private half: nothing is ever signed with it again. That of one that others encrypt to still reads. */
  retire(tx: Transaction, key: Pick<SigningKey, 'kid' | 'alg'>, now: number): Promise<void>;
  remove(tx: Transaction, kid: string, now: number): Promise<void>;
  /** Loses the transaction when somebody changed the keys since they were read. */
  unchangedSince(read: KeysAsRead): Operation;
}

const revisionName = 'keys';

const findKept = statement(
  'signing_keys_kept',
  `SELECT id, algorithm, state, public_jwk, private_key, created_at, activated_at, retired_at FROM signing_keys
   WHERE removed_at IS NULL ORDER BY created_at, algorithm`,
);

export function createSigningKeyStore({ database }: { database: Database }): SigningKeyStore {
  return {
    async read() {
      const revision = await readRevision(database, revisionName);
      const rows = await database.all<SigningKeyRow>(findKept, []);
      return { revision, keys: rows.map(toStoredKey) };
    },
    async insert(tx, { kid, alg, state, publicJwk, privateKey, createdAt, activatedAt }) {
      const times = {
        createdAt: BigInt(createdAt),
        activatedAt: activatedAt === undefined ? null : BigInt(activatedAt),
      };
      const data = { id: kid, algorithm: alg, state, publicJwk: JSON.stringify(publicJwk), privateKey, ...times };
      await tx.signingKey.create({ data });
    },
    async activate(tx, kid, now) {
      await tx.signingKey.update({ where: { id: kid }, data: { state: 'current', activatedAt: BigInt(now) } });
    },
    async retire(tx, { kid, alg }, now) {
      const wiped = isForEncryption(alg) ? {} : { privateKey: '' };
      await tx.signingKey.update({
        where: { id: kid },
        data: { state: 'retired', retiredAt: BigInt(now), ...wiped },
      });
    },
    async remove(tx, kid, now) {
      await tx.signingKey.update({
        where: { id: kid },
        data: { state: 'removed', removedAt: BigInt(now), privateKey: '' },
      });
    },
    unchangedSince: ({ revision }) => advanceRevision(revisionName, revision),
  };
}

interface SigningKeyRow extends Row {
  readonly id: string;
  readonly algorithm: string;
  readonly state: string;
  readonly public_jwk: string;
  readonly private_key: string;
  readonly created_at: number;
  readonly activated_at: number | null;
  readonly retired_at: number | null;
}

/** Rows are written by this store alone, so their words are known. */
function toStoredKey(row: SigningKeyRow): StoredKey {
  const alg = algorithms.find((known) => known === row.algorithm) as Algorithm;
  return {
    kid: row.id,
    alg,
    state: row.state as KeyState,
    publicJwk: JSON.parse(row.public_jwk) as JWK,
    privateKey: row.private_key,
    createdAt: row.created_at,
    ...(row.activated_at === null ? {} : { activatedAt: row.activated_at }),
    ...(row.retired_at === null ? {} : { retiredAt: row.retired_at }),
  };
}
