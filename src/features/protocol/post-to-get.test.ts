import { describe, expect, it, vi } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import { postToGet } from './post-to-get.ts';

async function post(path: string, rawBody?: string, method = 'POST') {
  const ctx = contextFor({ method, path });
  Object.assign(ctx.request, { rawBody });
  const next = vi.fn();
  await postToGet()(ctx as never, next);
  return { ctx, next };
}

describe('a POST to where browsers go', () => {
  it.each(['/authorize', '/logout'])(
    'becomes a GET of %s with the same parameters, repeated ones included',
    async (path) => {
      const { ctx, next } = await post(path, 'a=1&b=x+y%26z&a=2');
      expect([ctx.status, ctx.response.get('location')]).toEqual([303, `${path}?a=1&a=2&b=x%20y%26z`]);
      expect(next).not.toHaveBeenCalled();
    },
  );

  it('carries nothing over when there was no form', async () => {
    expect((await post('/authorize')).ctx.response.get('location')).toBe('/authorize?');
  });

  it('is refused when it fits into no address', async () => {
    await expect(post('/authorize', `state=${'x'.repeat(7_995)}`)).rejects.toMatchObject({ status: 413 });
    expect((await post('/authorize', `state=${'x'.repeat(7_994)}`)).ctx.status).toBe(303);
  });

  it.each([
    ['/token', 'POST'],
    ['/authorize', 'GET'],
    ['/authorize/uid', 'POST'],
  ])('is left alone elsewhere: %s %s', async (path, method) => {
    expect((await post(path, 'a=1', method)).next).toHaveBeenCalledTimes(1);
  });
});
