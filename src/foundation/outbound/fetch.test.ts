import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { AppError } from '../errors.ts';
import { listen, publicVariables } from '../observe/listen.ts';
import { asFetch, createOutboundFetch, guardedFetch } from './fetch.ts';

const servers: Server[] = [];
const serve = async (listener: RequestListener) => {
  const server = createServer(listener);
  servers.push(server);
  return listen(server, { host: '127.0.0.1', port: 0, variables: publicVariables });
};
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

const allow = ['127.0.0.0/8'];
const resolvesTo =
  (...addresses: string[]): LookupFunction =>
  (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
const refusal = (call: Promise<unknown>): Promise<AppError> =>
  call.then(
    () => {
      throw new Error('was not refused');
    },
    (error: AppError) => error,
  );

describe('a guarded fetch', () => {
  it('sends method, headers and body, and gives status, headers and body', async () => {
    const port = await serve((request, response) => {
      response.writeHead(201, {
        'X-Seen': `${request.method} ${String(request.headers['x-a'])}`,
        'Set-Cookie': ['a=1', 'b=2'],
      });
      request.pipe(response);
    });
    const answer = await guardedFetch({ allow })(`http://127.0.0.1:${port}/x`, {
      method: 'POST',
      headers: { 'x-a': '1' },
      body: 'hello',
    });
    expect(answer).toMatchObject({ status: 201, headers: { 'x-seen': 'POST 1', 'set-cookie': 'a=1, b=2' } });
    expect(answer.body.toString()).toBe('hello');
  });

  it.each([
    'http://127.0.0.1',
    'http://[::1]',
    'http://2130706433',
    'http://0x7f.1',
    'http://[::ffff:127.0.0.1]',
    'http://169.254.169.254',
    'http://10.0.0.1',
  ])('does not even connect to %s', async (origin) => {
    let connections = 0;
    const port = await serve((_request, response) => response.end());
    servers[0]?.on('connection', () => {
      connections += 1;
    });
    const error = await refusal(guardedFetch({ allow: [] })(`${origin}:${port}/`));
    expect(error).toMatchObject({ code: 'outbound_refused', message: 'This address may not be called from here.' });
    expect(connections).toBe(0);
  });

  it('checks the address that it connects to, whatever the name said before', async () => {
    const port = await serve((_request, response) => response.end('inside'));
    const lookup = resolvesTo('127.0.0.1');
    const error = await refusal(guardedFetch({ allow: [], lookup })(`http://rebind.example:${port}/`));
    expect(error).toMatchObject({ code: 'outbound_refused' });
    const { body } = await guardedFetch({ allow, lookup })(`http://rebind.example:${port}/`);
    expect(body.toString()).toBe('inside');
  });

  it('uses only the allowed ones of several addresses', async () => {
    const port = await serve((_request, response) => response.end('inside'));
    const lookup = resolvesTo('10.0.0.1', '127.0.0.1');
    expect((await guardedFetch({ allow, lookup })(`http://mixed.example:${port}/`)).status).toBe(200);
  });

  it('resolves real names by itself', async () => {
    const port = await serve((_request, response) => response.end('inside'));
    expect((await guardedFetch({ allow: [...allow, '::1/128'] })(`http://localhost:${port}/`)).status).toBe(200);
    expect(await refusal(guardedFetch({ allow: [] })(`http://localhost:${port}/`))).toMatchObject({
      code: 'outbound_refused',
    });
    const failing: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), '');
    const error = await refusal(guardedFetch({ allow, lookup: failing })('http://nowhere.example/'));
    expect(error).toMatchObject({ code: 'outbound_failed' });
  });

  it('takes no other scheme, no credentials and no nonsense', async () => {
    for (const url of ['file:///etc/passwd', 'ftp://example.com', 'http://u:p@example.com', 'data:,x', 'nonsense']) {
      expect(await refusal(guardedFetch({ allow })(url))).toMatchObject({ code: 'outbound_refused' });
    }
  });

  it('does not follow redirects', async () => {
    const port = await serve((_request, response) =>
      response.writeHead(302, { Location: 'http://169.254.169.254/' }).end(),
    );
    const answer = await guardedFetch({ allow })(new URL(`http://127.0.0.1:${port}/`));
    expect(answer).toMatchObject({ status: 302, headers: { location: 'http://169.254.169.254/' } });
  });

  it('reads no more than the limit, and never decompresses', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/gzip')
        response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1e6)));
      else if (request.url === '/edge') response.end(Buffer.alloc(5000));
      else response.end(Buffer.alloc(5001));
    });
    const fetch = guardedFetch({ allow, maxBytes: 5000 });
    expect(await refusal(fetch(`http://127.0.0.1:${port}/`))).toMatchObject({ code: 'outbound_failed' });
    expect((await fetch(`http://127.0.0.1:${port}/edge`)).body).toHaveLength(5000);
    expect((await fetch(`http://127.0.0.1:${port}/gzip`)).body.length).toBeLessThan(5000);
  });

  it.each(['silent', 'dripping'])('gives up on a server that is %s', async (kind) => {
    const port = await serve((_request, response) => {
      if (kind === 'dripping') response.write('x');
    });
    const error = await refusal(
      guardedFetch({ allow, timeoutMs: 50 })(`http://127.0.0.1:${port}/secret-path?token=canary`),
    );
    expect(error).toMatchObject({ code: 'outbound_timeout', status: 504 });
    expect(`${error.message} ${String(error.cause)}`).not.toMatch(/canary|secret-path/);
  });

  it('gives up when the caller does', async () => {
    const port = await serve(() => undefined);
    const call = guardedFetch({ allow })(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(30) });
    expect(await refusal(call)).toMatchObject({ code: 'outbound_timeout' });
  });

  it('tells a connection that fails, without path or query', async () => {
    const port = await serve((request) => request.socket.destroy());
    const error = await refusal(guardedFetch({ allow })(`http://127.0.0.1:${port}/secret-path?token=canary`));
    expect(error).toMatchObject({ code: 'outbound_failed', status: 502 });
    expect(`${error.message} ${String(error.cause)} ${String((error.cause as Error).cause)}`).not.toMatch(
      /canary|secret-path/,
    );
  });
});

describe('the guard in the shape of fetch', () => {
  it('is what libraries expect, and ignores what would go around it', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/none') {
        response.writeHead(204).end();
        return;
      }
      response.writeHead(200, { 'Content-Type': request.headers['content-type'] ?? 'none' });
      request.pipe(response);
    });
    const fetch = asFetch(guardedFetch({ allow }));
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: new Headers({ 'user-agent': '' }),
      body: new URLSearchParams({ logout_token: 'x' }),
      signal: AbortSignal.timeout(2000),
      redirect: 'manual',
      dispatcher: { dispatch: () => expect.unreachable() } as never,
    });
    expect([answer.status, await answer.text()]).toEqual([200, 'logout_token=x']);
    expect(answer.headers.get('content-type')).toContain('application/x-www-form-urlencoded');
    const empty = await fetch(new Request(`http://127.0.0.1:${port}/none`));
    expect([empty.status, empty.body]).toEqual([204, null]);
    expect(await (await fetch(new URL(`http://127.0.0.1:${port}/`))).text()).toBe('');
    expect(await refusal(fetch('http://u:p@127.0.0.1/'))).toMatchObject({ code: 'outbound_refused' });
  });

  it('is made from the configuration', async () => {
    const port = await serve((_request, response) => response.end('inside'));
    const folder = mkdtempSync(join(tmpdir(), 'postern-ca-'));
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, '');
    const fetch = createOutboundFetch({ outbound: { ca, allow } });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('inside');
    rmSync(folder, { recursive: true });
    const closed = createOutboundFetch({ outbound: { ca: undefined, allow: [] } });
    expect(await refusal(closed(`http://127.0.0.1:${port}/`))).toMatchObject({ code: 'outbound_refused' });
  });
});
