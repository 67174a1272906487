import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAllowedAddress } from './allowed-address.ts';

const publicOnly = createAllowedAddress([]);

describe('an outbound call', () => {
  it.each(['93.184.216.34', '8.8.8.8', '2606:2800:220:1::1', '::ffff:8.8.8.8'])(
    'may reach the public address %s',
    (address) => expect(publicOnly(address)).toBe(true),
  );

  it.each([
    '0.0.0.0',
    '127.0.0.1',
    '127.255.255.254',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    'fe80::1',
    'fec0::1',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '4000::1',
    'localhost',
    '',
  ])('may not reach %j', (address) => expect(publicOnly(address)).toBe(false));

  it('may reach what is allowed besides, and nothing next to it', () => {
    const allowed = createAllowedAddress(['10.1.0.0/16', '::1/128', '127.0.0.0/8']);
    for (const address of ['10.1.2.3', '::1', '127.0.0.1', '::ffff:10.1.2.3', '8.8.8.8'])
      expect(allowed(address)).toBe(true);
    for (const address of ['10.2.0.1', 'fd00::1', '192.168.0.1']) expect(allowed(address)).toBe(false);
  });

  it('treats an IPv4 address alike however it is wrapped', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(publicOnly(`::ffff:${address}`)).toBe(publicOnly(address));
      }),
    );
  });
});
