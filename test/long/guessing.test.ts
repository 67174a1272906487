import { describe, expect, it } from 'vitest';
import { rounds } from '../security/kit/guesses.ts';
import { guessOverHttp } from '../security/kit/guessing.ts';

// test/security has the short form of it, which `npm test` runs.
describe('ten thousand guesses over HTTP, from five hundred addresses behind a proxy and from one that claims to be others', () => {
  it('are hardly looked at, are noticed, open nothing and lock nobody out of a browser of theirs', async () => {
    const { mostEvaluated, evaluatedOfForger, ...story } = await guessOverHttp({
      accounts: 100,
      others: 1000,
      addresses: 500,
    });
    expect(mostEvaluated).toBeGreaterThan(5);
    expect(mostEvaluated).toBeLessThanOrEqual(20);
    // A hundred from one address, and what comes back to it while this lasts; of two thousand.
    expect(evaluatedOfForger).toBeLessThanOrEqual(130);
    expect(story).toEqual({ opened: 0, sprayingSeen: true, ownersLockedOut: 0, forgedAddresses: 0 });
  });

  it('would all be looked at without the throttle, and open accounts, as a tenth of them shows', async () => {
    const size = { accounts: 10, others: 100, addresses: 50, noticedAfter: 30 };
    const { mostEvaluated, evaluatedOfForger, ...story } = await guessOverHttp(size, { withoutThrottle: true });
    expect([mostEvaluated, evaluatedOfForger]).toEqual([rounds, 200]);
    expect(story).toMatchObject({ opened: 10, sprayingSeen: false, forgedAddresses: 0 });
  });
});
