import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClientIp } from './client-ip.ts';

const direct = createClientIp([]);
const behind = createClientIp(['10.0.0.0/8', 'fd00::/8']);

describe("the caller's address", () => {
  it('is the peer, in canonical text', () => {
    expect(direct('::ffff:192.0.2.1', undefined)).toBe('192.0.2.1');
    expect(direct('2001:DB8:0:0::1', undefined)).toBe('2001:db8::1');
    expect(direct('fe80::1%eth0', undefined)).toBe('fe80::1');
    expect(direct(undefined, '192.0.2.1')).toBeUndefined();
    expect(direct('/run/socket', undefined)).toBeUndefined();
  });

  it('is never what a caller writes, while the peer is not trusted', () => {
    expect(direct('192.0.2.1', '203.0.113.9')).toBe('192.0.2.1');
    expect(behind('192.0.2.1', '203.0.113.9')).toBe('192.0.2.1');
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, 10.0.0.7', '203.0.113.9'],
    ['203.0.113.9, fd00::7, 10.0.0.7', '203.0.113.9'],
    ['203.0.113.9:4711', '203.0.113.9'],
    ['[2001:db8::9]:4711', '2001:db8::9'],
    ['2001:db8::9', '2001:db8::9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.9', '10.0.0.9'],
  ])('behind a proxy is the last that our proxies did not write: %s', (header, expected) => {
    expect(behind('10.0.0.1', header)).toBe(expected);
    expect(behind('::ffff:10.0.0.1', header)).toBe(expected);
  });

  it.each(['', ' ', 'unknown', '203.0.113.9 evil', '1', '0x7f000001', '127.1', '203.0.113.9,', 'x'.repeat(99)])(
    'is the proxy when what it wrote is malformed: %j',
    (header) => expect(behind('10.0.0.1', header)).toBe('10.0.0.1'),
  );

  it('does not follow a chain that is too long to be honest', () => {
    expect(behind('10.0.0.1', Array.from({ length: 51 }, () => '203.0.113.9').join(','))).toBe('10.0.0.1');
  });

  it('never throws, and what stands left of a stranger changes nothing', () => {
    const junk = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(fc.array(junk, { maxLength: 20 }), (left) => {
        expect(behind('10.0.0.1', [...left, '203.0.113.9', '10.0.0.2'].join(','))).toBe('203.0.113.9');
        expect(typeof behind('10.0.0.1', left.join(','))).toBe('string');
        expect(behind('192.0.2.1', left.join(','))).toBe('192.0.2.1');
      }),
    );
  });
});
