import { type Algorithm, algorithms, everyones, type SigningKey } from './key.ts';

/** One change of the keys. Steps are taken together. */
export type Step =
  | { readonly kind: 'create'; readonly alg: Algorithm; readonly state: 'next' | 'current' }
  | { readonly kind: 'promote'; readonly alg: Algorithm; readonly next: string; readonly current: string | undefined }
  | { readonly kind: 'remove'; readonly alg: Algorithm; readonly kid: string };

/** All in milliseconds. */
export interface Schedule {
  readonly rotateEvery: number;
  readonly publishAhead: number;
  /** For how long a retired key stays published: the longest use of anything it signed. */
  readonly keepRetired: number;
}

/** When a published key may sign: whoever fetched our keys before it was published has fetched them again by then. */
export const mayPromoteAt = (next: SigningKey, schedule: Schedule): number => next.createdAt + schedule.publishAhead;

export const keyOf = (
  keys: readonly SigningKey[],
  alg: Algorithm,
  state: SigningKey['state'],
): SigningKey | undefined => keys.find((key) => key.alg === alg && key.state === state);

/** The algorithms that have a key or need one. What was needed once stays: tokens signed with it may be about. */
const inUse = (keys: readonly SigningKey[], needed: ReadonlySet<string>): Algorithm[] =>
  algorithms.filter((alg) => everyones.includes(alg) || needed.has(alg) || keys.some((key) => key.alg === alg));

/** The algorithms that nothing can be signed with yet. */
export const missing = (keys: readonly SigningKey[], needed: ReadonlySet<string>): Algorithm[] =>
  inUse(keys, needed).filter((alg) => keyOf(keys, alg, 'current') === undefined);

/** What keys are judged by. */
export interface Demand {
  readonly schedule: Schedule;
  /** Algorithms that clients or APIs ask for. */
  readonly needed: ReadonlySet<string>;
}

/** What is due now, from the keys alone. Empty when nothing is. */
export function plan(keys: readonly SigningKey[], { schedule, needed }: Demand, now: number): Step[] {
  const steps = inUse(keys, needed).flatMap((alg) => stepsFor(keys, alg, schedule, now));
  return [...steps, ...removals(keys, schedule, now)];
}

function stepsFor(keys: readonly SigningKey[], alg: Algorithm, schedule: Schedule, now: number): Step[] {
  const current = keyOf(keys, alg, 'current');
  const next = keyOf(keys, alg, 'next');
  if (current === undefined) {
    return next === undefined
      ? [{ kind: 'create', alg, state: 'current' }]
      : [{ kind: 'promote', alg, next: next.kid, current: undefined }];
  }
  if (next !== undefined) {
    return now >= mayPromoteAt(next, schedule) ? [{ kind: 'promote', alg, next: next.kid, current: current.kid }] : [];
  }
  const publishAt = (current.activatedAt ?? current.createdAt) + schedule.rotateEvery - schedule.publishAhead;
  return now >= publishAt ? [{ kind: 'create', alg, state: 'next' }] : [];
}

const removals = (keys: readonly SigningKey[], schedule: Schedule, now: number): Step[] =>
  keys
    .filter((key) => key.state === 'retired' && now >= (key.retiredAt ?? key.createdAt) + schedule.keepRetired)
    .map(({ alg, kid }) => ({ kind: 'remove', alg, kid }));
