import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHealth, type Health } from './health.ts';
import { listen, publicVariables, tryPort } from './listen.ts';
import { type Management, startManagement } from './management.ts';
import { createMetrics } from './metrics.ts';

let health: Health;
let management: Management;
let errors: unknown[];
const metrics = createMetrics();

beforeEach(async () => {
  health = createHealth();
  errors = [];
  management = await startManagement({
    host: '127.0.0.1',
    port: 0,
    health,
    metrics,
    onError: (error) => errors.push(error),
  });
});
afterEach(() => management.close());

const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${management.port}${path}`, init);

describe('the management port', () => {
  it('answers health as JSON, 503 while down', async () => {
    expect((await ask('/health/live')).status).toBe(200);
    for (const path of ['/health/started', '/health/ready', '/health', '/healthz'])
      expect((await ask(path)).status).toBe(503);
    health.markStarted();
    for (const path of ['/health/started', '/health/ready', '/health', '/healthz?verbose=1']) {
      const answer = await ask(path);
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
      expect(await answer.json()).toMatchObject({ status: 'UP', checks: [{ name: 'process', status: 'UP' }] });
    }
  });

  it('answers metrics in the text format', async () => {
    const answer = await ask('/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(await answer.text()).toContain('# TYPE postern_authn_total counter');
  });

  it('answers HEAD without a body, and refuses other methods and addresses', async () => {
    const head = await ask('/health/live', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const post = await ask('/metrics', { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    for (const path of ['/', '/health/', '/metrics/x', '//health', '/%68ealth'])
      expect((await ask(path)).status).toBe(404);
  });

  it('answers 500 and tells why when an answer cannot be made', async () => {
    const broken = await startManagement({
      host: '127.0.0.1',
      port: 0,
      health,
      metrics: { contentType: 'text/plain', text: () => Promise.reject(new Error('canary')) },
      onError: (error) => errors.push(error),
    });
    const answer = await fetch(`http://127.0.0.1:${broken.port}/metrics`);
    expect([answer.status, await answer.text()]).toEqual([500, 'failed\n']);
    expect(errors).toHaveLength(1);
    await broken.close();
  });

  it('that is taken is told with the variable to change', async () => {
    const { port } = management;
    const second = startManagement({ host: '127.0.0.1', port, health, metrics, onError: () => undefined });
    await expect(second).rejects.toMatchObject({
      code: 'port_taken',
      message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
    });
    await expect(second).rejects.toThrow('POSTERN_MANAGEMENT_PORT');
  });
});

describe('a server that listens', () => {
  it('gives its port, and keeps its own error handling afterwards', async () => {
    const server = createServer();
    const port = await listen(server, { host: '127.0.0.1', port: 0, variables: publicVariables });
    expect((server.address() as AddressInfo).port).toBe(port);
    expect(server.listenerCount('error')).toBe(0);
    server.close();
  });

  it('can be tried beforehand, and leaves the port free', async () => {
    const blocker = createServer();
    const port = await listen(blocker, { host: '127.0.0.1', port: 0, variables: publicVariables });
    const trying = { host: '127.0.0.1', port, variables: publicVariables };
    await expect(tryPort(trying)).rejects.toMatchObject({ code: 'port_taken' });
    await new Promise((resolve) => blocker.close(resolve));
    await tryPort(trying);
    const server = createServer();
    expect(await listen(server, trying)).toBe(port);
    server.close();
  });

  it('tells an address that this machine does not have', async () => {
    const listening = listen(createServer(), { host: '203.0.113.1', port: 0, variables: publicVariables });
    await expect(listening).rejects.toMatchObject({ code: 'address_unusable' });
    await expect(listening).rejects.toThrow('POSTERN_HOST');
  });

  it('tells a port that is not for this user', async () => {
    const server = createServer();
    server.listen = ((..._args: unknown[]) => {
      queueMicrotask(() => server.emit('error', Object.assign(new Error('denied'), { code: 'EACCES' })));
      return server;
    }) as typeof server.listen;
    const listening = listen(server, { host: '127.0.0.1', port: 80, variables: publicVariables });
    await expect(listening).rejects.toMatchObject({ code: 'port_forbidden' });
  });
});
