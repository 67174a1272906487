import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTestClock } from '../../../test/kit/features.ts';
import { type Settings, settingsSchema } from '../settings/module.ts';
import { type EmptyAt, lower, raise, waitAt } from './counter.ts';
import { createCounters } from './counters.ts';
import { createThrottle, type Entry, type ThrottleKeys } from './module.ts';

const limits = { windowSeconds: 900, failuresPerAccount: 6, failuresPerAddress: 9, failuresPerPair: 3 };

function openThrottle(given: Partial<Settings['limits']> = limits) {
  const clock = createTestClock();
  const settings = { current: () => settingsSchema.parse({ limits: given }) };
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

describe('the waits of one who goes on', () => {
  const patient = { ...limits, failuresPerAccount: 1000, failuresPerAddress: 1000, failuresPerPair: 100 };

  it('grow from the fifth failure on, and end with a success', () => {
    const { clock, throttle, attempt } = openThrottle(patient);
    const waits: number[] = [];
    for (let tries = 0; tries < 12; tries += 1) {
      const entry = throttle.enter(ada);
      if (entry.allowed) entry.settle('failed');
      else waits.push(entry.retryAfterSeconds);
      if (!entry.allowed) clock.advance(entry.retryAfterSeconds * 1000);
    }
    expect(waits).toEqual([1, 2, 4, 8]);
    clock.advance(32_000);
    expect(attempt(ada, 'succeeded').allowed).toBe(true);
    const after = Array.from({ length: 6 }, () => attempt(ada, 'failed').allowed);
    expect(after.slice(0, 2)).toEqual([true, true]);
  });
});

describe('an account that is tried too often', () => {
  const strict = { ...limits, failuresPerAccount: 8, failuresPerPair: 3, lockSeconds: 600, lockMaxSeconds: 3600 };
  const fromEverywhere = (n: number) => ({ account: 'ada', address: `198.51.100.${n}` });

  it('is locked for strangers, each time for twice as long and after fewer tries', () => {
    const { clock, throttle, failures } = openThrottle(strict);
    const story: number[][] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const evaluated = failures(40, (n) => fromEverywhere(turn * 40 + n));
      const held = throttle.enter(fromEverywhere(250));
      const wait = held.allowed ? 0 : held.retryAfterSeconds;
      story.push([evaluated, wait]);
      clock.advance(wait * 1000);
    }
    expect(story).toEqual([
      [8, 600],
      [4, 1200],
      [3, 2400],
      [3, 3600],
      [3, 3600],
    ]);
    clock.advance(3600_000);
    expect(failures(40, fromEverywhere)).toBe(8);
  });

  it('is not locked for a device that it knows, which is counted for itself', () => {
    const { clock, throttle, failures, attempt } = openThrottle(strict);
    const own = { account: 'ada', address: '198.51.100.1', device: 'own' };
    failures(40, fromEverywhere);
    expect(attempt(own, 'succeeded').allowed).toBe(true);
    expect(failures(40, () => own)).toBe(3);
    expect(throttle.enter({ ...own, device: 'another' }).allowed).toBe(true);
    const held = throttle.enter(own);
    expect(held).toEqual({ allowed: false, retryAfterSeconds: 600 });
    clock.advance(600_000);
    expect(attempt(own, 'succeeded').allowed).toBe(true);
  });

  it('is told of once for each lock, and opens when it is forgotten', () => {
    const { throttle, failures, attempt } = openThrottle(strict);
    failures(40, fromEverywhere);
    const locked = { kind: 'locked', account: 'ada', until: expect.any(Number), address: '198.51.100.7' };
    expect(throttle.news()).toEqual([locked]);
    expect(throttle.news()).toEqual([]);
    throttle.forget('ada');
    expect(attempt(fromEverywhere(1), 'succeeded').allowed).toBe(true);
    // What was counted for the places it came from is forgotten as well, and strangers begin anew.
    expect(failures(40, fromEverywhere)).toBe(8);
    expect(throttle.news()).toEqual([locked]);
  });

  it('is locked by what fails at the same moment, and not twice', () => {
    const { throttle } = openThrottle(strict);
    const entries = Array.from({ length: 64 }, (_, n) => throttle.enter(fromEverywhere(n)));
    for (const entry of entries) if (entry.allowed) entry.settle('failed');
    expect(entries.filter(({ allowed }) => allowed)).toHaveLength(8);
    expect(throttle.news()).toHaveLength(1);
    expect(throttle.enter(fromEverywhere(1))).toEqual({ allowed: false, retryAfterSeconds: 600 });
  });
});

describe('spraying', () => {
  const wide = { ...limits, failuresPerAddress: 1000, accountsPerAddress: 5, accountsInAll: 40, failuresInAll: 200 };

  it('from one address slows that address down, and is told once', () => {
    const { clock, throttle, failures, attempt } = openThrottle(wide);
    expect(failures(20, (n) => ({ account: `person ${n}`, address: '192.0.2.1' }))).toBe(5);
    expect(throttle.news()).toEqual([{ kind: 'spraying', address: '192.0.2.1' }]);
    expect(attempt({ account: 'x', address: '192.0.2.2' }, 'failed').allowed).toBe(true);
    expect(attempt({ account: 'x', address: '192.0.2.1', device: 'own' }, 'failed').allowed).toBe(true);
    clock.advance(32_000);
    expect(failures(20, (n) => ({ account: `person ${n}`, address: '192.0.2.1' }))).toBe(1);
    expect(throttle.news()).toEqual([]);
  });

  it.each([
    ['accounts', (n: number) => `person ${n}`, 40],
    ['failures', (n: number) => `person ${n % 39}`, 200],
  ])('from many addresses slows down those that have failed: %s', (_, account, limit) => {
    const { throttle, attempt, failures } = openThrottle({ ...wide, failuresPerAccount: 1000 });
    const keysOf = (n: number) => ({ account: account(n), address: `198.51.${100 + (n % 7)}.${n % 250}` });
    expect(failures(limit, keysOf)).toBe(limit);
    expect(throttle.news().filter(({ kind }) => kind === 'spraying')).toEqual([
      { kind: 'spraying', address: undefined },
    ]);
    const late = { account: 'late', address: '203.0.113.1' };
    expect([attempt(late, 'failed'), attempt(late, 'failed')].map(({ allowed }) => allowed)).toEqual([true, false]);
    expect(attempt({ account: 'ada', address: '203.0.113.9' }, 'succeeded').allowed).toBe(true);
  });
});

describe('what strangers ask for by mail', () => {
  it('is limited by address, and keeps nobody from signing in', () => {
    const { clock, throttle, attempt } = openThrottle();
    const asked = (times: number, what: (n: number) => string) =>
      Array.from({ length: times }, (_, n) => throttle.ask(what(n), '192.0.2.1')).filter((wait) => wait === undefined);
    expect(asked(20, () => 'reset ada')).toHaveLength(3);
    expect(asked(20, (n) => `reset ${n}`)).toHaveLength(6);
    expect(throttle.ask('reset ada', '192.0.2.2')).toBeUndefined();
    expect(throttle.ask('reset ada', undefined)).toBeUndefined();
    expect(attempt(ada, 'succeeded').allowed).toBe(true);
    clock.advance(900_000);
    expect(asked(20, () => 'reset ada')).toHaveLength(3);
  });
});

describe('wrong secrets of a client', () => {
  it('are counted by what is wrong and where it comes from', () => {
    const { clock, throttle } = openThrottle();
    const presented = (hash: string, address = '192.0.2.1') => ({ clientId: 'app', address, hash });
    expect(throttle.isHeldSecret(presented('right'))).toBe(false);
    for (let n = 0; n < 50; n += 1) throttle.wrongSecret(presented('forgotten in a container'));
    expect(throttle.isHeldSecret(presented('right'))).toBe(false);
    for (let n = 0; n < 8; n += 1) throttle.wrongSecret(presented(`guess ${n}`));
    expect(throttle.isHeldSecret(presented('right'))).toBe(true);
    expect(throttle.isHeldSecret(presented('right', '192.0.2.2'))).toBe(false);
    expect(throttle.isHeldSecret({ ...presented('right'), clientId: 'other' })).toBe(false);
    clock.advance(900_000);
    expect(throttle.isHeldSecret(presented('right'))).toBe(false);
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
