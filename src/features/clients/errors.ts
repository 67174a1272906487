import type { z } from 'zod';
import { AppError, type FieldErrors } from '../../foundation/errors.ts';

export type ClientErrorCode =
  | 'client_refused'
  | 'client_exists'
  | 'client_unknown'
  | 'client_without_secret'
  | 'resource_refused';

const sentence = (fields: FieldErrors): string =>
  Object.entries(fields)
    .map(([name, problem]) => `${name}: ${problem}`)
    .join('; ');

export const clientRefused = (fields: FieldErrors): AppError<ClientErrorCode> =>
  new AppError('client_refused', 400, `This app cannot be registered. ${sentence(fields)}`, { fields });

export const resourceRefused = (fields: FieldErrors): AppError<ClientErrorCode> =>
  new AppError('resource_refused', 400, `This API cannot be registered. ${sentence(fields)}`, { fields });

export const clientExists = (clientId: string): AppError<ClientErrorCode> =>
  new AppError('client_exists', 409, `There is an app with the client_id ${clientId} already.`, {
    fields: { client_id: 'is in use' },
  });

export const clientUnknown = (clientId: string): AppError<ClientErrorCode> =>
  new AppError('client_unknown', 404, `There is no app with the client_id ${clientId}.`);

export const clientWithoutSecret = (clientId: string): AppError<ClientErrorCode> =>
  new AppError('client_without_secret', 400, `${clientId} does not use a secret, so there is none to rotate.`);

/** What zod found, by the name of the field. */
export function fieldProblems(error: z.ZodError): FieldErrors {
  const problems: [string, string][] = [];
  for (const issue of error.issues) {
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) problems.push([path === '' ? key : `${path}.${key}`, 'is not known']);
    } else problems.push([path, issue.message]);
  }
  return Object.fromEntries(problems);
}
