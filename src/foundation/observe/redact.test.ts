import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.ts';
import { redact, scrub } from './redact.ts';

describe('a log line', () => {
  it('keeps what operators need', () => {
    const line = {
      request_id: 'r',
      status: 200,
      duration_ms: 1.5,
      client: 'app',
      route: '/token',
      gone: undefined,
      none: null,
    };
    expect(redact(line)).toEqual({
      request_id: 'r',
      status: 200,
      duration_ms: 1.5,
      client: 'app',
      route: '/token',
      none: null,
    });
  });

  it.each([
    'password',
    'client_secret',
    'clientSecret',
    'Authorization',
    'set-cookie',
    'refresh_token',
    'code_verifier',
    'jwks',
  ])('never shows %s, however deep', (key) => {
    const line = JSON.stringify(redact({ [key]: 'canary', a: { [key]: 'canary', b: [{ [key]: { x: 'canary' } }] } }));
    expect(line).not.toContain('canary');
    expect(line).toContain('[redacted]');
  });

  it('tells an error with its causes, without their other properties', () => {
    const cause = Object.assign(new Error('postgresql://app:canary@db/x refused'), {
      code: 'ECONNREFUSED',
      query: 'canary',
    });
    const { err } = redact({ err: new AppError('store_unavailable', 503, 'Not now.', { cause }) });
    expect(err).toMatchObject({
      type: 'AppError',
      code: 'store_unavailable',
      status: 503,
      message: 'Not now.',
      stack: expect.stringContaining('redact.test.ts'),
      cause: { type: 'Error', code: 'ECONNREFUSED', message: 'postgresql://[redacted]@db/x refused' },
    });
    expect(JSON.stringify(err)).not.toContain('canary');
    const bare = Object.assign(new Error('x'), { stack: undefined });
    expect(redact({ err: bare })).toEqual({ err: { type: 'Error', message: 'x', stack: '' } });
  });

  it('can always be written as JSON', () => {
    const loop: Record<string, unknown> = { size: 5n, bytes: Buffer.from('canary') };
    loop.self = loop;
    const line = JSON.stringify(redact(loop));
    expect(line).toContain('"size":"5"');
    expect(line).toContain('"bytes":"[bytes]"');
    expect(line).toContain('[deeper]');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything({ withBigInt: true })), (fields) => {
        expect(typeof JSON.stringify(redact(fields))).toBe('string');
      }),
    );
  });
});

describe('a text', () => {
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ';
  it.each([
    'GET /cb?code=canary&x=1 failed',
    'refresh_token=canary',
    '{"password":"canary"}',
    "password: 'canary'",
    'Authorization: Bearer canary-canary',
    'Basic Y2FuYXJ5OmNhbmFyeQ==',
    `token ${jwt} expired`,
    'mysql://root:canary@localhost/x',
    'hash $argon2id$v=19$m=8,t=1,p=1$canary$canary',
    's1.abcdefgh.canarycanary',
  ])('is scrubbed of secrets by their shape: %s', (text) => {
    expect(scrub(text)).not.toMatch(/canary|Y2FuYXJ5|c2lnbmF0/);
    expect(scrub(text)).toContain('[redacted]');
  });

  it.each([
    'Port 8080 on 127.0.0.1 is taken.',
    'invalid_client',
    'postern.yaml:3',
    'https://id.example.com/token',
    'short',
  ])('stays as it is without any: %s', (text) => expect(scrub(text)).toBe(text));

  it('costs little however it is made', () => {
    for (const text of [
      'a'.repeat(50_000),
      'code='.repeat(10_000),
      'eyJ'.repeat(20_000),
      'a:'.repeat(20_000),
      '://'.repeat(20_000),
    ]) {
      const began = performance.now();
      scrub(text);
      expect(performance.now() - began).toBeLessThan(1000);
    }
  });
});
