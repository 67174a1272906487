import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Database } from './database.ts';
import { bumpRevision, type RevisionWatch, watchRevisions } from './revision.ts';

describe('watching revisions', () => {
  const numbers = new Map<string, number>();
  let failing = false;
  const database = {
    async all() {
      if (failing) throw new Error('unreachable');
      return [...numbers].map(([name, number]) => ({ name, number }));
    },
  } as unknown as Pick<Database, 'all'>;
  let told: string[][];
  let errors: unknown[];
  let watch: RevisionWatch;

  beforeEach(async () => {
    vi.useFakeTimers();
    failing = false;
    numbers.clear();
    numbers.set('keys', 1);
    told = [];
    errors = [];
    watch = await watchRevisions({
      database,
      onChange: (names) => void told.push([...names]),
      onError: (error) => void errors.push(error),
    });
  });
  afterEach(() => {
    watch.stop();
    vi.useRealTimers();
  });

  it('looks twice a second and tells what has moved or is new, once', async () => {
    numbers.set('keys', 2).set('clients', 1);
    await vi.advanceTimersByTimeAsync(500);
    expect(told).toEqual([['keys', 'clients']]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(told).toHaveLength(1);
  });

  it('outlives a failing poll and tells afterwards what it missed', async () => {
    failing = true;
    numbers.set('keys', 2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(errors).toEqual([new Error('unreachable'), new Error('unreachable')]);
    failing = false;
    await vi.advanceTimersByTimeAsync(500);
    expect(told).toEqual([['keys']]);
  });

  it('looks at once when asked, and fails to whoever asked', async () => {
    numbers.set('keys', 2);
    await watch.check();
    expect(told).toEqual([['keys']]);
    failing = true;
    await expect(watch.check()).rejects.toThrow('unreachable');
    expect(errors).toEqual([]);
  });

  it('tells a change again when what was told did not take it in', async () => {
    let refuse = true;
    const stubborn = await watchRevisions({
      database,
      onChange(names) {
        told.push([...names]);
        if (refuse) throw new Error('not now');
      },
    });
    numbers.set('keys', 2);
    await expect(stubborn.check()).rejects.toThrow('not now');
    refuse = false;
    await stubborn.check();
    await stubborn.check();
    stubborn.stop();
    expect(told).toEqual([['keys'], ['keys']]);
  });

  it('never tells twice at once', async () => {
    let under = 0;
    let most = 0;
    const slow = await watchRevisions({
      database,
      async onChange() {
        most = Math.max(most, ++under);
        await Promise.resolve();
        under -= 1;
      },
    });
    numbers.set('keys', 2);
    const first = slow.check();
    numbers.set('keys', 3);
    await Promise.all([first, slow.check(), slow.check()]);
    slow.stop();
    expect(most).toBe(1);
  });

  it('is silent once it has been stopped', async () => {
    watch.stop();
    failing = true;
    await vi.advanceTimersByTimeAsync(2000);
    expect(errors).toEqual([]);
  });

  it('does not begin when the database does not answer', async () => {
    failing = true;
    await expect(watchRevisions({ database, onChange: () => undefined })).rejects.toThrow('unreachable');
  });

  it('bumps by one operation that must take', () => {
    expect(bumpRevision('keys')).toMatchObject({ params: ['keys'], mustHit: true });
  });
});
