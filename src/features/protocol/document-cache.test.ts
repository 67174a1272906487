import { describe, expect, it, vi } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import { cacheDocuments } from './document-cache.ts';

const jwks = { method: 'GET', path: '/jwks' };

/** Asks for a document that the library would answer in its own way. */
async function ask(
  serve: ReturnType<typeof cacheDocuments>,
  request: Parameters<typeof contextFor>[0],
  next = vi.fn(),
) {
  const ctx = contextFor(request);
  await serve(ctx as never, async () => next(ctx));
  return { ctx, next };
}
const answering = () =>
  vi.fn((ctx: ReturnType<typeof contextFor>) => {
    ctx.body = { keys: [] };
  });

describe('the cache of public documents', () => {
  it('asks the library once, and gives the same bytes to everybody', async () => {
    const serve = cacheDocuments();
    const next = answering();
    const first = await ask(serve, jwks, next);
    const second = await ask(serve, jwks, next);
    expect(next).toHaveBeenCalledTimes(1);
    expect(second.ctx.body).toBe(first.ctx.body);
    expect(String(second.ctx.body)).toBe('{"keys":[]}');
    expect(second.ctx.response.headers).toMatchObject({
      'cache-control': 'public, max-age=300',
      'access-control-allow-origin': '*',
      'content-type': 'application/json; charset=utf-8',
    });
  });

  it('sends nothing to who has it already', async () => {
    const serve = cacheDocuments();
    const { ctx } = await ask(serve, jwks, answering());
    const again = await ask(serve, { ...jwks, headers: { 'if-none-match': String(ctx.response.get('etag')) } });
    expect([again.ctx.status, again.ctx.body]).toEqual([304, undefined]);
    const other = await ask(serve, { ...jwks, headers: { 'if-none-match': '"another"' } });
    expect(other.ctx.status).toBe(200);
  });

  it('keeps each engine’s documents apart', async () => {
    await ask(cacheDocuments(), jwks, answering());
    const { next } = await ask(cacheDocuments(), jwks, answering());
    expect(next).toHaveBeenCalledTimes(1);
  });

  it('never keeps a failure', async () => {
    const serve = cacheDocuments();
    const failing = await ask(
      serve,
      jwks,
      vi.fn((ctx) => (ctx.status = 500)),
    );
    expect(failing.ctx.status).toBe(500);
    expect((await ask(serve, jwks, answering())).ctx.status).toBe(200);
  });

  it.each([
    { method: 'POST', path: '/jwks' },
    { method: 'GET', path: '/authorize' },
  ])('leaves $method $path to the library', async (request) => {
    const serve = cacheDocuments();
    const next = answering();
    await ask(serve, request, next);
    await ask(serve, request, next);
    expect(next).toHaveBeenCalledTimes(2);
  });
});
