import ipaddr from 'ipaddr.js';
import { distanceKm, type Place } from '../../foundation/geo/place.ts';
import { browserNames, type ClientHints } from '../../foundation/http/client-hints.ts';
import { type BrowserNames, browserVersion } from '../../foundation/http/user-agent.ts';

/** Where and with what a session was used. */
export interface Sighting {
  readonly address: string | undefined;
  readonly place: Place | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly userAgent: string | undefined;
  readonly hints: ClientHints | undefined;
}

/** Where a session was used, and when: its last place that was far from its present one, for instance. */
export type FormerPlace = Pick<Sighting, 'address' | 'place' | 'at'>;

/** What is odd about a session; the word that the audit has for it. */
export type SignalKind = 'impossible_travel' | 'concurrent_use' | 'user_agent_changed';

export interface Signal {
  readonly kind: SignalKind;
  /** What it was judged by, for the audit. */
  readonly details: Readonly<Record<string, string | number>>;
}

/** From where on a journey counts as one that nobody makes. */
export interface TravelLimits {
  readonly kilometres: number;
  readonly kilometresPerHour: number;
}

/** Places nearer than this are one: a city and its suburbs, and what files of places are wrong by. */
const apartKm = 100;
/** A session that is back where it was within this time is used in both places. */
const concurrentMs = 10 * 60 * 1000;
const hourMs = 60 * 60 * 1000;

/** What is odd about a session that is seen now, after it was seen before. */
export function judge(
  { kept, former, seen }: { kept: Sighting; former: FormerPlace | undefined; seen: Sighting },
  limits: TravelLimits,
): Signal[] {
  return [...judgePlace({ kept, former, seen }, limits), ...judgeBrowser(kept, seen)];
}

/** One of the two: who is here and there at once has not travelled. */
function judgePlace(
  { kept, former, seen }: { kept: Sighting; former: FormerPlace | undefined; seen: Sighting },
  limits: TravelLimits,
): Signal[] {
  if (!isApart(kept, seen)) return [];
  const isBack = former !== undefined && seen.at - former.at <= concurrentMs && !isApart(former, seen);
  if (isBack) return [{ kind: 'concurrent_use', details: { from: kept.address ?? '' } }];
  const journey = judgeJourney(kept, seen, limits);
  return journey === undefined ? [] : [journey];
}

/** Whether nobody gets from one place to the other in that time. */
export function judgeJourney(kept: FormerPlace, seen: FormerPlace, limits: TravelLimits): Signal | undefined {
  const km = certainKm(kept, seen);
  if (km === undefined || km < limits.kilometres) return undefined;
  // Somebody who moved in no time has moved at more than any speed.
  const kmh = km / Math.max((seen.at - kept.at) / hourMs, 1 / 3600);
  if (kmh <= limits.kilometresPerHour) return undefined;
  return { kind: 'impossible_travel', details: { from: kept.address ?? '', km: Math.round(km), kmh: Math.round(kmh) } };
}

/**
 * Whether two addresses are in different places. Where nobody knows where they are, their networks decide, coarsely:
 * telephones change their address, and within a household one page comes by IPv4 and the next by IPv6.
 */
export function isApart(one: Whereabouts, other: Whereabouts): boolean {
  if (one.address === undefined || other.address === undefined || one.address === other.address) return false;
  const km = certainKm(one, other);
  if (km !== undefined) return km >= apartKm;
  return isAbroad(one, other) ?? isElsewhere(one.address, other.address);
}

type Whereabouts = Pick<Sighting, 'address' | 'place'>;

/** Whether they are in different countries, where both are known. */
function isAbroad({ place: one }: Whereabouts, { place: other }: Whereabouts): boolean | undefined {
  if (one?.country === undefined || other?.country === undefined) return undefined;
  return one.country !== other.country;
}

function isElsewhere(one: string, other: string): boolean {
  const [here, there] = [networkOf(one), networkOf(other)];
  return here?.kind === there?.kind && here?.name !== there?.name;
}

/** How far apart they are at least: each may be elsewhere within its radius. */
function certainKm({ place: one }: Whereabouts, { place: other }: Whereabouts): number | undefined {
  if (one?.position === undefined || other?.position === undefined) return undefined;
  return Math.max(0, distanceKm(one.position, other.position) - one.position.radiusKm - other.position.radiusKm);
}

/** About what one provider has in one region: a /16 of IPv4, a /32 of IPv6. */
function networkOf(address: string): { kind: string; name: string } | undefined {
  if (!ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.process(address);
  const [kind, bytes] = [parsed.kind(), parsed.toByteArray()];
  return { kind, name: bytes.slice(0, kind === 'ipv4' ? 2 : 4).join('.') };
}

/** Another browser or system, or an older version: updates go one way. */
function judgeBrowser(kept: Sighting, seen: Sighting): Signal[] {
  if (kept.userAgent === seen.userAgent) return [];
  // Hints come on https only, and of some browsers: they are compared where both are there.
  const both = kept.hints !== undefined && seen.hints !== undefined;
  const [before, now] = [kept, seen].map(({ userAgent, hints }) => browserNames(userAgent, both ? hints : undefined));
  const isOther = before?.browser !== now?.browser || before?.system !== now?.system;
  if (!isOther && !isOlder(kept.userAgent, seen.userAgent)) return [];
  return [{ kind: 'user_agent_changed', details: { from: inWords(before), to: inWords(now) } }];
}

/** Programs that have no name here are told apart by all that they say but numbers. */
function isOlder(before: string | undefined, now: string | undefined): boolean {
  const [former, present] = [browserVersion(before), browserVersion(now)];
  if (former !== undefined && present !== undefined) return present < former;
  return before?.replaceAll(/[\d.]+/g, '') !== now?.replaceAll(/[\d.]+/g, '');
}

const inWords = (names: BrowserNames | undefined): string =>
  [names?.browser ?? 'unknown', names?.system ?? 'unknown'].join(' on ');
