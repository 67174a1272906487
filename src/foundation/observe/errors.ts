import { AppError } from '../errors.ts';

/** What keeps a process from listening or logging. */
export type ObserveErrorCode = 'port_taken' | 'port_forbidden' | 'address_unusable' | 'log_unusable';

/** An error of start-up with its remedy in the message; it ends the process with one line. */
export const observeError = (code: ObserveErrorCode, message: string, cause: unknown): AppError<ObserveErrorCode> =>
  new AppError(code, 500, message, { cause });
