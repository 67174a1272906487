import type { PageLocals } from '../../foundation/views/pages.ts';
import { busyProblem } from '../../foundation/views/waiting.ts';
import { refusedPassword } from '../passwords/module.ts';

type Locals = PageLocals['registration/register'];

export type Problems = NonNullable<Locals['problems']>;

/** What to tell of a password that was refused, or of a server that sheds work. Throws what is neither. */
export function problemsOf(error: unknown): Pick<Locals, 'problems' | 'wait'> {
  const wait = busyProblem(error);
  if (wait) return { wait };
  const password = refusedPassword(error);
  if (password === undefined) throw error;
  return { problems: { password } };
}

/** The status of the form's page. */
export function statusOf({ problems, wait }: Pick<Locals, 'problems' | 'wait'>): number {
  if (wait) return wait.kind === 'busy' ? 503 : 429;
  return problems ? 400 : 200;
}
