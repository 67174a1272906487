import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import type { Ids } from '../../foundation/ids.ts';
import type { Random } from '../../foundation/random.ts';
import type { Audit, By } from '../audit/module.ts';
import type { Devices } from '../devices/module.ts';
import type { Passkeys } from '../passkeys/module.ts';
import { currentUnit, type Interaction, type UnitOfWork } from '../protocol/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Throttle } from '../throttle/module.ts';
import type { PersonalData, Users } from '../users/module.ts';
import { createDisownFactors, type Disowned } from './disown-factors.ts';
import {
  createEnrol,
  createNewCodes,
  type Enrolment,
  type EnrolmentForm,
  type EnrolmentOutcome,
  type EnrolmentPlace,
} from './enrol.ts';
import type { Factors, Need } from './factor.ts';
import { createListFactors, factorsHeld } from './list-factors.ts';
import { needOf } from './need.ts';
import { type MfaPagesParts, mountMfa, showEnrolment, showSecondFactor } from './pages.ts';
import { mountPasskeySteps } from './passkey-pages.ts';
import { createMfaPolicies, type MfaPolicies } from './policies.ts';
import { createResetFactors } from './reset-factors.ts';
import { createMfaPolicyStore, createMfaStore, type MfaStore } from './store.ts';
import { type CodeAttempt, type CodeOutcome, createVerifyCode } from './verify-code.ts';

export { codeProblem } from './code-problem.ts';
export { drawQr } from './draw-qr.ts';
export type { Enrolment, EnrolmentOutcome, EnrolmentPlace } from './enrol.ts';
export type { Factors, Need } from './factor.ts';
export { hasEffect, type MfaPolicies, mfaPoliciesRevision } from './policies.ts';
export { newMfaPolicySchema } from './policy-schema.ts';
export type { MfaPolicy } from './store.ts';
export type { CodeOutcome } from './verify-code.ts';

/**
 * Mfa owns what people have beside their password: authenticator apps and recovery codes, the rule who needs them, and
 * the steps of a sign-in that ask for them. Passkeys count as factors, but are the passkeys room's; it does not count failures (throttle), decides no order of steps (sign-in)
 * and starts no session (protocol): it adds to what an interaction has proved and hands back to the dispatcher.
 */
export interface Mfa {
  /** Whether the person has a second factor. */
  has(userId: string): Promise<boolean>;
  /** What the person has to do beside the password; `asked` is whether the app asks for it (RFC 9470). */
  need(userId: string, asked: boolean): Promise<Need>;
  /** Who is held to a second factor how strictly. */
  readonly policies: MfaPolicies;
  factors(userId: string): Promise<Factors>;
  /** Checks a code; throttled with every other secret of the account. */
  verify(attempt: CodeAttempt): Promise<CodeOutcome>;
  readonly enrolment: {
    begin(place: EnrolmentPlace, account: string): Enrolment;
    again(place: EnrolmentPlace, sealed: string, account: string): Enrolment | undefined;
    confirm(place: EnrolmentPlace, form: EnrolmentForm): EnrolmentOutcome;
  };
  /** New recovery codes in place of the former ones, told this once. */
  newRecoveryCodes(userId: string): { readonly codes: readonly string[]; readonly operations: readonly Operation[] };
  /**
   * The operations that take the app away, or the passkey of this id, and the recovery codes with the last factor. The
   * first misses when another request was faster.
   */
  removal(userId: string, passkeyId?: string): Promise<readonly Operation[]>;
  /** Takes every factor away, by an operator, and commits `alongside` with it. False when there was none. */
  reset(userId: string, by: By, alongside?: readonly Operation[]): Promise<boolean>;
  /** Takes away what was added since a time (milliseconds), by somebody else perhaps. Commit the operations. */
  disown(userId: string, since: number): Promise<Disowned>;
  readonly personal: PersonalData;
}

export interface MfaParts {
  readonly config: { readonly issuer: string };
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly keyRing: KeyRing;
  readonly audit: Audit;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly throttle: Throttle;
  readonly users: Pick<Users, 'find'>;
  /** What a person said of browsers that may skip a factor ends when the factors change. */
  readonly devices: Pick<Devices, 'forgetAll'>;
  readonly passkeys: Passkeys;
}

export function createMfa(parts: MfaParts): Mfa {
  const { passkeys, devices } = parts;
  const store = forgetful(createMfaStore(parts), parts);
  const policies = createMfaPolicies({ ...parts, store: createMfaPolicyStore(parts) });
  const newCodes = createNewCodes({ ...parts, store });
  const has = oncePerUnit(async (userId) => (await store.has(userId)) || passkeys.has(userId));
  const factors = createListFactors(store, passkeys);
  return {
    has,
    async need(userId, asked) {
      const policy = await policies.of(userId);
      return needOf({ policy, asked, enrolled: policy !== 'off' && (await has(userId)) });
    },
    policies,
    factors,
    personal: {
      held: async ({ id }) => ({ second_factors: factorsHeld(await factors(id)) }),
      erase: ({ id }) => [
        { ...store.remove(id), mustHit: false },
        passkeys.removalOfAll(id),
        ...store.removeCodes(id).map((operation) => ({ ...operation, mustHit: false })),
      ],
    },
    verify: createVerifyCode({ ...parts, store }),
    enrolment: createEnrol({ ...parts, issuer: parts.config.issuer, store, newCodes }),
    newRecoveryCodes: newCodes,
    async removal(userId, passkeyId) {
      const [hasApp, keys] = await Promise.all([store.has(userId), passkeys.list(userId)]);
      const others = Number(hasApp) + keys.length - 1;
      const one = passkeyId === undefined ? store.remove(userId) : passkeys.removal(userId, passkeyId);
      const rest = [one, devices.forgetAll(userId)];
      return others > 0 ? rest : [...rest, ...store.removeCodes(userId)];
    },
    reset: createResetFactors({ ...parts, store }),
    disown: createDisownFactors({ ...parts, store }),
  };
}

/** Whatever factors are added, taken away or replaced: browsers that may skip them begin anew. */
function forgetful(store: MfaStore, { devices }: Pick<MfaParts, 'devices'>): MfaStore {
  return {
    ...store,
    replaceCodes: (userId, setId, codes) => [...store.replaceCodes(userId, setId, codes), devices.forgetAll(userId)],
    removeCodes: (userId) => [...store.removeCodes(userId), devices.forgetAll(userId)],
  };
}

/** The steps of a sign-in that ask for a factor, for sign-in's dispatcher. */
export interface MfaPages {
  readonly steps: {
    readonly 'second-factor': (ctx: Context, interaction: Interaction) => Promise<void>;
    readonly enrolment: (ctx: Context, interaction: Interaction) => Promise<void>;
  };
  mount(router: Router): void;
}

export function createMfaPages(parts: MfaPagesParts): MfaPages {
  return {
    steps: { 'second-factor': showSecondFactor(parts), enrolment: showEnrolment(parts) },
    mount(router) {
      mountMfa(router, parts);
      mountPasskeySteps(router, parts);
    },
  };
}

/** The step asks and then the engine does, of what is stored while they work on one request: it is read once. */
function oncePerUnit<T>(read: (userId: string) => Promise<T>): (userId: string) => Promise<T> {
  const known = new WeakMap<UnitOfWork, { readonly userId: string; readonly answer: Promise<T> }>();
  return (userId) => {
    const unit = currentUnit();
    const last = unit && known.get(unit);
    if (last?.userId === userId) return last.answer;
    const answer = read(userId);
    if (unit) known.set(unit, { userId, answer });
    return answer;
  };
}
