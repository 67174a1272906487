import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auc, median } from './auc.ts';

describe('the area under the curve', () => {
  it('is a half for equal samples, and 0 or 1 where they do not overlap', () => {
    expect(auc([1, 2, 3], [1, 2, 3])).toBe(0.5);
    expect(auc([5, 5], [5, 5, 5])).toBe(0.5);
    expect(auc([1, 2, 3], [4, 5])).toBe(1);
    expect(auc([4, 5], [1, 2, 3])).toBe(0);
    expect(auc([1, 3], [2])).toBe(0.5);
    expect(auc([1, 2], [2, 3])).toBe(0.875);
  });

  it('is what counting every pair gives', () => {
    const sample = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(sample, sample, (first, second) => {
        const wins = first.flatMap((one) => second.map((other) => (other > one ? 1 : other === one ? 0.5 : 0)));
        const counted = wins.reduce((sum: number, win) => sum + win, 0) / wins.length;
        expect(auc(first, second)).toBeCloseTo(counted, 10);
      }),
    );
  });
});

it('knows the middle of an odd and of an even number of values', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});
