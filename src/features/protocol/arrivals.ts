import type { Clock } from '../../foundation/clock.ts';
import type { Place } from '../../foundation/geo/place.ts';
import type { Signal, Signals } from '../signals/module.ts';
import type { ProtocolStore } from './store.ts';
import { currentUnit } from './unit.ts';
import { signalEvent } from './watch-session.ts';

/** What is odd about a sign-in that begins, beside the sign-ins that its person has elsewhere. */
export interface Arrivals {
  /** Has it written down, where the person cannot be here so soon after they were seen elsewhere. */
  tell(begun: Begun): Promise<void>;
  /** Whether a second factor has to be shown therefore, although this browser might go without. */
  asksForFactor(begun: Begun): Promise<boolean>;
}

/** A sign-in under way. */
export interface Begun {
  readonly accountId: string;
  /** The sign-in that this browser has already. */
  readonly here: string | undefined;
}

export interface ArrivalsParts {
  readonly clock: Clock;
  readonly store: Pick<ProtocolStore, 'livingSessions'>;
  readonly signals: Signals;
}

export function createArrivals(parts: ArrivalsParts): Arrivals {
  const oddity = async ({ accountId, here }: Begun): Promise<Signal | undefined> => {
    const { address, place } = currentUnit()?.origin(accountId) ?? {};
    // Without a file of places nothing is read.
    if (place?.position === undefined) return undefined;
    const now = parts.clock.now();
    const latest = (await parts.store.livingSessions(accountId, now)).find(({ id }) => id !== here);
    if (!latest || latest.place === null) return undefined;
    const kept = {
      address: latest.address ?? undefined,
      place: JSON.parse(latest.place) as Place,
      at: latest.last_seen_at,
    };
    return parts.signals.judgeJourney(kept, { address, place, at: now });
  };
  return {
    async tell(begun) {
      const signal = await oddity(begun);
      // Whoever gets here has taken every step: there is nothing more to ask.
      if (signal) currentUnit()?.events.push(signalEvent(signal, { accountId: begun.accountId, outcome: 'success' }));
    },
    asksForFactor: async (begun) => parts.signals.challenges() && (await oddity(begun)) !== undefined,
  };
}
