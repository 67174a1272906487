import { z } from 'zod';
import { roles } from './user.ts';

const text = z.string().min(1).max(1000);
const url = z.url({ protocol: /^https?$/ }).max(2000);

/** The standard claims a person's account may carry (OpenID Connect Core §5.1). */
export const claimsSchema = z.strictObject({
  name: text.optional(),
  given_name: text.optional(),
  family_name: text.optional(),
  middle_name: text.optional(),
  nickname: text.optional(),
  preferred_username: text.optional(),
  profile: url.optional(),
  picture: url.optional(),
  website: url.optional(),
  gender: text.optional(),
  birthdate: z
    .string()
    .regex(/^\d{4}(-\d{2}-\d{2})?$/, 'must be YYYY-MM-DD or YYYY')
    .optional(),
  zoneinfo: text.optional(),
  locale: text.optional(),
  phone_number: text.optional(),
  phone_number_verified: z.boolean().optional(),
  address: z
    .strictObject({
      formatted: text.optional(),
      street_address: text.optional(),
      locality: text.optional(),
      region: text.optional(),
      postal_code: text.optional(),
      country: text.optional(),
    })
    .optional(),
});

export type Claims = z.output<typeof claimsSchema>;

/** The longest JSON text of a person's claims, in bytes: they go into tokens and answers. */
export const claimsLimit = 8192;

/** An account as an operator or the set-up page asks for it. */
export const newUserSchema = z.strictObject({
  email: z
    .string()
    .trim()
    .max(254)
    .regex(/^[^\s@\p{C}]+@[^\s@\p{C}]+$/u, 'must be an e-mail address'),
  email_verified: z.boolean().default(false),
  username: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^[^\s@\p{C}]+$/u, 'must not contain spaces or @')
    .optional(),
  claims: claimsSchema
    .default({})
    .refine(
      (claims) => Buffer.byteLength(JSON.stringify(claims)) <= claimsLimit,
      `must be at most ${claimsLimit} bytes of JSON`,
    ),
  roles: z.array(z.enum(roles)).default([]),
});

export type NewUser = z.input<typeof newUserSchema>;
