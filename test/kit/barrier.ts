import { connect, type Socket } from 'node:net';

/** One HTTP request, written by hand so that everything but its last byte can be sent before the race begins. */
export interface RaceRequest {
  /** Where the racer's node listens. */
  readonly origin: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
}

export interface RaceAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
  /** Milliseconds on one clock. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/**
 * Sends all requests at once, each on a connection of its own that was opened before, and held back by its last byte.
 * Returns the answers in the order of the requests.
 */
export async function race(requests: readonly RaceRequest[]): Promise<RaceAnswer[]> {
  const racers = await Promise.all(requests.map(ready));
  return Promise.all(racers.map((racer) => racer.go()));
}

/** How many of the answers were under way while another one was: what makes a race a race. */
export function overlapping(answers: readonly RaceAnswer[]): number {
  return answers.filter((one) =>
    answers.some((other) => other !== one && other.sentAt < one.answeredAt && one.sentAt < other.answeredAt),
  ).length;
}

interface Racer {
  go(): Promise<RaceAnswer>;
}

async function ready(request: RaceRequest): Promise<Racer> {
  const { hostname, port, host } = new URL(request.origin);
  const socket = connect({ host: hostname === 'localhost' ? '127.0.0.1' : hostname, port: Number(port) });
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const bytes = Buffer.from(textOf(request, host));
  socket.write(bytes.subarray(0, -1));
  return { go: () => finish(socket, bytes.subarray(-1)) };
}

function textOf({ method, path, headers = {}, form }: RaceRequest, host: string): string {
  const body = form === undefined ? '' : new URLSearchParams(form).toString();
  const lines = {
    host,
    connection: 'close',
    ...(form === undefined
      ? {}
      : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }),
    ...headers,
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`;
}

function finish(socket: Socket, lastByte: Buffer): Promise<RaceAnswer> {
  const sentAt = performance.now();
  let text = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.once('error', reject);
    socket.once('end', () => {
      const [headers = '', ...rest] = text.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1]);
      resolve({
        status,
        headers,
        body: unchunked(headers, rest.join('\r\n\r\n')),
        sentAt,
        answeredAt: performance.now(),
      });
    });
    socket.write(lastByte);
  });
}

function unchunked(headers: string, body: string): string {
  return /transfer-encoding: chunked/i.test(headers) ? body.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '') : body;
}
