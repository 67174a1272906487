import type { Clock } from '../../../foundation/clock.ts';
import { sha256 } from '../../../foundation/crypto/hash.ts';
import type { KeyRing } from '../../../foundation/crypto/key-ring.ts';
import type { Database } from '../../../foundation/db/database.ts';
import { type Operation, type Row, type Statement, statement } from '../../../foundation/db/statement.ts';
import type { SignInBegun } from '../../protocol/module.ts';
import type { Arrival } from '../arrival.ts';
import type { SignedOut } from '../logout-token.ts';
import { identityKey } from '../store.ts';

interface SignInRow extends Row {
  user_id: string;
  sign_in_id: string;
}

interface BehindRow extends Row {
  id: string;
  provider: string;
  id_token: string | null;
}

const insertToken = 'INSERT INTO federation_logout_tokens (id, expires_at) VALUES (?1, ?2)';
const provedBy = `SELECT user_id, sign_in_id FROM federated_sign_ins
  WHERE provider = ?1 AND sign_in_id IS NOT NULL AND expires_at > ?2`;

const statements = {
  forget: statement('fed_sign_in_forget', 'DELETE FROM federated_sign_ins WHERE uid = ?1 AND sign_in_id IS NULL'),
  file: statement(
    'fed_sign_in_file',
    `INSERT INTO federated_sign_ins (id, uid, user_id, provider, identity_key, sid_hash, id_token, created_at, expires_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
  ),
  /** A session that is proved anew was proved by whatever it was before no longer. */
  replace: statement('fed_sign_in_replace', 'DELETE FROM federated_sign_ins WHERE sign_in_id = ?1 AND uid <> ?2'),
  begin: statement(
    'fed_sign_in_begin',
    'UPDATE federated_sign_ins SET sign_in_id = ?3, expires_at = ?4 WHERE uid = ?1 AND user_id = ?2',
  ),
  ofSession: statement('fed_sign_in_session', `${provedBy} AND sid_hash = ?3`),
  ofIdentity: statement('fed_sign_in_identity', `${provedBy} AND identity_key = ?3`),
  /** A provider that never named its session may mean any of them. */
  ofBoth: statement('fed_sign_in_both', `${provedBy} AND identity_key = ?3 AND (sid_hash = ?4 OR sid_hash IS NULL)`),
  known: statement(
    'fed_sign_in_known',
    'SELECT sign_in_id FROM federated_sign_ins WHERE user_id = ?1 AND sign_in_id IS NOT NULL',
  ),
  behind: statement(
    'fed_sign_in_behind',
    'SELECT id, provider, id_token FROM federated_sign_ins WHERE sign_in_id = ?1 ORDER BY created_at DESC LIMIT 1',
  ),
  end: statement('fed_sign_in_end', 'DELETE FROM federated_sign_ins WHERE sign_in_id = ?1'),
  erase: statement('fed_sign_in_erase', 'DELETE FROM federated_sign_ins WHERE user_id = ?1'),
  findToken: statement('fed_logout_find', 'SELECT id FROM federation_logout_tokens WHERE id = ?1'),
  useToken: statement('fed_logout_use', {
    sqlite: `${insertToken} ON CONFLICT DO NOTHING`,
    postgresql: `${insertToken} ON CONFLICT DO NOTHING`,
    mysql: insertToken,
  }),
} as const;

const sweeps = ['federated_sign_ins', 'federation_logout_tokens'].map((table) => {
  const expired = `FROM ${table} WHERE expires_at < ?1 LIMIT 500`;
  const batch = `DELETE FROM ${table} WHERE id IN (SELECT id ${expired})`;
  return statement(`${table}_sweep`, { sqlite: batch, postgresql: batch, mysql: `DELETE ${expired}` });
});

const operation = (of: Statement, params: Operation['params'], mustHit = false): Operation => ({
  statement: of,
  params,
  mustHit,
});

/** A session of a provider is one of its issuer. */
const sidHash = (issuer: string, sid: string): string => sha256(JSON.stringify([issuer, sid]));
const tokenKey = (provider: string, { issuer, tokenId }: SignedOut): string =>
  sha256(JSON.stringify([provider, issuer, tokenId]));

/** What is known of somebody's sign-in before its session begins. */
export interface NewFederatedSignIn {
  /** The attempt's. */
  readonly id: string;
  /** The interaction's; stored as its hash, because a cookie holds it. */
  readonly uid: string;
  readonly userId: string;
  readonly provider: string;
  readonly arrival: Pick<Arrival, 'issuer' | 'subject' | 'sid' | 'idToken'>;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** By which provider a sign-in was proved, and the ID token that came along where it is kept. */
export interface Behind {
  readonly provider: string;
  readonly idToken: string | undefined;
}

const tokenPlace = (row: string) => ({ table: 'federated_sign_ins', column: 'id_token', row });

/** Which sign-ins here were proved by which identity. */
export function createFederatedSignInStore(parts: { database: Database; clock: Clock; keyRing: KeyRing }) {
  const { database, clock, keyRing } = parts;
  return {
    /** What the interaction was proved by before is forgotten: it goes before `file`. */
    forget: (uid: string): Operation => operation(statements.forget, [sha256(uid)]),
    file({ id, uid, userId, provider, arrival, expiresAt }: NewFederatedSignIn): Operation {
      const sid = arrival.sid === undefined ? null : sidHash(arrival.issuer, arrival.sid);
      const idToken = arrival.idToken === undefined ? null : keyRing.seal(arrival.idToken, tokenPlace(id));
      const whose = [provider, identityKey(arrival), sid, idToken];
      return operation(statements.file, [id, sha256(uid), userId, ...whose, clock.now(), expiresAt], true);
    },
    /** The living sign-ins that a provider's logout token means (OpenID Connect Back-Channel Logout §2.7). */
    async meant(provider: string, { issuer, subject, sid }: SignedOut): Promise<{ userId: string; id: string }[]> {
      const identity = subject === undefined ? [] : [identityKey({ issuer, subject })];
      const session = sid === undefined ? [] : [sidHash(issuer, sid)];
      const { ofSession, ofIdentity, ofBoth } = statements;
      const which = subject === undefined ? ofSession : sid === undefined ? ofIdentity : ofBoth;
      const params = [provider, clock.now(), ...identity, ...session];
      const rows = await database.all<SignInRow>(which, params);
      return rows.map((row) => ({ userId: row.user_id, id: row.sign_in_id }));
    },
    /** Those of a person's sign-ins of which it is known what proved them. */
    known: async (userId: string): Promise<ReadonlySet<string>> =>
      new Set((await database.all<SignInRow>(statements.known, [userId])).map((row) => row.sign_in_id)),
    /** What a sign-in was proved by. */
    async behind(signInId: string): Promise<Behind | undefined> {
      const row = await database.get<BehindRow>(statements.behind, [signInId]);
      if (!row) return undefined;
      const { id, provider, id_token: sealed } = row;
      return { provider, idToken: sealed === null ? undefined : keyRing.open(sealed, tokenPlace(id)).toString() };
    },
    /** Forgets what proved a sign-in that is over. */
    end: (signInId: string): Operation => operation(statements.end, [signInId]),
    wasTaken: async (provider: string, token: SignedOut): Promise<boolean> =>
      (await database.get(statements.findToken, [tokenKey(provider, token)])) !== undefined,
    /** Must hit: of any number of equal logout tokens one is taken. */
    take: (provider: string, token: SignedOut): Operation =>
      operation(statements.useToken, [tokenKey(provider, token), token.until], true),
    erase: (userId: string): Operation => operation(statements.erase, [userId]),
  };
}

export type FederatedSignInStore = ReturnType<typeof createFederatedSignInStore>;

/** The operations that give a sign-in's proof the name of its session. */
export function beginSignIn({ interaction, id, accountId, amr, until }: SignInBegun): Operation[] {
  if (!amr.includes('fed')) return [];
  return [
    operation(statements.replace, [id, sha256(interaction)]),
    operation(statements.begin, [sha256(interaction), accountId, id, until]),
  ];
}

/** The operations that remove a batch of what expired before the given time (milliseconds). */
export const sweepSignIns = (before: number): Operation[] => sweeps.map((sweep) => operation(sweep, [before]));
