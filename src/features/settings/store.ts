import type { Clock } from '../../foundation/clock.ts';
import type { Database, Transaction } from '../../foundation/db/database.ts';
import { statement } from '../../foundation/db/statement.ts';
import type { NamedSetting } from './read-settings.ts';

const findAll = statement('settings_all', 'SELECT name, value FROM settings');

export interface SettingsStore {
  all(): Promise<NamedSetting[]>;
  put(tx: Transaction, setting: NamedSetting): Promise<void>;
}

export function createSettingsStore({ database, clock }: { database: Database; clock: Clock }): SettingsStore {
  return {
    async all() {
      const rows = await database.all<{ name: string; value: string }>(findAll, []);
      return rows.map(({ name, value }) => ({ name, value: JSON.parse(value) as unknown }));
    },
    async put(tx, setting) {
      const stored = { value: JSON.stringify(setting.value), updatedAt: BigInt(clock.now()) };
      await tx.setting.upsert({
        where: { name: setting.name },
        create: { name: setting.name, ...stored },
        update: stored,
      });
    },
  };
}
