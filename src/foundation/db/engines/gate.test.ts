import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGate, type Gate } from './gate.ts';

describe('the gate before a database server', () => {
  let gate: Gate;
  const refused = () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
  const answer = vi.fn<() => Promise<string>>();

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    answer.mockReset().mockResolvedValue('answer');
    gate = createGate({ limit: 3, restMs: 250 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets calls through and hands on what they answer', async () => {
    expect(await gate(answer)).toBe('answer');
  });

  it('hands errors on translated', async () => {
    const duplicate = Object.assign(new Error('x'), { code: '23505' });
    await expect(gate(() => Promise.reject(duplicate))).rejects.toMatchObject({ code: 'store_unique' });
  });

  it('fails at once while the server is down, without trying', async () => {
    await expect(gate(refused)).rejects.toMatchObject({ code: 'store_unavailable' });
    vi.advanceTimersByTime(249);
    await expect(gate(answer)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(answer).not.toHaveBeenCalled();
  });

  it('lets one call at a time find out whether the server is back', async () => {
    await expect(gate(refused)).rejects.toMatchObject({ code: 'store_unavailable' });
    vi.advanceTimersByTime(250);
    const { promise, resolve } = Promise.withResolvers<string>();
    const probe = gate(() => promise);
    await expect(gate(answer)).rejects.toMatchObject({ code: 'store_unavailable' });
    resolve('back');
    expect(await probe).toBe('back');
    expect(await Promise.all([gate(answer), gate(answer)])).toEqual(['answer', 'answer']);
  });

  it('rests again when the one that tried has failed', async () => {
    await expect(gate(refused)).rejects.toMatchObject({ code: 'store_unavailable' });
    vi.advanceTimersByTime(250);
    await expect(gate(refused)).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(gate(answer)).rejects.toMatchObject({ code: 'store_unavailable' });
    vi.advanceTimersByTime(250);
    expect(await gate(answer)).toBe('answer');
  });

  it('stays open for errors that a working server gives', async () => {
    await expect(gate(() => Promise.reject(Object.assign(new Error('x'), { code: '42P01' })))).rejects.toMatchObject({
      code: 'store_failed',
    });
    expect(await gate(answer)).toBe('answer');
  });

  it('sheds what exceeds its limit and serves again afterwards', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = [1, 2, 3].map(() => gate(() => promise));
    await expect(gate(answer)).rejects.toMatchObject({ code: 'store_busy', status: 503, retryAfter: 1 });
    resolve('done');
    await Promise.all(waiting);
    expect(await gate(answer)).toBe('answer');
  });
});
