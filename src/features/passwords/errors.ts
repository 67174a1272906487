import { AppError } from '../../foundation/errors.ts';
import type { PasswordProblem, PasswordProblemKind } from './policy.ts';

export type PasswordErrorCode = 'password_refused' | 'password_hash_refused' | 'breached_file';

/** The policy forbids this password. */
export const passwordRefused = ({ kind, text }: PasswordProblem): AppError<PasswordErrorCode> =>
  new AppError('password_refused', 400, text, { fields: { password: text }, reason: kind });

/** What was wrong with a password that was refused; undefined for any other error. */
export const refusedPassword = (error: unknown): PasswordProblemKind | undefined =>
  error instanceof AppError && error.code === 'password_refused' ? (error.reason as PasswordProblemKind) : undefined;

export const passwordHashRefused = (): AppError<PasswordErrorCode> => {
  const problem = 'This is not an Argon2id hash in PHC form ($argon2id$v=19$m=…,t=…,p=…$salt$hash).';
  return new AppError('password_hash_refused', 400, problem, { fields: { password_hash: problem } });
};

/** The file of breached passwords, or a list that one is made from, cannot be used. */
export const breachedFileUnusable = (path: string, why: string, cause?: unknown): AppError<PasswordErrorCode> =>
  new AppError('breached_file', 400, `${path} ${why}.`, { cause });
