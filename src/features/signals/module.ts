import type { Settings } from '../settings/module.ts';
import { type FormerPlace, judge, judgeJourney, type Sighting, type Signal } from './judge.ts';

export { type FormerPlace, isApart, type Sighting, type Signal, type SignalKind } from './judge.ts';

/**
 * Signals owns what is odd about the use of a session: a journey that nobody makes, two places at once, another browser.
 * It stores nothing and looks at no request: protocol keeps the sightings, asks it, and does what the policy says.
 */
export interface Signals {
  /** What is odd about a session that is seen now, after it was seen before; `former` is the place before that. */
  judge(sightings: { kept: Sighting; former: FormerPlace | undefined; seen: Sighting }): Signal[];
  /** Whether a person who was seen in one session cannot be where another one begins. */
  judgeJourney(kept: FormerPlace, seen: FormerPlace): Signal | undefined;
  /** Whether the person has to show once more who they are, where something is odd. */
  challenges(): boolean;
}

export function createSignals({ settings }: { readonly settings: { readonly current: () => Settings } }): Signals {
  const limits = () => {
    const { travelKilometres, travelSpeed } = settings.current().sessions;
    return { kilometres: travelKilometres, kilometresPerHour: travelSpeed };
  };
  return {
    judge: (sightings) => judge(sightings, limits()),
    judgeJourney: (kept, seen) => judgeJourney(kept, seen, limits()),
    challenges: () => settings.current().sessions.onRisk === 'challenge',
  };
}
