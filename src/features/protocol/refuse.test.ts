import { describe, expect, it } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import type { Views } from '../../foundation/views/render.ts';
import { type Loss, losses } from './losses.ts';
import { createRefuse } from './refuse.ts';

const views = { render: (page: string, locals: object) => JSON.stringify({ page, ...locals }) } as unknown as Views;
const refuse = createRefuse({ clock: { now: () => 5 }, views, issuer: 'https://id.example' });

function answer(path: string, loss: Loss, retryAfter?: number) {
  const ctx = contextFor({ method: 'POST', path, state: { requestId: 'r-1', language: 'en' } });
  refuse(ctx, loss, retryAfter);
  return ctx;
}
const page = (ctx: ReturnType<typeof answer>) => JSON.parse(String(ctx.body)) as Record<string, unknown>;
const busy: Loss = { status: 503, error: 'temporarily_unavailable', description: 'later' };

describe('a lost unit', () => {
  it('is told to programs as the RFC’s JSON', () => {
    const ctx = answer('/token', losses.grant);
    expect([ctx.status, ctx.body]).toEqual([
      400,
      { error: 'invalid_grant', error_description: 'grant request is invalid' },
    ]);
    expect(ctx.response.headers).not.toHaveProperty('www-authenticate');
    expect(ctx.response.headers).not.toHaveProperty('retry-after');
  });

  it('tells a client that is not authenticated how to be (RFC 6749 §5.2)', () => {
    expect(answer('/token', losses.assertion).response.get('www-authenticate')).toBe(
      'Basic realm="https://id.example"',
    );
  });

  it('says when to come again', () => {
    expect(answer('/token', busy, 7).response.get('retry-after')).toBe('7');
  });

  it.each([losses.interaction, losses.session])('leads people back to their app: $error', (loss) => {
    const ctx = answer('/authorize', loss);
    expect(ctx.status).toBe(400);
    expect(page(ctx)).toMatchObject({ page: 'interaction/start-again', code: loss.error, reference: 'r-1', time: 5 });
  });

  it.each([
    [losses.pushedRequest, 'app-request'],
    [busy, 'unavailable'],
    [losses.tooMany, 'too-many'],
  ])('shows people a page that says whose turn it is: $error', (loss, kind) => {
    const ctx = answer('/authorize', loss, 7);
    expect(ctx.response.get('content-type')).toContain('text/html');
    expect(page(ctx)).toMatchObject({ page: 'errors/error', kind, code: loss.error, reference: 'r-1', retryAfter: 7 });
  });
});
