import type { z } from 'zod';
import { AppError, type FieldErrors } from '../../foundation/errors.ts';

export type FederationErrorCode =
  | 'provider_refused'
  | 'provider_unknown'
  | 'federation_elsewhere'
  | 'federation_busy'
  | 'upstream_sign_in_required';

const refused = (fields: FieldErrors): AppError<FederationErrorCode> => {
  const sentences = Object.entries(fields).map(([name, problem]) => `${name}: ${problem}`);
  const message = `This identity provider cannot be stored. ${sentences.join('; ')}`;
  return new AppError('provider_refused', 400, message, { fields });
};

export const providerRefused = (error: z.ZodError): AppError<FederationErrorCode> =>
  refused(Object.fromEntries(error.issues.map((issue) => [issue.path.join('.') || 'provider', issue.message])));

/** What the form of a definition does not show. */
export const providerIncomplete = (fields: FieldErrors): AppError<FederationErrorCode> => refused(fields);

export const providerUnknown = (name: string): AppError<FederationErrorCode> =>
  new AppError('provider_unknown', 404, `There is no identity provider with the name ${name}.`);

/**
 * An answer of a provider that this browser did not ask for: forged, replayed, meant for another browser, or too late.
 * Nothing of it is looked at any further.
 */
export const federationElsewhere = (reason: string): AppError<FederationErrorCode> =>
  new AppError(
    'federation_elsewhere',
    400,
    'This answer of another provider does not belong to a sign-in in this browser.',
    {
      cause: new Error(reason),
    },
  );

/** Too many set out, or came back with nothing, from this address. */
export const federationBusy = (retryAfter: number): AppError<FederationErrorCode> =>
  new AppError('federation_busy', 429, 'Too many sign-ins have been started from here; try again later.', {
    retryAfter,
  });
