import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppError } from '../errors.ts';
import { systemRandom } from '../random.ts';
import { createKeyRing, isSealed, keyFingerprint } from './key-ring.ts';

const oldKey = Buffer.alloc(32, 1);
const newKey = Buffer.alloc(32, 2);
const ringOf = (...keys: Buffer[]) => createKeyRing({ keys, random: systemRandom });
const ring = ringOf(oldKey);
const place = { table: 'signing_keys', column: 'private_key', row: 'row-1' };
const errorOf = (act: () => unknown): AppError | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return error as AppError;
  }
};
const codeOf = (act: () => unknown): string | undefined => errorOf(act)?.code;

describe('a key ring', () => {
  it('gives back what it sealed, text and bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary' }), fc.string(), (bytes, text, row) => {
        const here = { ...place, row };
        expect(ring.open(ring.seal(Buffer.from(bytes), here), here)).toEqual(Buffer.from(bytes));
        expect(ring.open(ring.seal(text, here), here)).toEqual(Buffer.from(text));
      }),
    );
  });

  it('never seals the same text twice alike', () => {
    expect(ring.seal('secret', place)).not.toBe(ring.seal('secret', place));
  });

  it.each([
    ['table', { ...place, table: 'outbox_messages' }],
    ['column', { ...place, column: 'public_jwk' }],
    ['row', { ...place, row: 'row-2' }],
  ])('does not open a value that was moved to another %s', (_part, elsewhere) => {
    expect(codeOf(() => ring.open(ring.seal('secret', place), elsewhere))).toBe('decrypt_failed');
  });

  it('does not mix up places whose parts run together', () => {
    const sealed = ring.seal('secret', { table: 'a', column: 'b","c', row: 'd' });
    expect(codeOf(() => ring.open(sealed, { table: 'a', column: 'b', row: 'c","d' }))).toBe('decrypt_failed');
  });

  it('opens nothing in which a single character was changed', () => {
    const sealed = ring.seal('secret', place);
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'Aa0_-.Zz9'.split('')), (index, character) => {
        const changed = sealed.slice(0, index) + character + sealed.slice(index + 1);
        // The last character of base64url has bits that no decoder reads.
        fc.pre(changed.slice(0, -1) !== sealed.slice(0, -1));
        expect(codeOf(() => ring.open(changed, place))).toBe('decrypt_failed');
      }),
    );
  });

  it('answers any text that it did not make with decrypt_failed', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(codeOf(() => ring.open(text, place))).toBe('decrypt_failed');
      }),
    );
    const [, id] = ring.seal('', place).split('.');
    for (const text of [
      '',
      's1',
      `s1.${id}`,
      `s1.${id}.`,
      `s1.${id}.AAAA`,
      `s2.${id}.AAAA`,
      `${ring.seal('', place)}.x`,
    ]) {
      expect(codeOf(() => ring.open(text, place))).toBe('decrypt_failed');
    }
  });

  it('encrypts under the first key and decrypts with all', () => {
    const before = ring.seal('secret', place);
    const rotated = ringOf(newKey, oldKey);
    expect(rotated.open(before, place).toString()).toBe('secret');
    expect(codeOf(() => ring.open(rotated.seal('secret', place), place))).toBe('decrypt_failed');
    expect(ringOf(newKey).open(rotated.seal('secret', place), place).toString()).toBe('secret');
  });

  it('tells operators the place and shows people nothing', () => {
    const error = errorOf(() => ring.open('nonsense', place));
    expect(error?.message).not.toContain('signing_keys');
    expect(String(error?.cause)).toContain('signing_keys.private_key of row-1');
  });

  it('derives another subkey for each purpose, and the same each time', () => {
    expect(ring.derive('cookies')).toEqual(ringOf(oldKey).derive('cookies'));
    expect(ring.derive('cookies')).not.toEqual(ring.derive('logins'));
    expect(ring.derive('cookies')).toHaveLength(32);
    expect(ring.derive('cookies', 64)).toHaveLength(64);
    expect(ring.derive('cookies').equals(oldKey)).toBe(false);
    expect(ringOf(newKey, oldKey).deriveAll('cookies')).toEqual([
      ringOf(newKey).derive('cookies'),
      ring.derive('cookies'),
    ]);
  });

  it('is not made without a key', () => {
    expect(() => ringOf()).toThrow(TypeError);
  });
});

describe('a fingerprint', () => {
  it('names a key, and only that one', () => {
    expect(keyFingerprint(oldKey)).toBe(keyFingerprint(Buffer.alloc(32, 1)));
    expect(keyFingerprint(oldKey)).not.toBe(keyFingerprint(newKey));
    expect(keyFingerprint(oldKey)).toMatch(/^[\w-]{22}$/);
  });
});

describe('a sealed text', () => {
  it('is told from a plain one', () => {
    expect(isSealed(ring.seal('{}', place))).toBe(true);
    expect(isSealed('{"kind":"AccessToken"}')).toBe(false);
  });
});
