import { vi } from 'vitest';

/**
 * Moves the wall clock, which the product and its engine share in this process, and leaves it standing there for the
 * rest of the file: a clock that went back would look like an attack to counters. Timers go on as they are.
 */
export function advance(seconds: number): void {
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  vi.setSystemTime(Date.now() + seconds * 1000);
}

/** Stands the clock still, so that everything until `advance` happens at one moment. */
export const standStill = (): void => advance(0);

export const hours = 3600;
export const days = 24 * hours;
