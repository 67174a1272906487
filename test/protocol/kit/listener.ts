import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call that arrived. */
export interface Call {
  readonly path: string;
  readonly contentType: string | undefined;
  readonly form: URLSearchParams;
}

/** A relying app's own server, as far as back-channel logout needs it. */
export interface Listener {
  readonly url: string;
  readonly calls: Call[];
  /** What it answers from now on. */
  status: number;
  close(): Promise<void>;
}

export async function startListener(): Promise<Listener> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      calls.push({
        path: request.url ?? '',
        contentType: request.headers['content-type'],
        form: new URLSearchParams(text),
      });
      response.writeHead(listener.status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listener: Listener = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
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
