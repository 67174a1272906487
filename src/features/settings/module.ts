import type { Clock } from '../../foundation/clock.ts';
import type { Database } from '../../foundation/db/database.ts';
import { remember } from '../../foundation/remember.ts';
import type { Audit, By } from '../audit/module.ts';
import { createChangeSettings } from './change-settings.ts';
import { readSettings } from './read-settings.ts';
import { type Settings, settingsSchema } from './schema.ts';
import { createSettingsStore } from './store.ts';

export type { Settings, SettingsChanges } from './schema.ts';
export { longestTokenLifetime, settingsSchema } from './schema.ts';

/**
 * Settings owns what may change while Postern runs: names, types, bounds, defaults, and the rows that differ from
 * them. It does not own what a process needs to start (foundation/config), and nobody's behaviour: features read
 * `current()` whenever they act. A change moves the revision `settings`, upon which every process calls `reload`.
 */
export interface SettingsModule {
  /** What holds now, from memory. Before the first `reload` these are the defaults. */
  current(): Settings;
  /** Reads what is stored. Throws `settings_invalid` when a stored value is out of bounds; the former settings then stay. */
  reload(): Promise<void>;
  /**
   * Changes the given settings, audited. `changes` is nested and comes from outside: unknown names and values out of
   * bounds are refused with all errors at once (`settings_refused`, 400). Returns the full names that changed.
   */
  set(changes: unknown, by: By): Promise<string[]>;
  /** What `set` would change, without changing it. */
  preview(changes: unknown): string[];
  /** What would hold after `set`. Throws as that does. */
  planned(changes: unknown): Settings;
}

export function createSettings(parts: { database: Database; clock: Clock; audit: Audit }): SettingsModule {
  const store = createSettingsStore(parts);
  const settings = remember(settingsSchema.parse({}), async () => readSettings(await store.all()));
  const current = () => settings.current();
  const reload = async () => void (await settings.refresh());
  return { current, reload, ...createChangeSettings({ ...parts, store, current, reload }) };
}
