import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Clients } from '../clients/module.ts';
import type { EndReason } from '../users/module.ts';
import { longestAccessTokenMs } from './jwt-tokens.ts';
import { createPayloadCodec, type PayloadCodec } from './payload.ts';
import { type ArtifactRow, createProtocolStore, writes } from './store.ts';

/** A logout notice for one client (OpenID Connect Back-Channel Logout §2.5). */
export interface LogoutNotice {
  readonly clientId: string;
  readonly subject: string;
  readonly sessionId: string;
}

/** Operations that end what somebody holds. They never miss: what has ended already stays as it is. */
export interface Endings {
  /** Every session, grant and token of a person. */
  ofAccount(accountId: string, reason: EndReason): Promise<readonly Operation[]>;
  /** Every grant and token of a client. */
  ofClient(clientId: string): Promise<readonly Operation[]>;
  /** The notices to the clients that take part in a person's sessions. */
  notices(accountId: string): Promise<readonly Operation[]>;
}

export interface EndingsParts {
  readonly database: Database;
  readonly keyRing: KeyRing;
  readonly clients: Clients;
  readonly clock: Clock;
  /** The operation that puts a notice into the outbox. */
  readonly notice: (notice: LogoutNotice) => Operation;
  /** What of other rooms ends with what a person holds: browsers that skip a factor. */
  readonly alongside: (accountId: string) => readonly Operation[];
}

/** What a client and an account hold, ended by operators, without an engine. */
export function createEndings(parts: EndingsParts): Endings {
  const store = createProtocolStore(parts.database);
  const codec = createPayloadCodec(parts.keyRing);
  const now = () => parts.clock.now();
  const operation = (statement: Operation['statement'], ...params: Operation['params']): Operation => ({
    statement,
    params,
    mustHit: false,
  });
  return {
    // In lock order (unit.ts): sessions, then grants, then what hangs on them.
    ofAccount: async (id, reason) => [
      operation(writes.endSessionsOfAccount, id, now(), reason),
      operation(writes.endGrantsOfAccount, id, now()),
      operation(writes.endArtifactsOfAccount, id, now()),
      ...parts.alongside(id),
    ],
    ofClient: async (id) => [
      operation(writes.endGrantsOfClient, id, now()),
      operation(writes.endArtifactsOfClient, id, now()),
      operation(writes.deny, `client:${id}`, now(), now() + longestAccessTokenMs),
    ],
    async notices(accountId) {
      const rows = await store.sessionsOfAccount(accountId);
      return partsToTell({ ...parts, codec }, rows).map(({ clientId, sid }) =>
        parts.notice({ clientId, subject: accountId, sessionId: sid }),
      );
    },
  };
}

/** The parts in the given sessions whose clients want to hear of their end. Each is told once, though two rows name it. */
export function partsToTell(
  { codec, clients }: { codec: PayloadCodec; clients: Clients },
  rows: readonly ArtifactRow[],
): { clientId: string; sid: string }[] {
  const taking = rows.flatMap((row) => takingPart(codec, row));
  const known = taking.flatMap(([clientId, { sid }]) => (sid === undefined ? [] : [{ clientId, sid }]));
  const parts = new Map(known.map((part) => [JSON.stringify([part.clientId, part.sid]), part]));
  return [...parts.values()].filter(({ clientId }) => wantsNotice(clients, clientId));
}

/** The clients that a session's cookie, or the row of a client's part in it, names. */
function takingPart(codec: PayloadCodec, { id, kind, payload }: ArtifactRow): [string, Authorization][] {
  if (kind === 'Session') return authorizationsOf(codec.decode('Session', id, payload, undefined));
  const { clientId, authorization } = JSON.parse(payload) as { clientId: string; authorization: Authorization };
  return [[clientId, authorization]];
}

/** A client's part in a session, as the library keeps it. */
export interface Authorization {
  readonly sid?: string;
  readonly grantId?: string;
  readonly persistsLogout?: boolean;
}

/** The clients that take part in a session. */
export const authorizationsOf = (session: object): [string, Authorization][] =>
  Object.entries(((session as { authorizations?: unknown }).authorizations ?? {}) as Record<string, Authorization>);

/** Whether the client asked to be told when a session ends. */
export const wantsNotice = (clients: Clients, clientId: string): boolean =>
  clients.find(clientId)?.metadata.backchannel_logout_uri !== undefined;
