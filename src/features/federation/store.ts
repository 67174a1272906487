import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import { type Operation, type Row, type Statement, statement } from '../../foundation/db/statement.ts';
import type { Arrival } from './arrival.ts';
import type { Attempt, NewAttempt, Way } from './attempt.ts';
import type { Identity, NewIdentity } from './identity.ts';
import { type Provider, providerOf } from './provider.ts';
import type { ProviderDefinition } from './schema.ts';
import { sealedTokens } from './tokens/store.ts';

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly keyRing: KeyRing;
}

interface ProviderRow extends Row {
  id: string;
  definition: string;
  client_secret: string | null;
  updated_at: number;
}

interface IdentityRow extends Row {
  id: string;
  user_id: string;
  provider: string;
  issuer: string;
  subject: string;
  label: string | null;
  attributes: string;
  created_at: number;
  last_used_at: number | null;
  tokens_at: number | null;
}

/** The interaction is looked up by the hash of its uid, which a cookie holds, and led back to by the uid itself. */
type SealedWay = Way & Pick<NewAttempt, 'uid'>;

interface AttemptRow extends Row {
  id: string;
  provider: string;
  browser_hash: string;
  user_id: string | null;
  sign_in_id: string | null;
  secret: string;
  arrival: string | null;
  problem: string | null;
  created_at: number;
  expires_at: number;
  filed_at: number | null;
  finished_at: number | null;
}

const identityColumns =
  'id, user_id, provider, issuer, subject, label, attributes, created_at, last_used_at, tokens_at';
const attemptColumns = `id, provider, browser_hash, user_id, sign_in_id, secret, arrival, problem, created_at, expires_at,
  filed_at, finished_at`;
const insertIdentity = `INSERT INTO federated_identities (id, user_id, provider, identity_key, issuer, subject, label,
  attributes, created_at, access_token, refresh_token, token_scope, token_expires_at, tokens_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)`;
const ownIdentity = 'SELECT id FROM federated_identities WHERE user_id = ?1 AND id = ?2';
const expired = 'FROM federation_attempts WHERE expires_at < ?1 LIMIT 500';

const statements = {
  providers: statement(
    'providers_all',
    'SELECT id, definition, client_secret, updated_at FROM identity_providers ORDER BY created_at, id',
  ),
  findIdentity: statement(
    'identity_find',
    `SELECT ${identityColumns} FROM federated_identities WHERE identity_key = ?1`,
  ),
  identitiesOf: statement(
    'identity_list',
    `SELECT ${identityColumns} FROM federated_identities WHERE user_id = ?1 ORDER BY id`,
  ),
  /** An identity belongs to one account: whoever brings it a second time touches no row. */
  addIdentity: statement('identity_add', {
    sqlite: `${insertIdentity} ON CONFLICT DO NOTHING`,
    postgresql: `${insertIdentity} ON CONFLICT DO NOTHING`,
    mysql: insertIdentity,
  }),
  useIdentity: statement(
    'identity_use',
    'UPDATE federated_identities SET last_used_at = ?3, label = ?4, attributes = ?5 WHERE id = ?1 AND user_id = ?2',
  ),
  holdIdentity: statement('identity_hold', {
    sqlite: ownIdentity,
    postgresql: `${ownIdentity} FOR UPDATE`,
    mysql: `${ownIdentity} FOR UPDATE`,
  }),
  removeIdentity: statement('identity_remove', 'DELETE FROM federated_identities WHERE id = ?1 AND user_id = ?2'),
  removeSince: statement(
    'identity_remove_since',
    'DELETE FROM federated_identities WHERE user_id = ?1 AND created_at >= ?2',
  ),
  eraseIdentities: statement('identity_erase', 'DELETE FROM federated_identities WHERE user_id = ?1'),
  putAttempt: statement(
    'attempt_put',
    `INSERT INTO federation_attempts (id, provider, browser_hash, uid, user_id, sign_in_id, secret, created_at, expires_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
  ),
  findAttempt: statement('attempt_find', `SELECT ${attemptColumns} FROM federation_attempts WHERE id = ?1`),
  newestAttempt: statement(
    'attempt_newest',
    `SELECT ${attemptColumns} FROM federation_attempts WHERE uid = ?1 AND filed_at IS NOT NULL
     ORDER BY filed_at DESC LIMIT 1`,
  ),
  anyAttempt: statement('attempt_any', 'SELECT id FROM federation_attempts WHERE uid = ?1 LIMIT 1'),
  forgetAttempts: statement(
    'attempt_forget',
    'DELETE FROM federation_attempts WHERE uid = ?1 AND filed_at IS NOT NULL',
  ),
  /** Of any number of callbacks with one state one is exchanged. */
  useAttempt: statement(
    'attempt_use',
    'UPDATE federation_attempts SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL AND expires_at > ?2',
  ),
  fileAttempt: statement(
    'attempt_file',
    `UPDATE federation_attempts SET filed_at = ?2, arrival = ?3, problem = ?4
     WHERE id = ?1 AND used_at IS NOT NULL AND filed_at IS NULL`,
  ),
  /** What was brought back is taken up once, and kept no longer: it may hold tokens. */
  finishAttempt: statement(
    'attempt_finish',
    `UPDATE federation_attempts SET finished_at = ?2, arrival = NULL
     WHERE id = ?1 AND filed_at IS NOT NULL AND finished_at IS NULL AND expires_at > ?2`,
  ),
  refuseAttempt: statement(
    'attempt_refuse',
    `UPDATE federation_attempts SET problem = ?3, finished_at = ?2, filed_at = COALESCE(filed_at, ?2), arrival = NULL
     WHERE id = ?1 AND finished_at IS NULL`,
  ),
  awaitProof: statement(
    'attempt_await',
    'UPDATE federation_attempts SET user_id = ?2 WHERE id = ?1 AND filed_at IS NOT NULL AND finished_at IS NULL',
  ),
  eraseAttempts: statement('attempt_erase', 'DELETE FROM federation_attempts WHERE user_id = ?1'),
  sweep: statement('attempt_sweep', {
    sqlite: `DELETE FROM federation_attempts WHERE id IN (SELECT id ${expired})`,
    postgresql: `DELETE FROM federation_attempts WHERE id IN (SELECT id ${expired})`,
    mysql: `DELETE ${expired}`,
  }),
} as const;

const operation = (of: Statement, params: Operation['params'], mustHit: boolean): Operation => ({
  statement: of,
  params,
  mustHit,
});

/** What one identity is found by: never an e-mail address (OpenID Connect Core §5.7). */
export const identityKey = ({ issuer, subject }: Pick<Identity, 'issuer' | 'subject'>): string =>
  sha256(JSON.stringify([issuer, subject]));

const secretPlace = (row: string) => ({ table: 'identity_providers', column: 'client_secret', row });
const attemptPlace = (column: 'secret' | 'arrival', row: string) => ({ table: 'federation_attempts', column, row });

/** The providers' rows. */
export function createProviderStore({ database, clock, keyRing }: Parts) {
  return {
    async all(): Promise<Provider[]> {
      const rows = await database.all<ProviderRow>(statements.providers, []);
      return rows.map(({ id, definition, client_secret: sealed, updated_at: updatedAt }) =>
        providerOf(JSON.parse(definition) as ProviderDefinition, {
          clientSecret: sealed === null ? undefined : keyRing.open(sealed, secretPlace(id)).toString(),
          updatedAt,
        }),
      );
    },
    /** Without a secret the one that is there stays. */
    async put(tx: Transaction, definition: ProviderDefinition, secret: string | undefined): Promise<void> {
      const id = definition.name;
      const now = BigInt(clock.now());
      const sealed = secret === undefined ? {} : { clientSecret: keyRing.seal(secret, secretPlace(id)) };
      const kept = { definition: JSON.stringify(definition), updatedAt: now, ...sealed };
      await tx.identityProvider.upsert({ where: { id }, create: { id, createdAt: now, ...kept }, update: kept });
    },
  };
}

export type ProviderStore = ReturnType<typeof createProviderStore>;

/** The identities' rows. */
export function createIdentityStore(parts: Parts) {
  const { database, clock } = parts;
  return {
    async find(of: Pick<Identity, 'issuer' | 'subject'>): Promise<Identity | undefined> {
      const row = await database.get<IdentityRow>(statements.findIdentity, [identityKey(of)]);
      return row && toIdentity(row);
    },
    list: async (userId: string): Promise<Identity[]> =>
      (await database.all<IdentityRow>(statements.identitiesOf, [userId])).map(toIdentity),
    /** Must hit: misses when the identity belongs to an account already. */
    add({ id, userId, provider, issuer, subject, label, attributes, tokens }: NewIdentity): Operation {
      const key = identityKey({ issuer, subject });
      const kept = [issuer, subject, label ?? null, JSON.stringify(attributes), clock.now()];
      const sealed = sealedTokens(parts, id, tokens);
      return operation(statements.addIdentity, [id, userId, provider, key, ...kept, ...sealed], true);
    },
    /** Must hit: misses when it was unlinked meanwhile. */
    use: ({ id, userId }: Identity, { label, attributes }: Pick<NewIdentity, 'label' | 'attributes'>): Operation =>
      operation(statements.useIdentity, [id, userId, clock.now(), label ?? null, JSON.stringify(attributes)], true),
    /** Must hit: the person has this identity, until the transaction ends. */
    hold: (userId: string, id: string): Operation => operation(statements.holdIdentity, [userId, id], true),
    /** Must hit: misses when the person has no such identity. */
    remove: (userId: string, id: string): Operation => operation(statements.removeIdentity, [id, userId], true),
    removeSince: (userId: string, since: number): Operation =>
      operation(statements.removeSince, [userId, since], false),
    erase: (userId: string): Operation[] => [
      operation(statements.eraseIdentities, [userId], false),
      operation(statements.eraseAttempts, [userId], false),
    ],
  };
}

export type IdentityStore = ReturnType<typeof createIdentityStore>;

const toIdentity = (row: IdentityRow): Identity => ({
  id: row.id,
  userId: row.user_id,
  provider: row.provider,
  issuer: row.issuer,
  subject: row.subject,
  label: row.label ?? undefined,
  attributes: JSON.parse(row.attributes) as Identity['attributes'],
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at ?? undefined,
  tokensAt: row.tokens_at ?? undefined,
});

/** What is asked of the attempts' rows. */
function createAttemptReads({ database, clock, keyRing }: Parts) {
  const open = <T>(sealed: string, column: 'secret' | 'arrival', id: string): T =>
    JSON.parse(keyRing.open(sealed, attemptPlace(column, id)).toString()) as T;
  const toAttempt = (row: AttemptRow): Attempt => {
    const { uid, ...way } = open<SealedWay>(row.secret, 'secret', row.id);
    return {
      id: row.id,
      provider: row.provider,
      browserHash: row.browser_hash,
      uid,
      userId: row.user_id ?? undefined,
      signInId: row.sign_in_id ?? undefined,
      way,
      arrival: row.arrival === null ? undefined : open<Arrival>(row.arrival, 'arrival', row.id),
      problem: (row.problem as Attempt['problem']) ?? undefined,
      createdAt: row.created_at,
      isFiled: row.filed_at !== null && row.finished_at === null && row.expires_at > clock.now(),
    };
  };
  return {
    async find(id: string): Promise<Attempt | undefined> {
      const row = await database.get<AttemptRow>(statements.findAttempt, [id]);
      return row && toAttempt(row);
    },
    /** Whether one has set out from an interaction. */
    hasAny: async (uid: string): Promise<boolean> =>
      (await database.get(statements.anyAttempt, [sha256(uid)])) !== undefined,
    /** The last one of an interaction that came back, or failed to set out. */
    async newest(uid: string): Promise<Attempt | undefined> {
      const row = await database.get<AttemptRow>(statements.newestAttempt, [sha256(uid)]);
      return row && toAttempt(row);
    },
  };
}

/** The attempts' rows. */
export function createAttemptStore(parts: Parts) {
  const { database, clock, keyRing } = parts;
  return {
    ...createAttemptReads(parts),
    put({ id, provider, browserHash, uid, userId, signInId, way, expiresAt }: NewAttempt): Operation {
      const kept: SealedWay = { ...way, uid };
      const sealed = keyRing.seal(JSON.stringify(kept), attemptPlace('secret', id));
      const whose = [uid === undefined ? null : sha256(uid), userId ?? null, signInId ?? null];
      return operation(
        statements.putAttempt,
        [id, provider, browserHash, ...whose, sealed, clock.now(), expiresAt],
        true,
      );
    },
    /** Uses it, before anything is exchanged. False when it was used before, or is too old. */
    async use(id: string): Promise<boolean> {
      const operations = [operation(statements.useAttempt, [id, clock.now()], true)];
      return (await database.commit({ operations, fallback: [] })).committed;
    },
    /** What came of an interaction's attempts before is over when another one sets out. */
    forget: (uid: string): Operation => operation(statements.forgetAttempts, [sha256(uid)], false),
    /** Must hit: it comes back once. */
    file(id: string, found: Arrival | Attempt['problem']): Operation {
      const arrival =
        typeof found === 'object' ? keyRing.seal(JSON.stringify(found), attemptPlace('arrival', id)) : null;
      const problem = typeof found === 'string' ? found : null;
      return operation(statements.fileAttempt, [id, clock.now(), arrival, problem], true);
    },
    /** Must hit: what it brought is taken up once. */
    finish: (id: string): Operation => operation(statements.finishAttempt, [id, clock.now()], true),
    refuse: (id: string, problem: NonNullable<Attempt['problem']>): Operation =>
      operation(statements.refuseAttempt, [id, clock.now(), problem], false),
    /** Notes whose proof is needed before the identity is connected. Must hit. */
    awaitProof: (id: string, userId: string): Operation => operation(statements.awaitProof, [id, userId], true),
    /** Removes a batch of those that expired before the given time (milliseconds). */
    sweep: (before: number): Operation => operation(statements.sweep, [before], false),
  };
}

export type AttemptStore = ReturnType<typeof createAttemptStore>;
