import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, publicVariables } from '../../src/foundation/observe/listen.ts';
import { createOutboundFetch, guardedFetch } from '../../src/foundation/outbound/fetch.ts';

const allow = ['127.0.0.0/8', '::1/128'];
let folder: string;
let server: Server;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postern-private-ca-'));
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    join(folder, 'key.pem'),
  ];
  execFileSync('openssl', ['req', '-x509', '-days', '1', ...key, ...subject, '-out', join(folder, 'ca.pem')], {
    stdio: 'ignore',
  });
  const pair = { cert: readFileSync(join(folder, 'ca.pem')), key: readFileSync(join(folder, 'key.pem')) };
  server = createServer(pair, (_request, response) => response.end('private'));
  url = `https://localhost:${await listen(server, { host: '127.0.0.1', port: 0, variables: publicVariables })}/`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

describe('a server with a certificate of a private authority', () => {
  it('is not trusted by itself', async () => {
    await expect(guardedFetch({ allow })(url)).rejects.toMatchObject({ code: 'outbound_failed' });
  });

  it('is trusted through outbound.ca, and only for its own name', async () => {
    const ca = join(folder, 'ca.pem');
    const fetch = createOutboundFetch({ outbound: { ca, allow } });
    expect(await (await fetch(url)).text()).toBe('private');
    const byAddress = url.replace('localhost', '127.0.0.1');
    await expect(fetch(byAddress)).rejects.toMatchObject({ code: 'outbound_failed' });
  });
});
