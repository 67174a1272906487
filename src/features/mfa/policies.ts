import type { Database } from '../../foundation/db/database.ts';
import { bumpRevision } from '../../foundation/db/revision.ts';
import { remember } from '../../foundation/remember.ts';
import type { Audit, By } from '../audit/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import type { Role, User, Users } from '../users/module.ts';
import { type MfaPolicyLevel, mfaPolicyLevels, type NewMfaPolicy } from './policy-schema.ts';
import type { MfaPolicy, MfaPolicyStore } from './store.ts';

/**
 * How strictly people are held to a second factor, as this process knows it: by the setting `mfa.policy`, and by what is
 * said of their roles, of which the strictest counts. A change moves the revision `mfa_policies`.
 */
export interface MfaPolicies {
  /** What holds for somebody with these roles. From memory: it is asked for every token (hot). */
  forRoles(roles: readonly Role[]): MfaPolicyLevel;
  /** What holds for a person. Reads the account only where something is said of a role. */
  of(userId: string): Promise<MfaPolicyLevel>;
  /** What holds for those who are held to most. */
  strictest(): MfaPolicyLevel;
  /** What is stored beside the setting. */
  all(): readonly MfaPolicy[];
  reload(): Promise<void>;
  /** Stores what is said of a role or an organisation, audited. What became of it; undefined when it was said already. */
  upsert(policy: NewMfaPolicy, by: By): Promise<'created' | 'updated' | undefined>;
  /** What `upsert` would do, without doing it. */
  preview(policy: NewMfaPolicy): 'created' | 'updated' | undefined;
}

export const mfaPoliciesRevision = 'mfa_policies';

interface Parts {
  readonly database: Database;
  readonly audit: Audit;
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly users: Pick<Users, 'find'>;
  readonly store: MfaPolicyStore;
}

/** What is said of a role's people has effect; what is said of an organisation's waits until there are organisations. */
export const hasEffect = ({ kind }: Pick<MfaPolicy, 'kind'>): boolean => kind === 'role';

/** Whom it is about. */
const holderOf = ({ role, organisation }: NewMfaPolicy): Pick<MfaPolicy, 'kind' | 'name'> =>
  role === undefined ? { kind: 'organisation', name: organisation ?? '' } : { kind: 'role', name: role };

const stricter = (one: MfaPolicyLevel, other: MfaPolicyLevel): MfaPolicyLevel =>
  mfaPolicyLevels.indexOf(one) < mfaPolicyLevels.indexOf(other) ? other : one;

export function createMfaPolicies({ database, audit, settings, users, store }: Parts): MfaPolicies {
  const memory = remember<readonly MfaPolicy[]>([], () => store.all());
  const ofAll = () => settings.current().mfa.policy;
  const effective = () => memory.current().filter(hasEffect);
  const strictestOf = (policies: readonly MfaPolicy[]) =>
    policies.reduce<MfaPolicyLevel>((strictest, { policy }) => stricter(strictest, policy), ofAll());
  const forRoles = (roles: readonly Role[]) =>
    roles.length === 0 ? ofAll() : strictestOf(effective().filter(({ name }) => roles.some((role) => role === name)));
  const strictest = () => strictestOf(effective());
  const find = ({ kind, name }: Pick<MfaPolicy, 'kind' | 'name'>) =>
    memory.current().find((one) => one.kind === kind && one.name === name);
  const preview = (wanted: NewMfaPolicy) => {
    const known = find(holderOf(wanted));
    if (known === undefined) return 'created';
    return known.policy === wanted.policy ? undefined : 'updated';
  };
  return {
    forRoles,
    strictest,
    async of(userId) {
      if (strictest() === ofAll()) return ofAll();
      const user: User | undefined = await users.find(userId);
      return forRoles(user?.roles ?? []);
    },
    all: () => memory.current(),
    reload: async () => void (await memory.refresh()),
    preview,
    async upsert(wanted, by) {
      await memory.refresh();
      const change = preview(wanted);
      if (change === undefined) return undefined;
      const { kind, name } = holderOf(wanted);
      const details = { [kind]: name, from: find({ kind, name })?.policy, to: wanted.policy };
      await database.together(async (tx, also) => {
        await store.put(tx, { kind, name, policy: wanted.policy });
        also(audit.record({ type: 'mfa_policy.changed', outcome: 'success', actor: by.actor, details }, by.facts));
        also(bumpRevision(mfaPoliciesRevision));
      });
      await memory.refresh();
      return change;
    },
  };
}
