import { describe, expect, it } from 'vitest';
import { createIds, idAt, timeOfId } from './ids.ts';
import { systemRandom } from './random.ts';

describe('ids', () => {
  it('are UUIDs of version 7 that carry the time', () => {
    const id = createIds({ now: () => 0x0192_3456_789a }, systemRandom).next();
    expect(id).toMatch(/^01923456-789a-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('tell when they were made, and where those of a time begin', () => {
    const id = createIds({ now: () => 1_790_000_000_000 }, systemRandom).next();
    expect(timeOfId(id)).toBe(1_790_000_000_000);
    expect(idAt(1_790_000_000_000) < id).toBe(true);
    expect(idAt(1_790_000_000_001) > id).toBe(true);
    expect(idAt(-1) < idAt(1)).toBe(true);
    for (const other of ['', 'r1', id.toUpperCase(), `${id} `, id.replace('-7', '-4')]) {
      expect(timeOfId(other)).toBeUndefined();
    }
  });

  it('sort in the order in which they were made, also within one millisecond and when the clock goes back', () => {
    let now = 1_000_000;
    const ids = createIds({ now: () => now }, systemRandom);
    const made = Array.from({ length: 10_000 }, (_, index) => {
      if (index === 5_000) now -= 500;
      return ids.next();
    });
    expect(made.toSorted()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });
});
