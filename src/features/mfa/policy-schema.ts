import { z } from 'zod';
import { roles } from '../users/module.ts';

/** How strictly somebody is held to a second factor, the mildest first. */
export const mfaPolicyLevels = ['off', 'optional', 'required'] as const;
export type MfaPolicyLevel = (typeof mfaPolicyLevels)[number];

/**
 * What an operator says of the second factors of a role's or an organisation's people. Roles are those that there are: a
 * slip of the pen would leave people without the protection that was meant for them.
 */
export const newMfaPolicySchema = z
  .strictObject({
    role: z.enum(roles).optional(),
    organisation: z
      .string()
      .max(63)
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower case letters, digits and hyphens')
      .optional(),
    policy: z.enum(mfaPolicyLevels),
  })
  .refine(({ role, organisation }) => (role === undefined) !== (organisation === undefined), {
    message: 'needs either role or organisation',
  });

export type NewMfaPolicy = z.output<typeof newMfaPolicySchema>;
