import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from '../../kit/services/certificate.ts';

/** One call that arrived. */
export interface Call {
  readonly path: string;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
}

/** A relying app's own server, as far as it is called by ours. */
export interface Listener {
  readonly url: string;
  readonly calls: Call[];
  /** What it answers from now on. */
  status: number;
  close(): Promise<void>;
}

/** Starts it, on https with a certificate for localhost. */
export async function startListener(certificate?: Certificate): Promise<Listener> {
  const calls: Call[] = [];
  const listen: RequestListener = (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      calls.push({
        path: request.url ?? '',
        contentType: request.headers['content-type'],
        authorization: request.headers.authorization,
        form: new URLSearchParams(text),
      });
      response.writeHead(listener.status).end();
    });
  };
  const pair = certificate && { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) };
  const server = pair ? createSecureServer(pair, listen) : createServer(listen);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listener: Listener = {
    url: `${pair ? 'https://localhost' : 'http://127.0.0.1'}:${(server.address() as AddressInfo).port}`,
    calls,
    status: 200,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
  return listener;
}
