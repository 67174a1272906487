import { AppError } from '../errors.ts';

export type HttpErrorCode = 'csrf_refused';

/** The form did not come from a page of ours. */
export const csrfRefused = (cause: string): AppError<HttpErrorCode> =>
  new AppError(
    'csrf_refused',
    403,
    'This form did not come from our own page, so nothing was done. Open the page again and repeat it there.',
    {
      cause: new Error(cause),
    },
  );
