import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { type ProtocolStore, writes } from './store.ts';
import { requireUnit } from './unit.ts';

/** What a person has allowed an app. */
export interface Allowed {
  readonly scopes: readonly string[];
  readonly claims: readonly string[];
  /** Scopes by resource identifier. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
}

/** A person and the app that they allowed something. */
export interface Parties {
  readonly accountId: string;
  readonly clientId: string;
}

/** What people have allowed apps, for as long as neither side takes it back. A grant ends with its sign-in; this stays. */
export interface RememberedConsents {
  find(parties: Parties): Promise<Allowed>;
  /** Adds to what is remembered, in the unit of the request. */
  add(parties: Parties, more: Allowed): Promise<void>;
}

/** Under what the two are remembered. */
export const consentKey = ({ accountId, clientId }: Parties): string => sha256(JSON.stringify([accountId, clientId]));

const nothing: Allowed = { scopes: [], claims: [], resources: {} };

/** The consents in the given store. */
export function createRememberedConsents({ store, clock }: { store: ProtocolStore; clock: Clock }): RememberedConsents {
  const find = async (parties: Parties): Promise<Allowed> => {
    const row = await store.consent(consentKey(parties));
    return row ? (JSON.parse(row.payload) as Allowed) : nothing;
  };
  return {
    find,
    async add(parties, more) {
      const key = consentKey(parties);
      const all = union(await find(parties), more);
      const params = [key, parties.accountId, parties.clientId, JSON.stringify(all), clock.now()];
      requireUnit().add({ rank: 'row', key, statement: writes.saveConsent, params });
    },
  };
}

const both = (one: readonly string[] = [], other: readonly string[] = []): string[] => [...new Set([...one, ...other])];

/** What one or the other allows. */
export function union(one: Allowed, other: Allowed): Allowed {
  const identifiers = both(Object.keys(one.resources), Object.keys(other.resources));
  return {
    scopes: both(one.scopes, other.scopes),
    claims: both(one.claims, other.claims),
    resources: Object.fromEntries(
      identifiers.map((identifier) => [identifier, both(one.resources[identifier], other.resources[identifier])]),
    ),
  };
}
