import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import type { PasswordHash } from '../../foundation/crypto/password-hash.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { StrengthMeter } from '../../foundation/views/pages.ts';
import type { Audit, By } from '../audit/module.ts';
import type { Interaction } from '../protocol/module.ts';
import type { Settings, SettingsModule } from '../settings/module.ts';
import type { Throttle, TryPlace } from '../throttle/module.ts';
import { exportedTime, type PersonalData } from '../users/module.ts';
import { breachedFile } from './breached.ts';
import { createCheckPassword } from './check-password.ts';
import { createJudge, type JudgeParts } from './judge.ts';
import { wordsOf } from './own-words.ts';
import { mountPasswords, type PasswordPagesParts, showNewPassword } from './pages.ts';
import type { PasswordProblem, Person } from './policy.ts';
import { createProvePassword, type PasswordProof } from './prove-password.ts';
import { createSetPassword, type NewHash } from './set-password.ts';
import { createPasswordStore } from './store.ts';

export { type BuildBreached, buildBreached } from './build-breached.ts';
export { refusedPassword } from './errors.ts';
export { owesNewPassword } from './pages.ts';
export { departures, type PasswordProblemKind, type Person, shortestPassword } from './policy.ts';
export type { PasswordProof } from './prove-password.ts';
export { createReplaceOwn, type ReplaceOwn } from './replace-own.ts';

/**
 * Passwords owns the Argon2id hashes of people's passwords and the policy for new ones. It does not count failures
 * (throttle), does not know who is who (users), and starts no session. It hands operations to the use case whose
 * change they belong to, because hashing must never happen inside a transaction.
 */
export interface Passwords {
  /**
   * Whether the password is right. Takes the same work when `userId` is undefined or has no password, so that time
   * tells nobody which accounts exist. `upgrade`, when present, stores the hash under today's parameters: commit it with
   * the sign-in. Throws what the hash throws when it sheds load (503 with `retryAfter`).
   */
  check(userId: string | undefined, password: string): Promise<{ ok: boolean; upgrade?: Operation }>;
  /**
   * Asks a person who is known already for their password once more. A wrong one counts as it does at the sign-in,
   * with where it came from. Throws as `check`.
   */
  prove(userId: string, password: string, at: TryPlace): Promise<PasswordProof>;
  /**
   * Why this may not become the person's password; undefined when it may. `planned` are settings that are about to
   * change; otherwise today's hold.
   */
  problem(password: string, person: Person, planned?: Settings): Promise<PasswordProblem | undefined>;
  /**
   * The operations that make this the person's password, audited. Throws `password_refused` (400, fields.password)
   * when the policy forbids it. Hashing takes its time: call it before the transaction.
   */
  set(userId: string, password: string, person: Person, by: By): Promise<Operation[]>;
  /**
   * The hash of a password that somebody chooses before there is an account for it; give it to `fromHash` once there is.
   * What could not be asked about it is for the audit. Throws as `set`.
   */
  hashOf(password: string, person: Person): Promise<NewHash>;
  /** Whether a password belongs to such a hash. Throws what the hash throws when it sheds load (503 with `retryAfter`). */
  matches(phc: string, password: string): Promise<boolean>;
  /** The same for a hash made elsewhere: an Argon2id PHC string. Throws `password_hash_refused` (400, fields.password_hash). */
  fromHash(userId: string, phc: string, by: By): Operation[];
  /**
   * The operations after which nobody has the account by its password: somebody else knows it. The person sets another
   * one by a link. To be committed in this order.
   */
  takeAway(userId: string): Operation[];
  /** What a page's strength meter goes by for a new password of this person, as the judge does. */
  meter(person: Person): StrengthMeter;
  /** The file of breached passwords that the settings name; undefined where they name none. Throws `breached_file`. */
  breachedFile(): Promise<{ path: string; entries: number } | undefined>;
  /** Whether the person's password is older than the settings allow. */
  isDue(userId: string): Promise<boolean>;
  /** Whether the person has a password. */
  has(userId: string): Promise<boolean>;
  /** The operation that fails a change unless the person has a password. */
  hold(userId: string): Operation;
  readonly personal: PersonalData;
}

export interface PasswordsParts extends JudgeParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly passwordHash: PasswordHash;
  readonly throttle: Throttle;
}

export function createPasswords(parts: PasswordsParts): Passwords {
  const store = createPasswordStore(parts);
  const checking = createCheckPassword({ ...parts, store });
  const judge = createJudge(parts);
  return {
    problem: async (password, person, planned) => (await judge(password, person, planned)).problem,
    meter: (person) => ({
      least: parts.settings.current().password.minScore,
      words: wordsOf(person, new URL(parts.config.issuer).hostname),
    }),
    breachedFile: () => breachedFile(parts.config, parts.settings.current()),
    async isDue(userId) {
      const { maxAge } = parts.settings.current().password;
      const since = maxAge === 0 ? undefined : await store.changedAt(userId);
      return since !== undefined && since + maxAge * 1000 <= parts.clock.now();
    },
    has: async (userId) => (await store.find(userId)) !== undefined,
    hold: (userId) => store.hold(userId),
    personal: {
      held: async ({ id }) => ({ password: { set_at: exportedTime(await store.changedAt(id)) } }),
      erase: ({ id }) => store.erase(id),
    },
    ...checking,
    prove: createProvePassword({ ...parts, ...checking }),
    ...createSetPassword({ ...parts, store, judge }),
  };
}

/** The step of a sign-in in which a password that is too old gives way to a new one. */
export interface PasswordPages {
  readonly steps: { readonly 'new-password': (ctx: Context, interaction: Interaction) => Promise<void> };
  /** Adds what it posts. */
  mount(router: Router): void;
}

export function createPasswordPages(parts: PasswordPagesParts): PasswordPages {
  return {
    steps: { 'new-password': showNewPassword(parts) },
    mount: (router) => mountPasswords(router, parts),
  };
}
