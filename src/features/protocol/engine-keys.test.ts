import { generateKeyPairSync, sign, verify } from 'node:crypto';
import type { ExternalSigningKey } from 'oidc-provider';
import { describe, expect, it } from 'vitest';
import { activeKey, joined, publishedKey } from './engine-keys.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

it('a key that is only published is told apart and verifies, and never signs', () => {
  const key = publishedKey({ ...publicKey.export({ format: 'jwk' }), kid: 'next', alg: 'ES256' } as never);
  expect(key).toMatchObject({ kid: 'next', alg: 'ES256' });
  expect((key.keyObject() as typeof publicKey).equals(publicKey)).toBe(true);
  expect(() => key.sign(Buffer.from('data') as never)).toThrow('only published');
});

describe('a key that signs', () => {
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'current', alg: 'ES256' };
  const key = activeKey(jwk as never) as ExternalSigningKey;

  it('shows its public part alone', () => {
    expect(key).toMatchObject({ kid: 'current', alg: 'ES256', kty: 'EC', crv: 'P-256' });
    expect((key.keyObject() as typeof publicKey).type).toBe('public');
    expect(JSON.stringify(key)).not.toContain(jwk.d);
  });

  it('signs as JWS wants it, whatever the numbers are like', async () => {
    // One signature in 128 has a number with a leading zero.
    for (let count = 0; count < 2000; count += 1) {
      const data = Buffer.from(`data ${count}`);
      const signature = await key.sign(data);
      expect(signature.length).toBe(64);
      if (!verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
        throw new Error(String(count));
    }
  });

  it.each([
    ['one byte each', [0x30, 6, 2, 1, 5, 2, 1, 7], 5, 7],
    ['a sign byte', [0x30, 0x45, 2, 33, 0, ...Array(32).fill(0xff), 2, 32, ...Array(32).fill(0x7f)], 0xff, 0x7f],
  ] as const)('joins numbers with %s', (_, der, first, second) => {
    const signature = joined(Uint8Array.from(der));
    expect([signature[31], signature[63]]).toEqual([first, second]);
  });

  it('is the library’s own affair when it is RSA', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    expect(activeKey({ ...rsa, alg: 'RS256' } as never)).toMatchObject({ kty: 'RSA', use: 'sig' });
  });

  it('makes what OpenSSL’s own form says', () => {
    const data = Buffer.from('data');
    const signature = joined(sign('sha256', data, privateKey));
    expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  });
});
