import { describe, expect, it } from 'vitest';
import { secretToken, systemRandom } from './random.ts';

describe('randomness', () => {
  it('gives as many bytes as are asked for', () => {
    for (const length of [0, 1, 16, 32, 256, 257, 5000]) expect(systemRandom.bytes(length)).toHaveLength(length);
  });

  it('never gives the same bytes twice, nor bytes that were used up', () => {
    const given = Array.from({ length: 5000 }, () => systemRandom.bytes(16).toString('hex'));
    expect(new Set(given).size).toBe(given.length);
    expect(given).not.toContain('0'.repeat(32));
  });

  it('keeps what it gave out when more is asked for', () => {
    const first = systemRandom.bytes(32);
    const copy = Buffer.from(first);
    for (let count = 0; count < 1000; count += 1) systemRandom.bytes(32);
    expect(first.equals(copy)).toBe(true);
  });

  it('spreads over all values', () => {
    const counts = Array.from({ length: 256 }, () => 0);
    for (let count = 0; count < 4000; count += 1) {
      for (const byte of systemRandom.bytes(32)) counts[byte] = (counts[byte] ?? 0) + 1;
    }
    // 500 each on average; 8 standard deviations either way.
    expect(Math.min(...counts)).toBeGreaterThan(320);
    expect(Math.max(...counts)).toBeLessThan(680);
  });

  it('makes secrets of 256 bits', () => {
    expect(secretToken(systemRandom)).toMatch(/^[\w-]{43}$/);
  });
});
