import { describe, expect, it } from 'vitest';
import { Adapter, type AdapterDependencies } from './adapter.ts';
import { runInUnit, UnitOfWork } from './unit.ts';

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

describe('an interaction that is answered and taken up in one request', () => {
  it('ends once, and its answer is seen and not stored', async () => {
    const codec = { keyOf: (kind: string, id: string) => `${kind}:${id}`, encode: () => 'sealed' };
    const jwtTokens = { deny: () => false };
    const dependencies = { codec, jwtTokens, clock: { now: () => 5 } } as unknown as AdapterDependencies;
    const adapter = new Adapter('Interaction', dependencies);
    const unit = new UnitOfWork(0);
    await runInUnit(unit, async () => {
      await adapter.upsert('i1', { result: { login: {} } });
      expect(await adapter.find('i1')).toEqual({ jti: 'i1', result: { login: {} } });
      await adapter.destroy('i1');
    });
    const stored = unit.ordered().map(({ statement, params }) => [statement.name, params]);
    expect(stored).toEqual([['take-artifact', ['Interaction:i1', 5]]]);
  });
});
