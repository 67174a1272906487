import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../settings/module.ts';
import { createThrottle } from './module.ts';

function openThrottle() {
  let now = 1_000_000;
  const settings = { current: () => settingsSchema.parse({ limits: { anonymousPerMinute: 60 } }) };
  const throttle = createThrottle({ clock: { now: () => now }, settings });
  const spend = (times: number, address?: string) => Array.from({ length: times }, () => throttle.spend(address));
  return { spend, advance: (ms: number) => (now += ms) };
}

describe('what is stored for strangers', () => {
  it('is limited per address, and says for how long', () => {
    const { spend, advance } = openThrottle();
    expect(spend(61, '192.0.2.1').filter((wait) => wait !== undefined)).toEqual([1]);
    advance(1000);
    expect(spend(2, '192.0.2.1')).toEqual([undefined, 1]);
  });

  it('leaves other addresses alone, and takes an IPv6 network for one', () => {
    const { spend } = openThrottle();
    spend(60, '2001:db8::1');
    expect(spend(1, '2001:db8::2')).toEqual([1]);
    expect(spend(1, '2001:db8:0:1::1')).toEqual([undefined]);
    expect(spend(1)).toEqual([undefined]);
  });
});
