import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readBody } from './read-body.ts';

const stream = () => new PassThrough() as PassThrough & IncomingMessage;

describe('a request body', () => {
  it.each([
    ['nothing', [], ''],
    ['one piece', ['a=1'], 'a=1'],
    ['many pieces', ['a=', '1&b', '=ü'], 'a=1&b=ü'],
    ['as much as is allowed', ['x'.repeat(10)], 'x'.repeat(10)],
  ])('is read whole: %s', async (_what, pieces, whole) => {
    const request = stream();
    const read = readBody(request, 10);
    for (const piece of pieces) request.write(piece);
    request.end();
    expect((await read)?.toString()).toBe(whole);
  });

  it('is refused as soon as it is too large', async () => {
    const request = stream();
    const read = readBody(request, 10);
    request.write('x'.repeat(6));
    request.write('x'.repeat(5));
    expect(await read).toBeUndefined();
    expect(request.listenerCount('data')).toBe(0);
  });

  it.each([
    ['while it is read', 0],
    ['before anybody reads it', 1],
  ])('that is cut off %s is an error of the caller', async (_when, early) => {
    const request = stream();
    request.write('a=');
    if (early) {
      request.destroy();
      await new Promise((resolve) => request.once('close', resolve));
    }
    const read = readBody(request, 10);
    request.destroy();
    await expect(read).rejects.toMatchObject({ status: 400 });
  });
});
