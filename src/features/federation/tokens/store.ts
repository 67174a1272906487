import type { Clock } from '../../../foundation/clock.ts';
import type { KeyRing } from '../../../foundation/crypto/key-ring.ts';
import type { Database } from '../../../foundation/db/database.ts';
import { type Operation, type Row, type Statement, statement, type Value } from '../../../foundation/db/statement.ts';
import type { UpstreamTokens } from '../upstream-tokens.ts';

/** Tokens as they are kept beside an identity. */
export interface KeptTokens extends UpstreamTokens {
  /** The identity's. */
  readonly id: string;
  readonly provider: string;
  /** How often they were replaced: whoever read them earlier knows that others were faster. */
  readonly turn: number;
}

interface TokenRow extends Row {
  id: string;
  provider: string;
  access_token: string;
  refresh_token: string | null;
  token_scope: string | null;
  token_expires_at: number | null;
  token_turn: number;
}

const columns = 'id, provider, access_token, refresh_token, token_scope, token_expires_at, token_turn';
/** A provider that sends no other refresh token leaves the former one good (RFC 6749 §6). */
const replacing = `access_token = ?3, refresh_token = COALESCE(?4, refresh_token), token_scope = ?5, token_expires_at = ?6,
  tokens_at = ?7, token_turn = token_turn + 1, refresh_until = NULL`;
const clearing = `access_token = NULL, refresh_token = NULL, token_scope = NULL, token_expires_at = NULL,
  tokens_at = NULL, token_turn = token_turn + 1, refresh_until = NULL`;

const statements = {
  find: statement(
    'tokens_find',
    `SELECT ${columns} FROM federated_identities
     WHERE user_id = ?1 AND provider = ?2 AND access_token IS NOT NULL ORDER BY tokens_at DESC LIMIT 1`,
  ),
  all: statement(
    'tokens_all',
    `SELECT ${columns} FROM federated_identities WHERE user_id = ?1 AND access_token IS NOT NULL ORDER BY id`,
  ),
  keep: statement('tokens_keep', `UPDATE federated_identities SET ${replacing} WHERE id = ?1 AND user_id = ?2`),
  forget: statement('tokens_forget', `UPDATE federated_identities SET ${clearing} WHERE id = ?1 AND user_id = ?2`),
  /** Of all that find them too old, in the whole fleet, one asks the provider. */
  lead: statement(
    'tokens_lead',
    `UPDATE federated_identities SET refresh_until = ?4
     WHERE id = ?1 AND token_turn = ?2 AND (refresh_until IS NULL OR refresh_until <= ?3)`,
  ),
  replace: statement(
    'tokens_replace',
    `UPDATE federated_identities SET ${replacing} WHERE id = ?1 AND token_turn = ?2`,
  ),
  stands: statement('tokens_stand', 'SELECT id FROM federated_identities WHERE id = ?1 AND access_token IS NOT NULL'),
  drop: statement('tokens_drop', `UPDATE federated_identities SET ${clearing} WHERE id = ?1 AND token_turn = ?2`),
} as const;

const place = (column: 'access_token' | 'refresh_token', row: string) => ({
  table: 'federated_identities',
  column,
  row,
});

const operation = (of: Statement, params: readonly Value[], mustHit: boolean): Operation => ({
  statement: of,
  params,
  mustHit,
});

/** Tokens as they are written beside an identity: access token, refresh token, scope, end, and when they came. */
export function sealedTokens(
  { keyRing, clock }: { readonly keyRing: KeyRing; readonly clock: Clock },
  id: string,
  tokens: UpstreamTokens | undefined,
): readonly Value[] {
  if (!tokens) return [null, null, null, null, null];
  const { accessToken, refreshToken, scope, expiresAt } = tokens;
  const renewing = refreshToken === undefined ? null : keyRing.seal(refreshToken, place('refresh_token', id));
  const sealed = keyRing.seal(accessToken, place('access_token', id));
  return [sealed, renewing, scope ?? null, expiresAt ?? null, clock.now()];
}

/** The tokens beside the identities. They go with their row, whoever removes it. */
export function createTokenStore(parts: { database: Database; keyRing: KeyRing; clock: Clock }) {
  const { database, keyRing, clock } = parts;
  const open = (row: TokenRow): KeptTokens => ({
    id: row.id,
    provider: row.provider,
    accessToken: keyRing.open(row.access_token, place('access_token', row.id)).toString(),
    refreshToken:
      row.refresh_token === null
        ? undefined
        : keyRing.open(row.refresh_token, place('refresh_token', row.id)).toString(),
    scope: row.token_scope ?? undefined,
    expiresAt: row.token_expires_at ?? undefined,
    turn: row.token_turn,
  });
  return {
    async find(userId: string, provider: string): Promise<KeptTokens | undefined> {
      const row = await database.get<TokenRow>(statements.find, [userId, provider]);
      return row && open(row);
    },
    all: async (userId: string): Promise<KeptTokens[]> =>
      (await database.all<TokenRow>(statements.all, [userId])).map(open),
    /** Those of a new sign-in take the place of the former ones. */
    keep: (identity: { readonly id: string; readonly userId: string }, tokens: UpstreamTokens): Operation =>
      operation(statements.keep, [identity.id, identity.userId, ...sealedTokens(parts, identity.id, tokens)], false),
    forget: ({ id, userId }: { readonly id: string; readonly userId: string }): Operation =>
      operation(statements.forget, [id, userId], false),
    /** Must hit: misses when somebody else asks for new ones, or has them. */
    lead: ({ id, turn }: KeptTokens, until: number): Operation =>
      operation(statements.lead, [id, turn, clock.now(), until], true),
    /** Must hit: misses when they were replaced or taken away meanwhile. */
    replace: ({ id, turn }: KeptTokens, tokens: UpstreamTokens): Operation =>
      operation(statements.replace, [id, turn, ...sealedTokens(parts, id, tokens)], true),
    /** Must hit: misses when there are none any more. */
    stands: ({ id }: KeptTokens): Operation => operation(statements.stands, [id], true),
    /** Must hit: misses when they were replaced or taken away meanwhile. */
    drop: ({ id, turn }: KeptTokens): Operation => operation(statements.drop, [id, turn], true),
  };
}

export type TokenStore = ReturnType<typeof createTokenStore>;
