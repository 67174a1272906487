import { z } from 'zod';
import { newClientSchema, newResourceSchema } from '../../features/clients/module.ts';
import { newProviderSchema } from '../../features/federation/module.ts';
import { newMfaPolicySchema } from '../../features/mfa/module.ts';
import { newUserSchema } from '../../features/users/module.ts';
import { readPasswordHash } from '../../foundation/crypto/password-hash.ts';

const seedUserSchema = newUserSchema
  .safeExtend({
    password: z.string().optional(),
    password_hash: z
      .string()
      .refine((phc) => readPasswordHash(phc) !== undefined, 'must be an Argon2id hash in PHC form')
      .optional(),
    disabled: z.boolean().optional(),
  })
  .refine(({ password, password_hash: hash }) => password === undefined || hash === undefined, {
    path: ['password_hash'],
    message: 'and password cannot both be given',
  });

const seedClientSchema = newClientSchema
  .safeExtend({ disabled: z.boolean().optional() })
  // Without it a second run could not tell that this client is there already.
  .refine(({ client_id: clientId }) => clientId !== undefined, { path: ['client_id'], message: 'is missing' });

/** A seed file (`postern apply -f`). Settings are judged by the settings feature, which knows what they are combined with. */
export const seedSchema = z.strictObject({
  settings: z.record(z.string(), z.unknown()).default({}),
  users: z.array(seedUserSchema).default([]),
  resources: z.array(newResourceSchema).default([]),
  clients: z.array(seedClientSchema).default([]),
  providers: z.array(newProviderSchema).default([]),
  mfa_policies: z.array(newMfaPolicySchema).default([]),
});

export type Seed = z.output<typeof seedSchema>;
export type SeedUser = Seed['users'][number];
export type SeedResource = Seed['resources'][number];
export type SeedClient = Seed['clients'][number];
export type SeedProvider = Seed['providers'][number];
export type SeedMfaPolicy = Seed['mfa_policies'][number];
