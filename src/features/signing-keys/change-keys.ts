import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import type { Operation } from '../../foundation/db/statement.ts';
import { AppError } from '../../foundation/errors.ts';
import type { Audit, AuditEventType, By } from '../audit/module.ts';
import { generateKey } from './generate-key.ts';
import type { Step } from './plan.ts';
import type { KeysAsRead, SigningKeyStore, StoredKey } from './store.ts';

export interface ChangeParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly keyRing: KeyRing;
  readonly store: SigningKeyStore;
}

/** What the keys are changed by, and on the strength of what. */
export interface Change {
  readonly read: KeysAsRead;
  readonly steps: readonly Step[];
  readonly by: By;
  /** The key that is removed because somebody else may have it. */
  readonly compromised?: string;
}

/** A step with the key that it needs, made beforehand. */
type ReadyStep = { readonly step: Step; readonly made: StoredKey | undefined };

/**
 * Takes the steps in one transaction with their audit events. False when another process changed the keys since they
 * were read: nothing was stored then, and whoever called looks again.
 */
export async function changeKeys(parts: ChangeParts, change: Change): Promise<boolean> {
  const now = parts.clock.now();
  const make = async (step: Step): Promise<ReadyStep> => {
    const made = step.kind === 'create' ? await generateKey(parts.keyRing, step.alg, step.state, now) : undefined;
    return { step, made };
  };
  const ready = await Promise.all(change.steps.map(make));
  try {
    await parts.database.together(async (tx, also) => {
      for (const each of ready) {
        await take(parts.store, tx, each, now);
        also(eventOf(parts.audit, each, change));
      }
      also(parts.store.unchangedSince(change.read));
    });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'store_conflict') return false;
    throw error;
  }
}

async function take(store: SigningKeyStore, tx: Transaction, { step, made }: ReadyStep, now: number): Promise<void> {
  switch (step.kind) {
    case 'create':
      if (made !== undefined) await store.insert(tx, made);
      return;
    case 'promote':
      if (step.current !== undefined) await store.retire(tx, { kid: step.current, alg: step.alg }, now);
      return store.activate(tx, step.next, now);
    case 'remove':
      return store.remove(tx, step.kid, now);
  }
}

function eventOf(audit: Audit, { step, made }: ReadyStep, { by, compromised }: Change): Operation {
  const record = (type: AuditEventType, details: Record<string, unknown>) =>
    audit.record({ type, outcome: 'success', actor: by.actor, details: { alg: step.alg, ...details } }, by.facts);
  switch (step.kind) {
    case 'create':
      return record('key.created', { kid: made?.kid, state: step.state });
    case 'promote':
      return record('key.rotated', { kid: step.next, former: step.current });
    case 'remove':
      return record(step.kid === compromised ? 'key.compromised' : 'key.removed', { kid: step.kid });
  }
}
