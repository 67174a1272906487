import type { JWK } from 'jose';
import { advanceRevision, readRevision } from '../../foundation/db/advance-revision.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { type Algorithm, algorithms, type KeyState, type SigningKey } from './key.ts';

/** A key as it is stored. */
export interface StoredKey extends SigningKey {
  /** Sealed; empty once it is retired. */
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
  /** Also wipes the private half: nothing is ever signed with it again. */
  retire(tx: Transaction, kid: string, now: number): Promise<void>;
  remove(tx: Transaction, kid: string, now: number): Promise<void>;
  /** Loses the transaction when somebody changed the keys since they were read. */
  unchangedSince(read: KeysAsRead): Operation;
}

const revisionName = 'keys';

export function createSigningKeyStore({ database }: { database: Database }): SigningKeyStore {
  return {
    async read() {
      const revision = await readRevision(database, revisionName);
      const rows = await database.prisma.signingKey.findMany({
        where: { removedAt: null },
        orderBy: { createdAt: 'asc' },
      });
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
    async retire(tx, kid, now) {
      await tx.signingKey.update({
        where: { id: kid },
        data: { state: 'retired', retiredAt: BigInt(now), privateKey: '' },
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

type SigningKeyRow = Awaited<ReturnType<Database['prisma']['signingKey']['findMany']>>[number];

/** Rows are written by this store alone, so their words are known. */
function toStoredKey(row: SigningKeyRow): StoredKey {
  const alg = algorithms.find((known) => known === row.algorithm) as Algorithm;
  return {
    kid: row.id,
    alg,
    state: row.state as KeyState,
    publicJwk: JSON.parse(row.publicJwk) as JWK,
    privateKey: row.privateKey,
    createdAt: Number(row.createdAt),
    ...(row.activatedAt === null ? {} : { activatedAt: Number(row.activatedAt) }),
    ...(row.retiredAt === null ? {} : { retiredAt: Number(row.retiredAt) }),
  };
}
