import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statement } from '../../foundation/db/statement.ts';
import { losses } from './losses.ts';
import { currentUnit, type Entry, operationOf, type Rank, ranks, runInUnit, UnitOfWork } from './unit.ts';

const statements = ['one', 'two', 'three'].map((name) => statement(name, `UPDATE ${name}`));
const one = statements[0] as Entry['statement'];
const entries = fc.array(
  fc.record({
    rank: fc.constantFrom(...(Object.keys(ranks) as Rank[])),
    key: fc.constantFrom('a', 'b', 'c', 'ä', ''),
    statement: fc.constantFrom(...statements),
    params: fc.array(fc.integer(), { maxLength: 2 }),
    issues: fc.boolean(),
  }),
  { maxLength: 30 },
);
const unitOf = (added: readonly Entry[]): UnitOfWork => {
  const unit = new UnitOfWork(0);
  for (const entry of added) unit.add(entry);
  return unit;
};

describe('a unit of work', () => {
  it('gives its entries in lock order, by rank and then by key, whatever the order they came in', () => {
    fc.assert(
      fc.property(entries, (added) => {
        const places = unitOf(added)
          .ordered()
          .map(({ rank, key }) => [ranks[rank], key] as const);
        for (const [index, [rank, key]] of places.entries()) {
          const [before, keyBefore] = places[index - 1] ?? [-1, ''];
          expect(before < rank || (before === rank && keyBefore <= key)).toBe(true);
        }
      }),
    );
  });

  it('keeps the last entry for each statement and row, and every such pair once', () => {
    fc.assert(
      fc.property(entries, (added) => {
        const last = new Map(added.map((entry) => [`${entry.statement.name} ${entry.key}`, entry]));
        expect(new Set(unitOf(added).ordered())).toEqual(new Set(last.values()));
      }),
    );
  });

  it('gives up exactly what hands out something new', () => {
    fc.assert(
      fc.property(entries, (added) => {
        const unit = unitOf(added);
        const kept = unit.ordered().filter(({ issues }) => !issues);
        unit.dropIssued();
        expect(unit.ordered()).toEqual(kept);
      }),
    );
  });

  it('knows what it holds', () => {
    const unit = unitOf([{ rank: 'row', key: 'a', statement: one, params: [] }]);
    expect([unit.has(one, 'a'), unit.has(one, 'b'), unit.wrote(one)]).toEqual([true, false, true]);
    unit.drop(one, 'a');
    expect([unit.has(one, 'a'), unit.wrote(one), unit.ordered().length]).toEqual([false, false, 0]);
  });

  it('takes operations of other rooms along, which may miss unless a loss is named', () => {
    const unit = new UnitOfWork(0);
    unit.join({ statement: one, params: ['a'], mustHit: false });
    unit.join({ statement: one, params: ['b'], mustHit: false }, losses.session);
    expect(unit.ordered().map(operationOf)).toEqual([
      { statement: one, params: ['a'], mustHit: false },
      { statement: one, params: ['b'], mustHit: true },
    ]);
  });

  it('is the current one within its request only, and only until it is closed', async () => {
    const unit = new UnitOfWork(0);
    expect(currentUnit()).toBeUndefined();
    await runInUnit(unit, async () => {
      await Promise.resolve();
      expect(currentUnit()).toBe(unit);
      unit.closed = true;
      expect(currentUnit()).toBeUndefined();
    });
    expect(currentUnit()).toBeUndefined();
  });
});
