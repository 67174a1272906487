import type { Clock } from '../../foundation/clock.ts';
import { sha256 } from '../../foundation/crypto/hash.ts';
import { type AuthorizationDetail, joinDetails } from './authorization-details.ts';
import { type ProtocolStore, writes } from './store.ts';
import { requireUnit } from './unit.ts';

/** What a person has allowed an app. */
export interface Allowed {
  readonly scopes: readonly string[];
  readonly claims: readonly string[];
  /** Scopes by resource identifier. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
  /** Each as a whole: whoever allowed one payment has allowed no other (RFC 9396). */
  readonly details: readonly AuthorizationDetail[];
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

const nothing: Allowed = { scopes: [], claims: [], resources: {}, details: [] };

/** How many details are remembered of an app, the newest. */
const rememberedDetails = 20;

/** What is stored, also from before there were details. */
export const readAllowed = (payload: string): Allowed => ({ ...nothing, ...(JSON.parse(payload) as Partial<Allowed>) });

/** The consents in the given store. */
export function createRememberedConsents({ store, clock }: { store: ProtocolStore; clock: Clock }): RememberedConsents {
  const find = async (parties: Parties): Promise<Allowed> => {
    const row = await store.consent(consentKey(parties));
    return row ? readAllowed(row.payload) : nothing;
  };
  return {
    find,
    async add(parties, more) {
      const key = consentKey(parties);
      const all = union(await find(parties), more);
      const kept = JSON.stringify({ ...all, details: all.details.slice(-rememberedDetails) });
      const params = [key, parties.accountId, parties.clientId, kept, clock.now()];
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
    details: joinDetails(one.details, other.details),
  };
}
