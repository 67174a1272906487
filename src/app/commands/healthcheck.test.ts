import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHealth, type Health } from '../../foundation/observe/health.ts';
import { type Management, startManagement } from '../../foundation/observe/management.ts';
import { createMetrics } from '../../foundation/observe/metrics.ts';
import { healthcheck } from './healthcheck.ts';

let health: Health;
let management: Management;
let said: { out: string; err: string };
const metrics = createMetrics();
const io = (json = false) => ({
  json,
  out(text: string) {
    said.out += text;
  },
  err(text: string) {
    said.err += text;
  },
});

beforeEach(async () => {
  said = { out: '', err: '' };
  health = createHealth();
  management = await startManagement({ host: '127.0.0.1', port: 0, health, metrics, onError: () => undefined });
});
afterEach(() => management.close());

describe('postern healthcheck', () => {
  it('succeeds when the server is ready, also where it listens on every address', async () => {
    health.markStarted();
    for (const managementHost of ['127.0.0.1', '0.0.0.0', 'localhost']) {
      expect(await healthcheck(io(), { managementHost, managementPort: management.port })).toBe(0);
    }
    expect(said.out).toBe('UP\nUP\nUP\n');
  });

  it('fails and names what is down', async () => {
    health.check('database', () => Promise.reject(new Error('x')));
    expect(await healthcheck(io(), { managementHost: '127.0.0.1', managementPort: management.port })).toBe(1);
    expect(said.out).toBe('DOWN\nprocess: still starting\ndatabase: failed\n');
  });

  it('gives the report as JSON', async () => {
    health.markStarted();
    await healthcheck(io(true), { managementHost: '127.0.0.1', managementPort: management.port });
    expect(JSON.parse(said.out)).toEqual({ status: 'UP', checks: [{ name: 'process', status: 'UP' }] });
  });

  it('fails when nothing answers, and says where it asked', async () => {
    await management.close();
    expect(await healthcheck(io(), { managementHost: '127.0.0.1', managementPort: management.port })).toBe(1);
    expect(said.err).toContain(`http://127.0.0.1:${management.port}/health/ready is not healthy`);
    for (const managementHost of ['::', '::1']) {
      expect(await healthcheck(io(), { managementHost, managementPort: management.port })).toBe(1);
    }
    expect(said.err).toContain('http://[::1]:');
    management = await startManagement({ host: '127.0.0.1', port: 0, health, metrics, onError: () => undefined });
  });
});
