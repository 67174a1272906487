import { createServer } from 'node:net';

/**
 * Below those that systems give to connections on their way out (Linux from 32768 on, others from 49152): between the
 * moment a port is chosen and the one it is listened on, and while its server is restarted, no connection can take it.
 * And above those that browsers refuse (10080 the last).
 */
const lowest = 11_000;
const count = 21_000;

/** Each process begins somewhere else and goes up from there, so that two of them hardly choose the same. */
let next = Math.floor(Math.random() * count);

/** A TCP port that nobody listens on at 127.0.0.1 right now; never the same twice in a process. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < count; tried += 1) {
    const port = lowest + next;
    next = (next + 1) % count;
    if (await isFree(port)) return port;
  }
  throw new Error('no port');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
