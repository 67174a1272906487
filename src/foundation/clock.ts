/** The time, passed in wherever it is needed so that tests decide what it is. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Whole seconds since the epoch, as OAuth and JWT use them. */
export const epochSeconds = (clock: Clock): number => Math.floor(clock.now() / 1000);
