import { AppError } from '../../foundation/errors.ts';
import type { By } from '../audit/module.ts';
import { longestTokenLifetime, type SettingsModule } from '../settings/module.ts';
import { type ChangeParts, changeKeys } from './change-keys.ts';
import { algorithms, type RotationReport, type SigningKey } from './key.ts';
import type { KeyMemory } from './memory.ts';
import { keyOf, mayPromoteAt, missing, plan, type Schedule, type Step } from './plan.ts';
import type { KeysAsRead } from './store.ts';

export interface RotateParts extends ChangeParts {
  readonly settings: Pick<SettingsModule, 'current'>;
  readonly memory: KeyMemory;
  /** Algorithms that clients or APIs ask for, as they are now. */
  readonly needed: () => ReadonlySet<string>;
}

const bySchedule: By = { actor: { kind: 'system', name: 'schedule' }, facts: {} };
/** Publishing, taking over and removal follow one another at once when the settings are that short. */
const roundsAtMost = 8;

export function createRotate(parts: RotateParts) {
  const { clock, settings, memory, needed } = parts;

  const schedule = (): Schedule => {
    const { keys, lifetimes } = settings.current();
    const { rotateEvery, publishAhead } = keys;
    return {
      rotateEvery: rotateEvery * 1000,
      publishAhead: publishAhead * 1000,
      // An ID token outlives its expiry as the hint of a logout (OpenID Connect RP-Initiated Logout §4).
      keepRetired: Math.max(longestTokenLifetime, lifetimes.sessionAbsolute) * 1000,
    };
  };

  /** Takes what `decide` finds due until it finds nothing, looking again after each change, ours or another process's. */
  async function settle(decide: (read: KeysAsRead) => Step[], by: By): Promise<boolean> {
    let changed = false;
    for (let round = 0; round < roundsAtMost; round++) {
      const read = await memory.refresh();
      const steps = decide(read);
      if (steps.length === 0) return changed;
      await changeKeys(parts, { read, steps, by });
      changed = true;
    }
    throw new AppError(
      'store_conflict',
      409,
      'The signing keys are being changed by several processes. Repeat in a moment.',
    );
  }

  const due = ({ keys }: { keys: readonly SigningKey[] }): Step[] =>
    plan(keys, { schedule: schedule(), needed: needed() }, clock.now());

  return {
    ensure: async (): Promise<void> => void (await settle(due, bySchedule)),

    async rotateDue(): Promise<boolean> {
      if (due({ keys: memory.list() }).length === 0) return false;
      return settle(due, bySchedule);
    },

    async rotate(by: By): Promise<RotationReport> {
      await memory.refresh();
      if (missing(memory.list(), needed()).length > 0) await settle(due, bySchedule);
      const before = memory.list();
      await settle(({ keys }) => demanded(keys, before, schedule(), clock.now()), by);
      return reportOf(before, memory.list(), schedule());
    },
  };
}

/** What a command asks for beyond the schedule: a successor for every key that signed when it was given, and its turn. */
function demanded(keys: readonly SigningKey[], before: readonly SigningKey[], schedule: Schedule, now: number): Step[] {
  const asked = algorithms.filter((alg) => {
    const current = keyOf(keys, alg, 'current');
    return current !== undefined && current.kid === keyOf(before, alg, 'current')?.kid;
  });
  return asked.flatMap((alg): Step[] => {
    const next = keyOf(keys, alg, 'next');
    if (next === undefined) return [{ kind: 'create', alg, state: 'next' }];
    if (now < mayPromoteAt(next, schedule)) return [];
    return [{ kind: 'promote', alg, next: next.kid, current: keyOf(keys, alg, 'current')?.kid }];
  });
}

function reportOf(before: readonly SigningKey[], after: readonly SigningKey[], schedule: Schedule): RotationReport {
  const rotated = algorithms.flatMap((alg) => {
    const from = keyOf(before, alg, 'current')?.kid;
    const to = keyOf(after, alg, 'current')?.kid;
    return from === undefined || to === undefined || from === to ? [] : [{ alg, from, to }];
  });
  const waiting = algorithms.flatMap((alg) => {
    const next = keyOf(after, alg, 'next');
    return next === undefined ? [] : [{ alg, kid: next.kid, at: mayPromoteAt(next, schedule) }];
  });
  return { rotated, waiting };
}
