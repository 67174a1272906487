import type { Clock } from '../../foundation/clock.ts';
import type { CodeProblem } from '../../foundation/views/step-pages.ts';
import { throttledProblem } from '../../foundation/views/waiting.ts';
import type { EnrolmentOutcome } from './enrol.ts';
import type { CodeOutcome } from './verify-code.ts';

/** What a page says of a code that was not taken. */
export function codeProblem(clock: Clock, outcome: CodeOutcome | EnrolmentOutcome): CodeProblem | undefined {
  switch (outcome.kind) {
    case 'throttled':
      return throttledProblem(clock, outcome.retryAfterSeconds);
    case 'wrong':
      return { kind: 'reason' in outcome && outcome.reason === 'code_used' ? 'used' : 'wrong' };
    case 'missing':
    case 'expired':
      return { kind: outcome.kind };
    case 'right':
    case 'enrolled':
      return undefined;
  }
}
