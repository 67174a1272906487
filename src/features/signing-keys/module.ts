import type { Clock } from '../../foundation/clock.ts';
import type { KeyRing } from '../../foundation/crypto/key-ring.ts';
import type { Database } from '../../foundation/db/database.ts';
import type { Audit, By } from '../audit/module.ts';
import type { SettingsModule } from '../settings/module.ts';
import { createCompromise } from './compromise.ts';
import type { CompromiseReport, KeySet, RotationReport, SigningKey } from './key.ts';
import { createKeyMemory } from './memory.ts';
import { createRotate } from './rotate.ts';
import { createSigningKeyStore } from './store.ts';

export type { ActiveKey, Algorithm, CompromiseReport, KeySet, KeyState, RotationReport, SigningKey } from './key.ts';
export { isForEncryption } from './key.ts';

/**
 * Signing keys owns the keys that sign tokens, and those that apps encrypt their requests to: making them, sealing their private halves, and their way from next over
 * current to retired, so that a relying party which caches our keys never meets a signature it cannot check. It does
 * not sign: the engine does. A change moves the revision `keys`, upon which every process calls `reload`.
 */
export interface SigningKeys {
  /** What signs and what is published, from memory. */
  current(): KeySet;
  /** All keys that are published, from memory. */
  list(): readonly SigningKey[];
  /** Reads the keys from the database. Throws `signing_key_unreadable` (500) when the key ring cannot open one. */
  reload(): Promise<void>;
  /** At start, and when clients or APIs changed: makes what is missing, once however many processes start together, and loads it. */
  ensure(): Promise<void>;
  /** What is due by the schedule: publishing, taking over, removal. Cheap when nothing is. True when something changed. */
  rotateDue(): Promise<boolean>;
  /** Lets the next keys take over, publishing them first; those not published for long enough yet take over when they are. */
  rotate(by: By): Promise<RotationReport>;
  /** Removes a key at once and replaces it. Throws `signing_key_unknown` (404). */
  compromise(kid: string, by: By): Promise<CompromiseReport>;
}

export function createSigningKeys(parts: {
  database: Database;
  clock: Clock;
  audit: Audit;
  keyRing: KeyRing;
  settings: Pick<SettingsModule, 'current'>;
  /** Algorithms that clients or APIs ask for, as they are now. */
  needed: () => ReadonlySet<string>;
}): SigningKeys {
  const store = createSigningKeyStore(parts);
  const memory = createKeyMemory({ ...parts, store });
  const within = { ...parts, store, memory };
  return { ...memory, ...createRotate(within), ...createCompromise(within) };
}
