import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.ts';
import { createHealth } from './health.ts';

describe('health', () => {
  it('is live from the first moment, started and ready only after start-up', async () => {
    const health = createHealth();
    expect(health.live().status).toBe('UP');
    expect(health.started().status).toBe('DOWN');
    expect(await health.ready()).toEqual({
      status: 'DOWN',
      checks: [{ name: 'process', status: 'DOWN', detail: 'still starting' }],
    });
    health.markStarted();
    expect(health.started().status).toBe('UP');
    expect((await health.ready()).status).toBe('UP');
  });

  it('is not ready, but live and started, while the server stops', async () => {
    const health = createHealth();
    health.markStarted();
    health.markStopping();
    expect((await health.ready()).checks).toEqual([{ name: 'process', status: 'DOWN', detail: 'stopping' }]);
    expect([health.live().status, health.started().status]).toEqual(['UP', 'UP']);
  });

  it('names each check, and repeats only our own words', async () => {
    const health = createHealth();
    health.markStarted();
    health.check('database', async () => undefined);
    health.check('keys', () => {
      throw new AppError('no_key', 500, 'There is no signing key.');
    });
    health.check('driver', () => Promise.reject(new Error('postgresql://u:canary@db')));
    expect(await health.ready()).toEqual({
      status: 'DOWN',
      checks: [
        { name: 'process', status: 'UP' },
        { name: 'database', status: 'UP' },
        { name: 'keys', status: 'DOWN', detail: 'There is no signing key.' },
        { name: 'driver', status: 'DOWN', detail: 'failed' },
      ],
    });
  });

  it('does not wait for a check that hangs', async () => {
    const health = createHealth();
    health.markStarted();
    health.check('database', () => new Promise(() => undefined), 20);
    expect((await health.ready()).checks[1]).toEqual({
      name: 'database',
      status: 'DOWN',
      detail: 'no answer within 20 ms',
    });
  });
});
