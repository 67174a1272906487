import { type Algorithm, algorithms, type SigningKey } from './key.ts';

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

/** What is due now, from the keys alone. Empty when nothing is. */
export function plan(keys: readonly SigningKey[], schedule: Schedule, now: number): Step[] {
  return [...algorithms.flatMap((alg) => stepsFor(keys, alg, schedule, now)), ...removals(keys, schedule, now)];
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
