import { AppError } from '../../errors.ts';
import { storeError, translateKnown } from '../errors.ts';

export interface GateOptions {
  /** Calls that may be under way or waiting; what comes on top is refused with `store_busy`. */
  readonly limit: number;
  /** After a failure, milliseconds until one call may try again. */
  readonly restMs: number;
}

/** Runs one call to a database server. Rejects with AppError. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Stands before a database server. While it does not answer, calls fail at once instead of each waiting for a time-out, and
 * one of them at a time finds out whether it is back.
 */
export function createGate({ limit, restMs }: GateOptions): Gate {
  let underWay = 0;
  let down: { readonly since: number; readonly error: AppError } | undefined;
  let probing = false;

  function admit(): void {
    if (underWay >= limit) throw storeError('store_busy', 'too many statements are waiting');
    if (down === undefined) return;
    if (probing || performance.now() - down.since < restMs) throw down.error;
    probing = true;
  }

  return async (work) => {
    admit();
    const isProbe = probing && down !== undefined;
    underWay += 1;
    try {
      const result = await work();
      down = undefined;
      return result;
    } catch (error) {
      const known = translateKnown(error);
      const gone = known instanceof AppError && known.code === 'store_unavailable';
      down = gone ? { since: performance.now(), error: known } : undefined;
      throw known;
    } finally {
      underWay -= 1;
      if (isProbe) probing = false;
    }
  };
}
