import { z } from 'zod';
import { longestTokenLifetime } from '../settings/module.ts';
import { roles } from '../users/module.ts';

/** Whom a client is for; for everybody without both. People by verified address, or by id. */
export const allowedPeople = {
  allowed_users: z.array(z.string().trim().min(1).max(254)).max(1000).optional(),
  allowed_roles: z.array(z.enum(roles)).max(20).optional(),
};

const day = 86_400;
const seconds = (longest: number) => z.int().min(1).max(longest).optional();

/** How long what a client is given is good for, in seconds, instead of what the settings say. */
export const lifetimeFields = {
  access_token_ttl: seconds(longestTokenLifetime),
  id_token_ttl: seconds(longestTokenLifetime),
  refresh_token_idle_ttl: seconds(365 * day),
  refresh_token_absolute_ttl: seconds(730 * day),
};

interface Asked {
  readonly refresh_token_idle_ttl?: number | undefined;
  readonly refresh_token_absolute_ttl?: number | undefined;
}

/** What does not go together. */
export const lifetimeProblems = ({
  refresh_token_idle_ttl: idle = 0,
  refresh_token_absolute_ttl: absolute = Number.POSITIVE_INFINITY,
}: Asked): [keyof Asked, string][] =>
  idle > absolute ? [['refresh_token_idle_ttl', 'must not be longer than refresh_token_absolute_ttl']] : [];
