import type { Operation } from '../../foundation/db/statement.ts';
import type { Claims } from './schema.ts';

/** What a person may do beyond signing in. */
export const roles = ['super-admin'] as const;
export type Role = (typeof roles)[number];

/** A person's account. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly username?: string;
  /** Standard OpenID Connect claims (Core §5.1), without sub, email, email_verified and updated_at. */
  readonly claims: Claims;
  /** Milliseconds since the epoch; absent while the account may be used. */
  readonly disabledAt?: number;
  readonly roles: readonly Role[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Gives the operations that end what a person still holds (sessions, grants, tokens), with their audit and notices. */
export type AccountEndings = (accountId: string, reason: EndReason) => Promise<readonly Operation[]>;

/** Why all that a person holds ends at once. */
export type EndReason = 'everywhere' | 'operator' | 'disabled' | 'password' | 'address' | 'disowned' | 'deleted';

/** Gives operations that belong to the same change, for the account id that it is about to get: its password, a used link. */
export type Alongside = (accountId: string) => Promise<readonly Operation[]>;

/** For what a link that works once was made. */
export type LinkPurpose = 'set-up' | 'reset' | 'invite' | 'unlock' | 'undelete' | 'not-me';

/** A link that works once, as long as it does. */
export interface OneTimeLink {
  readonly purpose: LinkPurpose;
  /** Whom it is for: an e-mail address when it sets up or invites, otherwise a person's id; nobody in particular without it. */
  readonly subject?: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}
