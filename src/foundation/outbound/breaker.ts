import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { outboundPaused } from './errors.ts';
import type { FetchLike } from './fetch.ts';

export interface BreakerOptions {
  readonly clock: Clock;
  readonly fetch: FetchLike;
  /** So many failures in a row open it. 5. */
  readonly failures?: number;
  /** For so long nothing is sent, in milliseconds. 30,000. */
  readonly restMs?: number;
}

/**
 * A fetch that stops calling what has failed too often in a row, and lets one call through after a rest: nobody waits
 * for a server that is down, and it is not kept down by us. Throws `outbound_paused` meanwhile. A 5xx is a failure too.
 */
export function breakingFetch({ clock, fetch, failures = 5, restMs = 30_000 }: BreakerOptions): FetchLike {
  let failed = 0;
  let openUntil = 0;
  const fail = (): void => {
    failed += 1;
    if (failed >= failures) openUntil = clock.now() + restMs;
  };
  return async (input, init) => {
    if (clock.now() < openUntil) throw outboundPaused();
    // Whoever comes after the rest is the one trial; the others go on waiting for how it ends.
    if (failed >= failures) openUntil = clock.now() + restMs;
    try {
      const response = await fetch(input, init);
      if (response.status >= 500) fail();
      else failed = 0;
      return response;
    } catch (error) {
      // What we refuse to call says nothing about the server.
      if (!(error instanceof AppError) || error.code !== 'outbound_refused') fail();
      throw error;
    } finally {
      if (failed === 0) openUntil = 0;
    }
  };
}
