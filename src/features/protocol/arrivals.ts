import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import type { Place } from '../../foundation/geo/place.ts';
import type { Signal, Signals } from '../signals/module.ts';
import type { ProtocolStore } from './store.ts';
import { currentUnit } from './unit.ts';
import { signalEvent } from './watch-session.ts';

/** What is odd about a sign-in that begins, beside the sign-ins that its person has elsewhere. */
export interface Arrivals {
  /** Has it written down, where the person cannot be here so soon after they were seen elsewhere. */
  tell(ctx: Context, accountId: string): Promise<void>;
  /** Whether a second factor has to be shown therefore, although this browser might go without. */
  asksForFactor(ctx: Context, accountId: string): Promise<boolean>;
}

export interface ArrivalsParts {
  readonly clock: Clock;
  readonly store: Pick<ProtocolStore, 'livingSessions'>;
  readonly signals: Signals;
  /** Which sign-in this browser has. */
  readonly idOf: (ctx: Context) => Promise<string | undefined>;
}

export function createArrivals(parts: ArrivalsParts): Arrivals {
  const oddity = async (ctx: Context, accountId: string): Promise<Signal | undefined> => {
    const { address, place } = currentUnit()?.origin(accountId) ?? {};
    // Without a file of places nothing is read.
    if (place?.position === undefined) return undefined;
    const now = parts.clock.now();
    const own = await parts.idOf(ctx);
    const latest = (await parts.store.livingSessions(accountId, now)).find(({ id }) => id !== own);
    if (!latest || latest.place === null) return undefined;
    const kept = {
      address: latest.address ?? undefined,
      place: JSON.parse(latest.place) as Place,
      at: latest.last_seen_at,
    };
    return parts.signals.judgeJourney(kept, { address, place, at: now });
  };
  return {
    async tell(ctx, accountId) {
      const signal = await oddity(ctx, accountId);
      // Whoever gets here has taken every step: there is nothing more to ask.
      if (signal) currentUnit()?.events.push(signalEvent(signal, { accountId, outcome: 'success' }));
    },
    asksForFactor: async (ctx, accountId) => parts.signals.challenges() && (await oddity(ctx, accountId)) !== undefined,
  };
}
