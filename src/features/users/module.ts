import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { Random } from '../../foundation/random.ts';
import type { Audit, By } from '../audit/module.ts';
import { createChangeEmail, type EmailChange } from './change-email.ts';
import { createCreateUser } from './create-user.ts';
import { createDisableUser } from './disable-user.ts';
import { createLinks } from './links.ts';
import { loginKey } from './login-key.ts';
import { accountHeld, type PersonalData } from './personal.ts';
import type { Claims, NewUser } from './schema.ts';
import { createLinkStore, createUserStore } from './store.ts';
import { createUpdateUser } from './update-user.ts';
import type { AccountEndings, Alongside, LinkPurpose, OneTimeLink, Role, User } from './user.ts';

export { loginKey } from './login-key.ts';
export { exportedTime, type PersonalData } from './personal.ts';
export { type ProfileForm, type ProfileProblems, profileFields, withProfile } from './profile.ts';
export type { Claims, NewUser } from './schema.ts';
export { newUserSchema } from './schema.ts';
export type { AccountEndings, Alongside, EndReason, LinkPurpose, OneTimeLink, Role, User } from './user.ts';
export { roles } from './user.ts';

/**
 * Users owns accounts, their roles and the links that work once. It does not own how a person proves to be one
 * (passwords, mfa), nor what they hold: whoever disables an account passes in the endings that protocol knows.
 * Every look-up by e-mail or username goes through `findByLogin`. Every change is audited in its own transaction.
 */
export interface Users {
  /** One account by id (hot). */
  find(id: string): Promise<User | undefined>;
  /** One account by e-mail address or username, both compared after trim, NFC and lower case. */
  findByLogin(login: string): Promise<User | undefined>;
  /** Accounts in the order of their creation; `after` is the last id of the former page. */
  list(page: { limit: number; after?: string | undefined }): Promise<User[]>;
  /** Whether anybody was ever made an administrator, disabled or not. */
  hasAdministrator(): Promise<boolean>;
  /**
   * Creates an account with its roles. What `alongside` gives for its id commits with it, and refuses it when an
   * operation that must hit does not (a link used twice): `store_conflict`. Making an administrator voids every open
   * set-up link. Throws `user_refused` (400, fields), `user_email_taken`, `user_username_taken` (409).
   */
  create(user: NewUser, by: By, alongside?: Alongside): Promise<User>;
  /**
   * Brings an account to the given state; roles are added, never taken. Commits `alongside` with it, even when nothing
   * else differs. Returns the names of what changed. Throws as `create`, and `user_unknown` (404).
   */
  update(id: string, user: NewUser, by: By, alongside?: Alongside): Promise<string[]>;
  /**
   * Makes an address the account's that was shown to be the person's. Throws `user_email_taken` (409), and
   * `store_conflict` when the address is not what it must be, or an operation of `alongside` that must hit does not.
   */
  changeEmail(id: string, change: EmailChange, by: By, alongside: Alongside): Promise<void>;
  /** The operation that gives an account other claims. It must hit: it misses when they are not `user.claims` any more. */
  changeClaims(user: User, claims: Claims): Operation;
  /** What `update` would change, without changing it. */
  preview(id: string, user: NewUser): Promise<string[]>;
  /** Ends everything the person holds and refuses them from now on. False when it was so already. */
  disable(id: string, by: By, endings: AccountEndings): Promise<boolean>;
  /** Lets a disabled person sign in again; what was ended stays ended. False when it was so already. */
  enable(id: string, by: By, endings: AccountEndings): Promise<boolean>;
  /** The same as operations of a larger change. The first must hit: it misses when the account is not disabled any more. */
  enabling(id: string, by: By): Operation[];
  /** Ends everything the person holds; they may sign in again. */
  signOut(id: string, by: By, endings: AccountEndings): Promise<void>;
  /** Gives a role. False when the person had it already. */
  assignRole(id: string, role: Role, by: By, alongside?: Alongside): Promise<boolean>;
  /** Whether this person alone can administer this server. */
  isLastAdministrator(id: string): Promise<boolean>;
  /** Operations that fail a change unless somebody else can administer this server, for who leaves. */
  guardLastAdministrator(user: User): Operation[];
  /** The operation that fails a change unless the account is disabled. */
  guardDisabled(id: string): Operation;
  /** The operation that has changes of one account wait for each other: before others of the transaction. */
  hold(id: string): Operation;
  readonly links: Links;
  readonly personal: PersonalData;
}

/** Links that work once. Only the SHA-256 of their secret is kept. */
export interface Links {
  /** Makes one and voids former ones of the purpose (and subject, when given). The secret is told this once. */
  create(
    purpose: LinkPurpose,
    options: { ttlSeconds: number; subject?: string | undefined },
    by: By,
  ): Promise<{ secret: string; expiresAt: number }>;
  /** The same as operations, to be committed with what tells of the link. Former ones keep working. */
  prepare(
    purpose: LinkPurpose,
    options: { ttlSeconds: number; subject?: string | undefined },
    by: By,
  ): { secret: string; expiresAt: number; operations: readonly Operation[] };
  /** How many links of the purpose somebody has that still work. */
  countOpen(purpose: LinkPurpose, subject: string): Promise<number>;
  /** When the oldest of them was made, in milliseconds. */
  oldestOpen(purpose: LinkPurpose, subject: string): Promise<number | undefined>;
  /** The operation that voids all links of the purpose that somebody still has. */
  voidOpen(purpose: LinkPurpose, subject: string): Operation;
  /** The operation that removes a batch of links that expired before the given time (milliseconds). */
  sweep(before: number): Operation;
  /** The link, while it works. */
  peek(purpose: LinkPurpose, secret: string): Promise<OneTimeLink | undefined>;
  /** The operation that uses it. It must hit: of any number of racers one wins, the others' units are lost. */
  use(purpose: LinkPurpose, secret: string): Operation;
}

const isAdministrator = ({ roles }: User): boolean => roles.includes('super-admin');

/** So many of the newest events an export holds: they are all that search gives at once. */
const mostEvents = 10_000;

export function createUsers(parts: {
  database: Database;
  clock: Clock;
  ids: Ids;
  random: Random;
  audit: Audit;
}): Users {
  const store = createUserStore(parts);
  const linkStore = createLinkStore(parts);
  const within = { ...parts, store, linkStore };
  return {
    find: (id) => store.find(id),
    async findByLogin(login) {
      const key = loginKey(login);
      return key === undefined ? undefined : store.findByKey(key);
    },
    list: (page) => store.list(page),
    hasAdministrator: () => store.hasAdministrator(),
    ...createCreateUser(within),
    ...createUpdateUser(within),
    ...createChangeEmail(within),
    changeClaims: (user, claims) => store.changeClaims(user, claims),
    ...createDisableUser(within),
    links: createLinks(within),
    async isLastAdministrator(id) {
      const user = await store.find(id);
      return user !== undefined && isAdministrator(user) && !(await store.hasOtherAdministrator(id));
    },
    guardLastAdministrator: (user) => (isAdministrator(user) ? [store.holdOtherAdministrator(user.id)] : []),
    guardDisabled: (id) => store.holdDisabled(id),
    hold: (id) => store.hold(id),
    personal: {
      held: async (user) => ({
        ...accountHeld(user),
        events: await parts.audit.about(user.id, { limit: mostEvents }),
      }),
      erase: (user) => store.erase(user),
    },
  };
}
