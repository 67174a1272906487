import { AppError } from '../errors.ts';

export type OutboundErrorCode = 'outbound_refused' | 'outbound_failed' | 'outbound_timeout' | 'outbound_paused';

/** We will not call this address. `reason` is for operators and names the host only, never path, query or credentials. */
export const outboundRefused = (reason: string): AppError<OutboundErrorCode> =>
  new AppError('outbound_refused', 502, 'This address may not be called from here.', { cause: new Error(reason) });

export const outboundFailed = (reason: string, cause?: unknown): AppError<OutboundErrorCode> =>
  new AppError('outbound_failed', 502, 'The other server did not answer as it should.', {
    cause: new Error(reason, { cause }),
  });

export const outboundTimeout = (reason: string): AppError<OutboundErrorCode> =>
  new AppError('outbound_timeout', 504, 'The other server did not answer in time.', { cause: new Error(reason) });

/** It has failed too often in a row; nothing is sent for a while. */
export const outboundPaused = (): AppError<OutboundErrorCode> =>
  new AppError('outbound_paused', 503, 'The other server has failed too often; it is asked again in a while.', {
    retryAfter: 30,
  });
