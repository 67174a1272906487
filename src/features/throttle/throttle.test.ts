import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTestClock } from '../../../test/kit/features.ts';
import { settingsSchema } from '../settings/module.ts';
import { type EmptyAt, lower, raise, waitAt } from './counter.ts';
import { createCounters } from './counters.ts';
import { createThrottle, type Entry, type ThrottleKeys } from './module.ts';

const limits = { windowSeconds: 900, failuresPerAccount: 6, failuresPerAddress: 9, failuresPerPair: 3 };

function openThrottle() {
  const clock = createTestClock();
  const settings = { current: () => settingsSchema.parse({ limits }) };
  const throttle = createThrottle({ clock, settings });
  const attempt = (keys: ThrottleKeys, end: 'failed' | 'succeeded' | 'abandoned'): Entry => {
    const entry = throttle.enter(keys);
    if (entry.allowed) entry.settle(end);
    return entry;
  };
  /** How many of so many failed attempts are let in. */
  const failures = (times: number, keysOf: (n: number) => ThrottleKeys): number =>
    Array.from({ length: times }, (_, n) => attempt(keysOf(n), 'failed')).filter(({ allowed }) => allowed).length;
  return { clock, throttle, attempt, failures };
}

const ada = { account: 'ada', address: '192.0.2.1' };

describe('throttle', () => {
  it('holds back one person at one address, and says for how long', () => {
    const { clock, failures, attempt } = openThrottle();
    expect(failures(5, () => ada)).toBe(3);
    expect(attempt(ada, 'failed')).toEqual({ allowed: false, retryAfterSeconds: 300 });
    clock.advance(299_000);
    expect(attempt(ada, 'failed')).toEqual({ allowed: false, retryAfterSeconds: 1 });
    clock.advance(1000);
    expect(attempt(ada, 'failed').allowed).toBe(true);
    expect(attempt(ada, 'failed').allowed).toBe(false);
  });

  it('holds back an account that is tried from everywhere', () => {
    const { failures } = openThrottle();
    expect(failures(20, (n) => ({ account: 'ada', address: `192.0.2.${n}` }))).toBe(6);
  });

  it('holds back an address that tries everybody', () => {
    const { failures } = openThrottle();
    expect(failures(20, (n) => ({ account: `person ${n}`, address: '192.0.2.1' }))).toBe(9);
  });

  it('counts an IPv6 network as one address', () => {
    const { failures, attempt } = openThrottle();
    expect(failures(20, (n) => ({ account: `person ${n}`, address: `2001:db8:1:1::${n}` }))).toBe(9);
    expect(attempt({ account: 'x', address: '2001:db8:1:2::1' }, 'failed').allowed).toBe(true);
  });

  it('counts an address written as IPv6 as the IPv4 one that it is', () => {
    const { failures, attempt } = openThrottle();
    failures(9, (n) => ({ account: `person ${n}`, address: '192.0.2.1' }));
    expect(attempt({ account: 'x', address: '::ffff:192.0.2.1' }, 'failed').allowed).toBe(false);
  });

  it('counts the account alone where there is no address', () => {
    const { failures } = openThrottle();
    expect(failures(20, () => ({ account: 'ada' }))).toBe(6);
  });

  it('lets no burst slip in while secrets are being checked', () => {
    const { throttle } = openThrottle();
    const entries = Array.from({ length: 64 }, () => throttle.enter(ada));
    expect(entries.filter(({ allowed }) => allowed)).toHaveLength(3);
  });

  it('counts neither what succeeded nor what was never checked', () => {
    const { attempt } = openThrottle();
    for (let n = 0; n < 50; n++) expect(attempt(ada, n % 2 === 0 ? 'succeeded' : 'abandoned').allowed).toBe(true);
  });

  it('forgives a person who succeeds, but not the account what others did to it', () => {
    const { attempt, failures } = openThrottle();
    failures(4, (n) => ({ account: 'ada', address: `198.51.100.${n}` }));
    attempt(ada, 'failed');
    attempt(ada, 'succeeded');
    expect(failures(20, () => ada)).toBe(1);
  });

  it('settles an attempt once', () => {
    const { throttle, failures } = openThrottle();
    failures(2, () => ada);
    const entry = throttle.enter(ada);
    if (!entry.allowed) throw new Error('held back');
    entry.settle('failed');
    entry.settle('succeeded');
    expect(throttle.enter(ada).allowed).toBe(false);
  });
});

describe('a counter', () => {
  const rule = { limit: 5, windowMs: 900_000 };
  const steps = fc.array(
    fc.record({ wait: fc.integer({ min: -5000, max: 400_000 }), ends: fc.constantFrom('failed', 'well') }),
    {
      maxLength: 200,
    },
  );

  /** The times at which a failure was let in. */
  function failuresOf(list: readonly { wait: number; ends: string }[]): number[] {
    let counter: EmptyAt | undefined;
    let now = 1_000_000;
    const failed: number[] = [];
    for (const { wait, ends } of list) {
      now += Math.max(0, wait);
      if (waitAt(counter, rule, now) > 0) continue;
      counter = raise(counter, rule, now);
      if (ends === 'failed') failed.push(now);
      else counter = lower(counter, rule, now);
    }
    return failed;
  }

  it('never lets in more failures within any time than its limit and what drains meanwhile', () => {
    const property = fc.property(steps, (list) => {
      const failed = failuresOf(list);
      return failed.every((from, first) =>
        failed.every(
          (to, last) => last < first || last - first + 1 <= rule.limit + ((to - from) * rule.limit) / rule.windowMs,
        ),
      );
    });
    expect(() => fc.assert(property)).not.toThrow();
  });

  it('lets in after exactly the wait that it says, whatever happened and wherever the clock went', () => {
    const property = fc.property(steps, (list) => {
      let counter: EmptyAt | undefined;
      let now = 1_000_000;
      return list.every(({ wait }) => {
        now += wait;
        const hold = waitAt(counter, rule, now);
        const [then, before] = [waitAt(counter, rule, now + hold), waitAt(counter, rule, now + hold - 1)];
        const exact = then === 0 && (hold === 0 || before === 1) && hold <= rule.windowMs / rule.limit;
        if (hold === 0) counter = raise(counter, rule, now);
        return exact;
      });
    });
    expect(() => fc.assert(property)).not.toThrow();
  });

  it('locks nobody out for longer when the limit is lowered', () => {
    const generous = { limit: 1000, windowMs: 900_000 };
    let counter: EmptyAt | undefined;
    for (let n = 0; n < 1000; n++) counter = raise(counter, generous, 0);
    expect(waitAt(counter, rule, 0)).toBe(180_000);
  });
});

describe('counters', () => {
  it('are bounded: what was touched least recently goes first', () => {
    const counters = createCounters(3);
    for (const name of ['a', 'b', 'c']) counters.set(name, 1);
    counters.set('a', 2);
    counters.set('d', 3);
    expect(['a', 'b', 'c', 'd'].filter((name) => counters.get(name) !== undefined)).toEqual(['a', 'c', 'd']);
    counters.delete('a');
    expect(counters.get('a')).toBeUndefined();
  });
});
