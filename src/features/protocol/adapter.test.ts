import { describe, expect, it } from 'vitest';
import { Adapter, type AdapterDependencies } from './adapter.ts';

describe('an adapter outside a request', () => {
  const adapter = new Adapter('AccessToken', {} as AdapterDependencies);

  it.each([
    ['saves', () => adapter.upsert('at_1', {})],
    ['consumes', () => adapter.consume('at_1')],
    ['destroys', () => adapter.destroy('at_1')],
    ['revokes', () => adapter.revokeByGrantId('g1')],
  ])('%s nothing, and says so: nobody would commit it', async (_, write) => {
    await expect(write()).rejects.toMatchObject({ code: 'store_unavailable', status: 503 });
  });
});
