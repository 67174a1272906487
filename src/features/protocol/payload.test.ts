import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyRing } from '../../foundation/crypto/key-ring.ts';
import { systemRandom } from '../../foundation/random.ts';
import { createPayloadCodec } from './payload.ts';

const ringOf = (byte: number) => createKeyRing({ keys: [Buffer.alloc(32, byte)], random: systemRandom });
const codec = createPayloadCodec(ringOf(1));
const plain = ['AccessToken', 'RefreshToken', 'AuthorizationCode', 'ClientCredentials', 'ReplayDetection'];
const sealed = ['Session', 'Interaction', 'DeviceCode', 'PushedAuthorizationRequest'];
const json = fc.dictionary(fc.string(), fc.jsonValue());

describe('the codec of protocol records', () => {
  it('gives back what it was given, with the presented id, for every kind', () => {
    fc.assert(
      fc.property(fc.constantFrom(...plain, ...sealed), fc.string(), json, (kind, id, payload) => {
        const key = codec.keyOf(kind, id);
        const stored = codec.encode(kind, key, { ...payload, jti: id });
        const expected = JSON.parse(JSON.stringify({ ...payload, jti: id })) as unknown;
        expect(codec.decode(kind, key, stored, id)).toEqual(expected);
      }),
    );
  });

  it.each(plain)('withholds the id of a %s, which could be presented', (kind) => {
    const stored = codec.encode(kind, 'key', { jti: 'secret-id', note: 'plain' });
    expect(JSON.parse(stored)).toEqual({ note: 'plain' });
    expect(codec.decode(kind, 'key', stored, undefined)).toEqual({ note: 'plain' });
  });

  it.each(sealed)('seals a %s as a whole, id included, and gives it back where it was looked up otherwise', (kind) => {
    const stored = codec.encode(kind, 'key', { jti: 'secret-id', note: 'plain' });
    expect(stored).not.toContain('secret-id');
    expect(stored).not.toContain('plain');
    expect(codec.decode(kind, 'key', stored, undefined)).toEqual({ jti: 'secret-id', note: 'plain' });
  });

  it('opens nothing in another row, nor under another key', () => {
    const stored = codec.encode('Session', 'key', { jti: 'id' });
    expect(() => codec.decode('Session', 'another', stored, 'id')).toThrow();
    expect(() => createPayloadCodec(ringOf(2)).decode('Session', 'key', stored, 'id')).toThrow();
  });

  it('reads each of many sealed texts as it is, however often', () => {
    const texts = Array.from({ length: 2_100 }, (_, index) => codec.encode('Session', `row ${index}`, { note: index }));
    for (let round = 0; round < 2; round += 1) {
      const notes = texts.map((text, index) => codec.decode('Session', `row ${index}`, text, undefined)['note']);
      expect(notes).toEqual([...texts.keys()]);
    }
  });

  it('names rows by kind and by what nobody can turn back', () => {
    expect(codec.keyOf('Session', 'id')).toMatch(/^Session:[\w-]{43}$/);
    expect(codec.keyOf('Session', 'id')).not.toBe(codec.keyOf('Interaction', 'id'));
    expect(codec.userCodeKey('ABCD')).not.toBe(createPayloadCodec(ringOf(2)).userCodeKey('ABCD'));
  });
});
