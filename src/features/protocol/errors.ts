import { AppError } from '../../foundation/errors.ts';

export type ProtocolErrorCode =
  | 'interaction_missing'
  | 'interaction_finished'
  | 'cookies_missing'
  | 'request_too_large';

/** There is no step to take here: it expired, was finished, or the page was bookmarked. */
export const interactionMissing = (cause?: unknown): AppError<ProtocolErrorCode> =>
  new AppError('interaction_missing', 400, 'This sign-in has expired. Start again from the app you came from.', {
    cause,
  });

/** The browser sent no cookie at all, so no step can be continued. */
export const cookiesMissing = (): AppError<ProtocolErrorCode> =>
  new AppError('cookies_missing', 400, 'Your browser sent no cookie. Allow cookies for this site, then start again.');

/** The authorization request does not fit into an address. */
export const requestTooLarge = (): AppError<ProtocolErrorCode> =>
  new AppError('request_too_large', 413, 'This request is too long. Its app should push it first (RFC 9126).');
