import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { publishedKey } from './published-key.ts';

it('a key that is only published is told apart and verifies, and never signs', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publishedKey({ ...publicKey.export({ format: 'jwk' }), kid: 'next', alg: 'ES256' } as never);
  expect(key).toMatchObject({ kid: 'next', alg: 'ES256' });
  expect((key.keyObject() as typeof publicKey).equals(publicKey)).toBe(true);
  expect(() => key.sign(Buffer.from('data') as never)).toThrow('only published');
});
