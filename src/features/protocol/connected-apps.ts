import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Clients } from '../clients/module.ts';
import type { AuthorizationDetail } from './authorization-details.ts';
import { type LogoutNotice, partsToTell } from './endings.ts';
import type { PayloadCodec } from './payload.ts';
import { type Allowed, consentKey, readAllowed, union } from './remembered-consent.ts';
import { houseClientId } from './routes.ts';
import { type ProtocolStore, writes } from './store.ts';
import { requireUnit } from './unit.ts';

/** An app that a person has let into their account. Times are milliseconds since the epoch. */
export interface ConnectedApp {
  readonly clientId: string;
  /** What it may see and do: what is remembered, and what living grants hold. */
  readonly allowed: Allowed;
  readonly firstAt: number;
  /** When it was last let in. */
  readonly lastAt: number;
}

/** The apps that hold something of a person, or may get it without asking. */
export interface ConnectedApps {
  /** The one that was let in last first; our own pages are none. */
  list(accountId: string): Promise<ConnectedApp[]>;
  /**
   * Ends what an app holds of a person in the unit of the request: grants, tokens, what is remembered; and tells the
   * app, if it wants to hear of endings. False when it holds nothing.
   */
  disconnect(accountId: string, clientId: string): Promise<boolean>;
}

interface Parts {
  readonly store: ProtocolStore;
  readonly codec: PayloadCodec;
  readonly clients: Clients;
  readonly clock: Clock;
  readonly notice: (notice: LogoutNotice) => Operation;
}

export function createConnectedApps(parts: Parts): ConnectedApps {
  const { store, clock } = parts;
  const list = async (accountId: string): Promise<ConnectedApp[]> => {
    const [consents, grants] = await Promise.all([
      store.consentsOfAccount(accountId),
      store.grantsOfAccount(accountId, clock.now()),
    ]);
    const remembered = consents.map((row) => appOf(row, readAllowed(row.payload), row.updated_at));
    const held = grants.map((row) => appOf(row, allowedBy(JSON.parse(row.payload) as GrantPayload), row.created_at));
    const apps = new Map<string, ConnectedApp>();
    for (const app of [...remembered, ...held]) {
      if (app.clientId !== houseClientId) apps.set(app.clientId, joined(apps.get(app.clientId), app));
    }
    return [...apps.values()].sort((a, b) => b.lastAt - a.lastAt);
  };
  return {
    list,
    async disconnect(accountId, clientId) {
      const isConnected = (await list(accountId)).some((app) => app.clientId === clientId);
      if (isConnected) await end(parts, accountId, clientId);
      return isConnected;
    },
  };
}

interface Row {
  readonly client_id: string;
  readonly created_at: number;
}

const appOf = ({ client_id: clientId, created_at: firstAt }: Row, allowed: Allowed, lastAt: number): ConnectedApp => ({
  clientId,
  allowed,
  firstAt,
  lastAt,
});

const joined = (one: ConnectedApp | undefined, other: ConnectedApp): ConnectedApp =>
  one === undefined
    ? other
    : {
        clientId: other.clientId,
        allowed: union(one.allowed, other.allowed),
        firstAt: Math.min(one.firstAt, other.firstAt),
        lastAt: Math.max(one.lastAt, other.lastAt),
      };

/** A grant as the library keeps it. */
interface GrantPayload {
  readonly openid?: { readonly scope?: string; readonly claims?: readonly string[] };
  readonly resources?: Readonly<Record<string, string>>;
  readonly rar?: readonly AuthorizationDetail[];
}

const words = (text: string | undefined): string[] => text?.split(' ').filter(Boolean) ?? [];

const allowedBy = ({ openid, resources = {}, rar = [] }: GrantPayload): Allowed => ({
  scopes: words(openid?.scope),
  claims: openid?.claims ?? [],
  resources: Object.fromEntries(Object.entries(resources).map(([identifier, scope]) => [identifier, words(scope)])),
  details: rar,
});

async function end(parts: Parts, accountId: string, clientId: string): Promise<void> {
  const unit = requireUnit();
  const key = consentKey({ accountId, clientId });
  const params = [accountId, clientId, parts.clock.now()];
  unit.add({ rank: 'grant', key, statement: writes.endGrantsOfPair, params });
  unit.add({ rank: 'row', key, statement: writes.endConsent, params: [key, parts.clock.now()] });
  unit.add({ rank: 'ending', key, statement: writes.endArtifactsOfPair, params });
  const rows = await parts.store.sessionsOfAccount(accountId);
  for (const part of partsToTell(parts, rows)) {
    if (part.clientId !== clientId) continue;
    const told = parts.notice({ clientId, subject: accountId, sessionId: part.sid });
    unit.add({ rank: 'outbox', key: sha256(part.sid), statement: told.statement, params: told.params });
  }
}
