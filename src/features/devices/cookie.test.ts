import { describe, expect, it } from 'vitest';
import { createDeviceCookie } from './cookie.ts';

const written = (issuer: string): unknown[] => {
  const calls: unknown[] = [];
  const cookies = { get: () => undefined, set: (...call: unknown[]) => calls.push(...call) };
  createDeviceCookie(issuer).write(cookies, 'secret');
  return calls;
};

describe('the cookie of a device', () => {
  it('is bound to the host on https', () => {
    const bound = { secure: true, path: '/', httpOnly: true, signed: true };
    expect(written('https://id.example')).toEqual(['__Host-device', 'secret', expect.objectContaining(bound)]);
  });

  it('goes without on http, which only this machine uses', () => {
    expect(written('http://localhost')).toEqual(['device', 'secret', expect.objectContaining({ secure: false })]);
  });
});
