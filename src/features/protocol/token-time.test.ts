import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeMark, timeMarkIn } from './token-time.ts';

const prefixed = (kind: string, now: number) => `xx_${timeMark(kind, now)}random-part`;

describe('the time in a token id', () => {
  it.each(['AccessToken', 'ClientCredentials'])('is found again and sorts as the times do: %s', (kind) => {
    const times = [0, 1, 35, 36, 1_790_000_000_000, 1_790_000_000_001, 9_000_000_000_000];
    const marks = times.map((time) => timeMarkIn(kind, prefixed(kind, time)));
    expect(marks.toSorted()).toEqual(marks);
    expect(new Set(marks).size).toBe(times.length);
    expect(marks.every((mark) => mark.length === 9)).toBe(true);
  });

  it('is in no other kind', () => {
    expect(timeMark('RefreshToken', 1)).toBe('');
    expect(timeMarkIn('RefreshToken', 'rt_000000001')).toBe('');
  });

  it('is never anything else, whatever is presented', () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(timeMarkIn('AccessToken', id)).toMatch(/^(?:[0-9a-z]{9})?$/);
      }),
    );
    expect(timeMarkIn('AccessToken', 'at_0000\u00000000random')).toBe('');
    expect(timeMarkIn('AccessToken', 'at_short')).toBe('');
  });
});
