import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { BusyProblem, ThrottledProblem } from './pages.ts';

/** Too many failed tries, as pages show it: with the moment at which the next one counts. */
export const throttledProblem = (clock: Clock, retryAfter: number): ThrottledProblem => ({
  kind: 'throttled',
  retryAfter,
  until: clock.now() + retryAfter * 1000,
});

/** What a page says when the server sheds load (503), so that nothing was checked or stored; undefined for anything else. */
export function busyProblem(error: unknown): BusyProblem | undefined {
  if (!(error instanceof AppError) || error.status !== 503) return undefined;
  return { kind: 'busy', retryAfter: error.retryAfter ?? 1 };
}
