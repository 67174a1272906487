import type { ServerResponse } from 'node:http';
import type { Reply } from './dialect.ts';

/** How an answer can go wrong; or the answer itself. A connection that is refused is `Upstream.goAway`. */
export type Fault =
  | 'hangs'
  | 'hangs-up'
  | 'trickles'
  | 'error-500'
  | 'truncated-json'
  | 'huge'
  | 'redirect-inside'
  | 'wrong-type'
  | 'empty'
  | Reply;

/** Where `redirect-inside` leads: nobody may ever ask for it. */
export const insidePath = '/inside/metadata';

const json = { 'content-type': 'application/json' };
const megabyte = Buffer.alloc(1024 * 1024, 'a');

/** Answers wrongly. The connection may stay open: closing the stand-in ends it. */
export function fail(fault: Exclude<Fault, Reply>, response: ServerResponse, origin: string): void {
  const { socket } = response;
  const answers: Record<typeof fault, () => void> = {
    hangs: () => undefined,
    'hangs-up': () => socket?.destroy(),
    // A byte a quarter of a second: every single wait is short, the whole never ends.
    trickles: () => trickle(response),
    'error-500': () => response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>Internal Server Error</h1>'),
    'truncated-json': () => response.writeHead(200, json).end('{"access_token":"half an ans'),
    huge: () => pour(response, 20),
    'redirect-inside': () => response.writeHead(302, { location: origin + insidePath }).end(),
    'wrong-type': () => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Down for maintenance</h1>'),
    empty: () => response.writeHead(200, json).end(),
  };
  answers[fault]();
}

function trickle(response: ServerResponse): void {
  response.writeHead(200, json);
  const timer = setInterval(() => response.write(' '), 250);
  response.once('close', () => clearInterval(timer));
}

/** JSON of so many megabytes, without ever holding it. */
function pour(response: ServerResponse, megabytes: number): void {
  response.writeHead(200, json);
  response.write('{"padding":"');
  let left = megabytes;
  const more = (): void => {
    while (left > 0) {
      left -= 1;
      if (!response.write(megabyte)) return void response.once('drain', more);
    }
    response.end('"}');
  };
  more();
}
