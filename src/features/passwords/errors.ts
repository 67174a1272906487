import { AppError } from '../../foundation/errors.ts';

export type PasswordErrorCode = 'password_refused' | 'password_hash_refused';

/** The policy forbids this password; `problem` is a sentence that says why. */
export const passwordRefused = (problem: string): AppError<PasswordErrorCode> =>
  new AppError('password_refused', 400, problem, { fields: { password: problem } });

export const passwordHashRefused = (): AppError<PasswordErrorCode> => {
  const problem = 'This is not an Argon2id hash in PHC form ($argon2id$v=19$m=…,t=…,p=…$salt$hash).';
  return new AppError('password_hash_refused', 400, problem, { fields: { password_hash: problem } });
};
