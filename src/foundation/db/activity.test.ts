import { describe, expect, it } from 'vitest';
import { countActivity } from './activity.ts';
import type { Database } from './database.ts';
import { statement } from './statement.ts';

const select = statement('select', 'SELECT 1');
const operation = { statement: select, params: [], mustHit: false };

function fake(): Omit<Database, 'activity'> {
  return {
    engine: 'sqlite',
    durability: { kept: true, note: '' },
    prisma: {} as Database['prisma'],
    get: async () => undefined,
    all: async () => [],
    commit: async () => ({ committed: true }),
    together: async (work) => work({} as never, () => undefined),
    ping: async () => undefined,
    close: async () => undefined,
  };
}

describe('the activity of a database', () => {
  it('counts reads, units with their operations, and transactions', async () => {
    const database = countActivity(fake());
    await database.get(select, []);
    await database.all(select, []);
    await database.commit({ operations: [operation, operation], fallback: [operation] });
    await database.together(async () => undefined);
    expect(database.activity()).toEqual({ statements: 4, units: 1, commits: 2 });
  });

  it('takes the commits of an engine that commits several units at once', async () => {
    const database = countActivity(fake(), () => 1);
    await database.commit({ operations: [operation], fallback: [] });
    await database.commit({ operations: [operation], fallback: [] });
    expect(database.activity()).toEqual({ statements: 2, units: 2, commits: 1 });
  });
});
