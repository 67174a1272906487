import { isDeepStrictEqual } from 'node:util';
import type { Database } from '../../foundation/db/database.ts';
import { bumpRevision } from '../../foundation/db/revision.ts';
import type { Audit, By } from '../audit/module.ts';
import { settingProblems, settingsRefused } from './errors.ts';
import { flatten, merge, type NamedSetting } from './read-settings.ts';
import { type Settings, settingsSchema } from './schema.ts';
import type { SettingsStore } from './store.ts';

interface Parts {
  readonly database: Database;
  readonly audit: Audit;
  readonly store: SettingsStore;
  readonly current: () => Settings;
  readonly reload: () => Promise<void>;
}

interface Change extends NamedSetting {
  readonly from: unknown;
}

export function createChangeSettings({ database, audit, store, current, reload }: Parts) {
  /** What would hold. Throws `settings_refused` with every problem at once. */
  function planned(changes: unknown): Settings {
    const result = settingsSchema.safeParse(merge(current(), changes));
    if (!result.success) throw settingsRefused(settingProblems(result.error));
    return result.data;
  }

  /** What differs from now. */
  function changesOf(changes: unknown): Change[] {
    const after = planned(changes);
    const before = new Map(flatten(current()).map(({ name, value }) => [name, value]));
    return flatten(after)
      .filter(({ name, value }) => !isDeepStrictEqual(before.get(name), value))
      .map(({ name, value }) => ({ name, value, from: before.get(name) }));
  }

  return {
    planned,
    preview: (changes: unknown): string[] => changesOf(changes).map(({ name }) => name),
    async set(changes: unknown, by: By): Promise<string[]> {
      await reload();
      const list = changesOf(changes);
      if (list.length === 0) return [];
      await database.together(async (tx, also) => {
        for (const change of list) await store.put(tx, change);
        const changed = Object.fromEntries(list.map(({ name, from, value }) => [name, { from, to: value }]));
        also(
          audit.record(
            { type: 'settings.changed', outcome: 'success', actor: by.actor, details: { changed } },
            by.facts,
          ),
        );
        also(bumpRevision('settings'));
      });
      await reload();
      return list.map(({ name }) => name);
    },
  };
}
