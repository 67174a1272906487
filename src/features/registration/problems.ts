import { AppError } from '../../foundation/errors.ts';
import type { PageLocals } from '../../foundation/views/pages.ts';

type Locals = PageLocals['registration/register'];

export type Problems = NonNullable<Locals['problems']>;

/** The longest password, in code points, as the policy has it. */
const longest = 1024;

/** What to tell of a password that was refused, or of a server that sheds work. Throws what is neither. */
export function problemsOf(error: unknown, password: string, minLength: number): Pick<Locals, 'problems' | 'wait'> {
  if (!(error instanceof AppError)) throw error;
  if (error.status === 503) return { wait: { kind: 'busy', retryAfter: error.retryAfter ?? 1 } };
  if (error.fields?.['password'] === undefined && error.code !== 'password_too_long') throw error;
  return { problems: { password: kindOf([...password.normalize('NFC')].length, minLength) } };
}

function kindOf(length: number, minLength: number): NonNullable<Problems['password']> {
  if (length === 0) return 'missing';
  if (length < minLength) return 'short';
  return length > longest ? 'long' : 'own';
}

/** The status of the form's page. */
export function statusOf({ problems, wait }: Pick<Locals, 'problems' | 'wait'>): number {
  if (wait) return wait.kind === 'busy' ? 503 : 429;
  return problems ? 400 : 200;
}
