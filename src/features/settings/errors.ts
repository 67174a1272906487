import type { z } from 'zod';
import { AppError, type FieldErrors } from '../../foundation/errors.ts';

export type SettingsErrorCode = 'settings_refused' | 'settings_invalid';

/** The change names unknown settings or values out of bounds. */
export const settingsRefused = (fields: FieldErrors): AppError<SettingsErrorCode> =>
  new AppError('settings_refused', 400, `These settings cannot be used: ${sentence(fields)}`, { fields });

/** What is stored is out of bounds: somebody wrote past Postern, or a newer version did. */
export const settingsInvalid = (fields: FieldErrors): AppError<SettingsErrorCode> =>
  new AppError('settings_invalid', 500, 'The stored settings cannot be used.', {
    cause: new Error(`settings: ${sentence(fields)}`),
  });

const sentence = (fields: FieldErrors): string =>
  Object.entries(fields)
    .map(([name, problem]) => `${name} ${problem}`)
    .join('; ');

/** What zod found, by the full name of the setting. */
export function settingProblems(error: z.ZodError): FieldErrors {
  const problems: [string, string][] = [];
  for (const issue of error.issues) {
    const name = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) problems.push([name === '' ? key : `${name}.${key}`, 'is not a setting']);
    } else problems.push([name, issue.message]);
  }
  return Object.fromEntries(problems);
}
