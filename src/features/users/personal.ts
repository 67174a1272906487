import type { Operation } from '../../foundation/db/statement.ts';
import type { User } from './user.ts';

/** What a room holds on people. Every room with rows of theirs has one, so that nothing is left out or left behind. */
export interface PersonalData {
  /** What is held on a person, by what it is called in their export. Never a secret, nor the hash of one. */
  held(user: User): Promise<Readonly<Record<string, unknown>>>;
  /** The operations that remove its rows of a person. They never miss: a room may hold nothing. */
  erase(user: User): readonly Operation[] | Promise<readonly Operation[]>;
}

/** A time of the store as exports show it: ISO 8601, UTC. */
export const exportedTime = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString();

/** What an account itself holds. */
export const accountHeld = (user: User): Readonly<Record<string, unknown>> => ({
  account: {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    username: user.username,
    claims: user.claims,
    roles: user.roles,
    created_at: exportedTime(user.createdAt),
    updated_at: exportedTime(user.updatedAt),
  },
});
