import { describe, expect, it } from 'vitest';
import { closeInTime } from './shutdown.ts';

function kit() {
  const done: string[] = [];
  const said: string[] = [];
  const log = { warn: (_: unknown, message: string) => said.push(message) } as unknown as Parameters<
    typeof closeInTime
  >[1];
  const step = (name: string, work: () => Promise<unknown> = async () => undefined) => {
    return async () => {
      await work();
      done.push(name);
    };
  };
  return { done, said, log, step };
}

describe('closing', () => {
  it('takes the steps in their order, and the next one although one fails', async () => {
    const { done, said, log, step } = kit();
    const failing = step('jobs', () => Promise.reject(new Error('the database is gone')));
    await closeInTime([failing, step('management'), step('database')], log);
    expect(done).toEqual(['management', 'database']);
    expect(said).toEqual(['closing failed']);
  });

  it('waits for nobody who never ends', async () => {
    const { done, said, log, step } = kit();
    await closeInTime([step('management'), () => new Promise(() => undefined), step('database')], log, 20);
    expect(done).toEqual(['management']);
    expect(said).toEqual(['what was still under way was left behind']);
  });
});
