import type { Context } from 'koa';
import { field } from '../../foundation/http/door.ts';
import type { AgainProblem } from '../../foundation/views/account-pages.ts';
import { throttledProblem } from '../../foundation/views/waiting.ts';
import { currentUnit } from '../protocol/module.ts';
import { refusalEvent } from './events.ts';
import type { ProveAgain } from './prove-again.ts';
import type { Visitor } from './visitor.ts';
import { tell, tryPlace, type VisitorParts } from './visitor-pages.ts';

export interface ProvePagesParts extends VisitorParts {
  readonly proveAgain: ProveAgain;
}

/** What is wrong with the password or code that was sent along; undefined when it is right, and used up. */
export async function problemOfProof(
  ctx: Context,
  parts: ProvePagesParts,
  visitor: Visitor,
): Promise<AgainProblem | undefined> {
  const proof = field(ctx, 'current_password') || field(ctx, 'code');
  const { user } = visitor;
  const outcome = await parts.proveAgain.check(user.id, proof, await tryPlace(ctx, parts, visitor));
  switch (outcome.kind) {
    case 'right':
      currentUnit()?.joinStep(outcome.use, 'consume');
      return undefined;
    case 'throttled':
      tell(refusalEvent(user, 'throttled'));
      return throttledProblem(parts.clock, outcome.retryAfterSeconds);
    case 'wrong':
      tell(refusalEvent(user, outcome.reason));
      return { kind: 'wrong' };
    case 'missing':
    case 'busy':
      return outcome;
  }
}

/** Statuses of a page by what is wrong with the proof. */
export const proofStatuses = { missing: 400, wrong: 401, throttled: 429, busy: 503 } as const;
