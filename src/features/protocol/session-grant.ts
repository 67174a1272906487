import type Provider from 'oidc-provider';
import type { Grant } from 'oidc-provider';
import { hmacSha256 } from '../../foundation/crypto/hash.ts';
import type { ProtocolStore } from './store.ts';

/** Whose grant it is, and in which sign-in session. */
export interface GrantOwner {
  readonly sessionUid: string;
  readonly accountId: string;
  readonly clientId: string;
  /** Whether the session begins in this request: nothing bears its name yet, and nothing is looked for. */
  readonly isNew?: boolean;
}

/** The grant of a person for a client in a session: the one there is, or a new one that is not stored yet. */
export type GrantOfSession = (provider: Provider, owner: GrantOwner) => Promise<Grant>;

/**
 * Names grants so that two tabs which allow the same app at once make one grant and not two: the library remembers one
 * grant per client in a session, and tokens under any other die (models/token_helpers.js). After one has ended the
 * next name follows; what has ended stays ended.
 *
 * @param key 32 bytes, the same on every node
 */
export function createGrantOfSession(key: Buffer, store: Pick<ProtocolStore, 'grant'>): GrantOfSession {
  return async (provider, { sessionUid, accountId, clientId, isNew = false }) => {
    for (let turn = 0; ; turn += 1) {
      const jti = hmacSha256(key, JSON.stringify([sessionUid, accountId, clientId, turn]));
      const row = isNew ? undefined : await store.grant(jti);
      if (!row) return new provider.Grant({ accountId, clientId, jti } as { accountId: string; clientId: string });
      const living = row.ended_at === null ? await provider.Grant.find(jti) : undefined;
      if (living) return living;
    }
  };
}
