import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inTurns } from './in-turns.ts';

const request = (url: string) => ({ url }) as IncomingMessage;
const response = {} as ServerResponse & { req: IncomingMessage };

describe('requests in turns', () => {
  it('are served in their order, after all of the turn have arrived', async () => {
    const served: (string | undefined)[] = [];
    const listener = inTurns(({ url }) => void served.push(url));
    for (const url of ['/1', '/2', '/3']) listener(request(url), response);
    expect(served).toEqual([]);
    await nextTurn();
    expect(served).toEqual(['/1', '/2', '/3']);
    listener(request('/4'), response);
    await nextTurn();
    expect(served).toEqual(['/1', '/2', '/3', '/4']);
  });

  it('that arrive while others are served come in the next turn', async () => {
    const served: (string | undefined)[] = [];
    const listener = inTurns(({ url }) => {
      served.push(url);
      if (url === '/1') listener(request('/2'), response);
    });
    listener(request('/1'), response);
    await nextTurn();
    await nextTurn();
    expect(served).toEqual(['/1', '/2']);
  });
});
