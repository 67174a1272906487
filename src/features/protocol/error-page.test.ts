import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { describe, expect, it } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Clients } from '../clients/module.ts';
import { errorPage } from './error-page.ts';

const views = { render: (page: string, locals: object) => JSON.stringify({ page, ...locals }) } as unknown as Views;
const metadata = { client_name: 'Shop', client_uri: 'https://shop.example/' };
const clients = { find: (id: string) => (id === 'shop' ? { metadata } : undefined) } as unknown as Clients;
const render = errorPage({
  issuer: 'https://id.example',
  clock: { now: () => 5 },
  clients,
  views,
  startAgain: async (_request, reference) => ({
    page: 'interaction/start-again',
    locals: { ...reference, reason: 'expired', backTo: undefined },
  }),
});

/** What the page shows after this error. */
async function shown(
  error: Error,
  { status = 400, path = '/authorize', oidc = {} }: { status?: number; path?: string; oidc?: object } = {},
) {
  const ctx = contextFor({ path, state: { requestId: 'r-1', language: 'en' } });
  ctx.status = status;
  Object.assign(ctx, { oidc });
  const out = { error: 'invalid_request', error_description: 'what the library says' };
  await render(ctx as unknown as KoaContextWithOIDC, out, error);
  const isPage = String(ctx.body).startsWith('{');
  return { ctx, page: isPage ? (JSON.parse(String(ctx.body)) as Record<string, unknown>) : undefined };
}
const gone = (description: string) => Object.assign(new Error(), { error_description: description });

describe('the error page', () => {
  it('says what the app did wrong, and leads back to it', async () => {
    const error = new Error('wrong');
    const { ctx, page } = await shown(error, { oidc: { client: { clientId: 'shop' } } });
    expect(page).toMatchObject({
      page: 'errors/error',
      kind: 'app-request',
      code: 'invalid_request',
      reference: 'r-1',
      time: 5,
      detail: 'what the library says',
      app: { name: 'Shop' },
      backTo: { href: 'https://shop.example/' },
    });
    expect(ctx.state['protocolError']).toBe(error);
  });

  it.each([
    [500, 'failed'],
    [503, 'unavailable'],
  ])('tells no details of what the server did wrong: %i', async (status, kind) => {
    const { page } = await shown(new Error('internal'), { status });
    expect(page).toMatchObject({ kind });
    expect(page).not.toHaveProperty('detail');
  });

  it.each([
    ['a step that is over', new errors.SessionNotFound('gone')],
    ['a form that is over', gone('could not find device form details')],
  ])('leads whoever comes to %s back to the beginning', async (_, error) => {
    expect((await shown(error, { path: '/device' })).page).toMatchObject({
      page: 'interaction/start-again',
      reference: 'r-1',
    });
  });

  describe('of a sign-out whose question is stale', () => {
    const path = '/logout/confirm';

    it.each(['could not find logout details', 'xsrf token invalid'])(
      'says that it is done to whoever is signed out: %s',
      async (words) => {
        const { ctx, page } = await shown(gone(words), { path });
        expect([ctx.status, page?.['page']]).toEqual([200, 'logout/done']);
      },
    );

    it('asks whoever is signed in once more', async () => {
      const { ctx } = await shown(gone('xsrf token invalid'), { path, oidc: { session: { accountId: 'alice' } } });
      expect([ctx.status, ctx.response.get('location')]).toEqual([303, '/logout']);
    });
  });
});
