import { describe, expect, it } from 'vitest';
import { rounds } from './kit/guesses.ts';
import { guessOverHttp } from './kit/guessing.ts';

/** What the largest number of wrong passwords from one address is, and what comes back to it while this lasts. */
const mostOfOneAddress = 130;

// In full size in test/long.
describe('a thousand guesses over HTTP, from fifty addresses behind a proxy and from one that claims to be others', () => {
  it('are hardly looked at, are noticed, open nothing and lock nobody out of a browser of theirs', async () => {
    const size = { accounts: 10, others: 100, addresses: 50, noticedAfter: 30 };
    const { mostEvaluated, evaluatedOfForger, ...story } = await guessOverHttp(size);
    expect(mostEvaluated).toBeGreaterThan(5);
    expect(mostEvaluated).toBeLessThanOrEqual(20);
    expect(evaluatedOfForger).toBeLessThanOrEqual(mostOfOneAddress);
    expect(story).toEqual({ opened: 0, sprayingSeen: true, ownersLockedOut: 0, forgedAddresses: 0 });
  }, 120_000);

  it('would all be looked at without the throttle, and open accounts, as a few of them show', async () => {
    const size = { accounts: 3, others: 20, addresses: 10, noticedAfter: 10 };
    const { mostEvaluated, evaluatedOfForger, ...story } = await guessOverHttp(size, { withoutThrottle: true });
    expect([mostEvaluated, evaluatedOfForger]).toEqual([rounds, 58]);
    expect(story).toMatchObject({ opened: 3, sprayingSeen: false, forgedAddresses: 0 });
  }, 120_000);
});
