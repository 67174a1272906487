import { expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import type { Database } from '../../src/foundation/db/database.ts';
import { startProduct } from '../kit/product.ts';

it('a change that is made while a server starts holds in it', async () => {
  const first = await startProduct();
  let changed = false;
  /** Changes a setting in the moment before the starting server begins to watch: it has read the settings by then. */
  const wrap = (database: Database): Database => ({
    ...database,
    async all(statement, params) {
      if (statement.name === 'revision.all' && !changed) {
        changed = true;
        await first.app.core.settings.set({ refresh: { graceSeconds: 33 } }, byOperator);
      }
      return database.all(statement, params);
    },
  });
  const second = await startProduct({ ...first.node, wrap });
  expect(changed).toBe(true);
  expect(second.app.core.settings.current().refresh.graceSeconds).toBe(33);
  await second.stop();
  await first.stop();
});
