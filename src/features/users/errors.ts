import type { z } from 'zod';
import { AppError, type FieldErrors } from '../../foundation/errors.ts';

export type UserErrorCode = 'user_refused' | 'user_email_taken' | 'user_username_taken' | 'user_unknown';

export const userRefused = (error: z.ZodError): AppError<UserErrorCode> => {
  const fields: FieldErrors = Object.fromEntries(
    error.issues.map((issue) => [issue.path.join('.') || 'user', issue.message]),
  );
  const sentence = Object.entries(fields).map(([name, problem]) => `${name}: ${problem}`);
  return new AppError('user_refused', 400, `This account cannot be stored. ${sentence.join('; ')}`, { fields });
};

export const emailTaken = (): AppError<UserErrorCode> =>
  new AppError('user_email_taken', 409, 'Another account has this e-mail address.', {
    fields: { email: 'Another account has this e-mail address.' },
  });

export const usernameTaken = (): AppError<UserErrorCode> =>
  new AppError('user_username_taken', 409, 'Another account has this username.', {
    fields: { username: 'Another account has this username.' },
  });

export const userUnknown = (): AppError<UserErrorCode> =>
  new AppError('user_unknown', 404, 'There is no such account.');
