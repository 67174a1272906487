import { describe, expect, it } from 'vitest';
import { equalHashes, hmacSha256, sha256 } from './hash.ts';

describe('hashes', () => {
  it('give the published SHA-256 of "abc" in base64url', () => {
    expect(sha256('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
    expect(sha256(Buffer.from('abc'))).toBe(sha256('abc'));
  });

  it('give the HMAC of RFC 4231 test case 2 in base64url', () => {
    const expected = Buffer.from('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843', 'hex');
    expect(hmacSha256(Buffer.from('Jefe'), 'what do ya want for nothing?')).toBe(expected.toString('base64url'));
  });

  it('are equal only when every character is', () => {
    expect(equalHashes(sha256('a'), sha256('a'))).toBe(true);
    expect(equalHashes(sha256('a'), sha256('b'))).toBe(false);
    expect(equalHashes(sha256('a'), `${sha256('a')}x`)).toBe(false);
    expect(equalHashes('', '')).toBe(true);
  });
});
