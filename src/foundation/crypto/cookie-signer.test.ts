import { describe, expect, it } from 'vitest';
import { createCookieSigner } from './cookie-signer.ts';

const [one, two, three] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)];

describe('the signer of cookies', () => {
  it('accepts what it signed, and nothing that differs from it', () => {
    const signer = createCookieSigner([one]);
    const signature = signer.sign('session=abc');
    expect(signature).toMatch(/^[\w-]{43}$/);
    expect(signer.verify('session=abc', signature)).toBe(true);
    expect(signer.verify('session=abd', signature)).toBe(false);
    for (const other of ['', 'x', `${signature}=`, signature.slice(1), signature.toUpperCase()]) {
      expect(signer.verify('session=abc', other)).toBe(false);
    }
  });

  it('needs a key', () => {
    expect(() => createCookieSigner([])).toThrow(TypeError);
  });

  it('tells which key has signed, so that an old signature is renewed', () => {
    const old = createCookieSigner([two]).sign('a=1');
    const signer = createCookieSigner([one, two]);
    expect(signer.index('a=1', old)).toBe(1);
    expect(signer.index('a=1', signer.sign('a=1'))).toBe(0);
    expect(signer.index('a=1', createCookieSigner([three]).sign('a=1'))).toBe(-1);
  });
});
