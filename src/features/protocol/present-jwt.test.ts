import { describe, expect, it } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import { presentJwt } from './present-jwt.ts';
import { runInUnit, UnitOfWork } from './unit.ts';

const swap = presentJwt({ bytes: (length) => Buffer.alloc(length, 1) });
const handle = `jwt~${Buffer.alloc(16, 1).toString('base64url')}`;

/** What the library gets to see of a posted form, and which JWTs the request presented. */
async function given(path: string, form: string) {
  const unit = new UnitOfWork(0);
  let seen = '';
  await runInUnit(unit, async () => {
    seen = swap(contextFor({ method: 'POST', path }), Buffer.from(form)).toString();
  });
  return { seen, presented: [...unit.presented] };
}

describe('a JWT that a caller presents', () => {
  it.each(['/introspect', '/revoke'])('is swapped for a handle at %s, and not looked at', async (path) => {
    const { seen, presented } = await given(path, 'token=eyA.b.c&token_type_hint=access_token&client_id=x%20y');
    expect(seen).toBe(`token=${encodeURIComponent(handle)}&token_type_hint=access_token&client_id=x%20y`);
    expect(presented).toEqual([[handle, { value: 'eyA.b.c', verified: false }]]);
  });

  it.each([
    ['an opaque token', '/introspect', 'token=at_abc'],
    ['an opaque token that begins alike', '/introspect', 'token=eyabc'],
    ['a repeated parameter', '/introspect', 'token=eyA.b.c&token=eyA.b.c'],
    ['the token of another parameter', '/introspect', 'other_token=ey.b.c'],
    ['another endpoint', '/token', 'token=eyA.b.c'],
  ])('leaves %s as it is', async (_, path, form) => {
    expect(await given(path, form)).toEqual({ seen: form, presented: [] });
  });

  it('is swapped outside a request’s unit as well, where nobody will find it', () => {
    const seen = swap(contextFor({ path: '/introspect' }), Buffer.from('token=eyA.b.c')).toString();
    expect(seen).toBe(`token=${encodeURIComponent(handle)}`);
  });
});
