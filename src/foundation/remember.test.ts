import { describe, expect, it } from 'vitest';
import { remember } from './remember.ts';

/** Readings that end when and as the test says. */
function openReadings() {
  const readings: PromiseWithResolvers<string>[] = [];
  const read = () => {
    const reading = Promise.withResolvers<string>();
    readings.push(reading);
    return reading.promise;
  };
  return { remembered: remember('initial', read), readings };
}

describe('what is remembered', () => {
  it('is the last reading', async () => {
    const { remembered, readings } = openReadings();
    expect(remembered.current()).toBe('initial');
    const refreshed = remembered.refresh();
    readings[0]?.resolve('first');
    expect(await refreshed).toBe('first');
    expect(remembered.current()).toBe('first');
  });

  it('is not put back by an earlier reading that took longer', async () => {
    const { remembered, readings } = openReadings();
    const [slow, fast] = [remembered.refresh(), remembered.refresh()];
    readings[1]?.resolve('after the change');
    await fast;
    readings[0]?.resolve('before the change');
    expect(await slow).toBe('before the change');
    expect(remembered.current()).toBe('after the change');
  });

  it('stays when a reading fails, and the next one counts', async () => {
    const { remembered, readings } = openReadings();
    const failing = remembered.refresh();
    readings[0]?.reject(new Error('no answer'));
    await expect(failing).rejects.toThrow('no answer');
    expect(remembered.current()).toBe('initial');
    const next = remembered.refresh();
    readings[1]?.resolve('second');
    await next;
    expect(remembered.current()).toBe('second');
  });
});
