import { errors } from 'oidc-provider';
import { describe, expect, it, vi } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import type { Views } from '../../foundation/views/render.ts';
import type { Clients } from '../clients/module.ts';
import { deviceFlow } from './device-pages.ts';

const views = { render: (page: string, locals: object) => JSON.stringify({ page, ...locals }) } as unknown as Views;
const clients = {
  find: (id: string) => (id === 'tv' ? { metadata: { client_name: 'Television' } } : undefined),
} as unknown as Clients;
const errorPage = vi.fn();
const pages = deviceFlow({ clock: { now: () => 5 }, clients, views, error: errorPage });

function asked(state: Record<string, unknown> = {}, status = 200) {
  const ctx = contextFor({ path: '/device', state: { language: 'en', ...state } });
  ctx.status = status;
  return Object.assign(ctx, {
    oidc: { session: { state: { secret: 'xsrf-1' } }, client: { clientId: 'tv' }, entities: {} },
  });
}
const page = (ctx: ReturnType<typeof asked>) => JSON.parse(String(ctx.body)) as Record<string, unknown>;
const named = (name: string, more: object = {}) => Object.assign(new Error(), { name, ...more });
const out = { error: 'invalid_request' };
const type = (ctx: ReturnType<typeof asked>, error?: Error) =>
  pages.userCodeInputSource?.(ctx as never, '', error ? out : undefined, error as never);

describe('the page for a device’s code', () => {
  it('asks for it', async () => {
    const ctx = asked();
    await type(ctx);
    expect(page(ctx)).toEqual({ page: 'interaction/device-code-input', action: '/device', hidden: { xsrf: 'xsrf-1' } });
  });

  it('shows the code of the address, and leaves sending it to the person (RFC 8628 §5.4)', async () => {
    const ctx = asked({ userCode: 'BCDF-GHJK' });
    await type(ctx);
    expect(page(ctx)).toMatchObject({ userCode: 'BCDF-GHJK' });
  });

  it.each([
    ['NoCodeError', 'missing'],
    ['NotFoundError', 'not-found'],
    ['ExpiredError', 'expired'],
    ['AlreadyUsedError', 'used'],
  ])('says what is wrong with what was typed: %s', async (name, kind) => {
    const typing = {};
    const ctx = asked({ deviceTyping: typing });
    await type(ctx, named(name, { userCode: 'XXXX' }));
    expect([ctx.status, page(ctx)]).toMatchObject([400, { userCode: 'XXXX', problem: { kind } }]);
    expect(typing).toEqual({ problem: kind });
    const elsewhere = asked();
    await type(elsewhere, named(name));
    expect(page(elsewhere)).toMatchObject({ problem: { kind } });
  });

  it('says how long to wait after too many tries', async () => {
    const ctx = asked({ deviceTyping: { retryAfterSeconds: 30 } });
    await type(ctx);
    expect([ctx.status, ctx.response.get('retry-after'), page(ctx)['problem']]).toEqual([
      429,
      '30',
      { kind: 'throttled', retryAfter: 30, until: 30_005 },
    ]);
  });

  it('asks again after what another code would mend', async () => {
    const ctx = asked();
    await type(ctx, named('Unknown'));
    expect(page(ctx)).toMatchObject({ page: 'interaction/device-code-input' });
    expect(page(ctx)).not.toHaveProperty('problem');
  });

  it('says so when the person refuses', async () => {
    const ctx = asked();
    await type(ctx, named('AbortedError'));
    expect(page(ctx)).toEqual({ page: 'interaction/device-done', outcome: 'refused' });
  });

  it.each([
    ['the server failed', named('ServerError'), 500],
    ['the step is over', new errors.SessionNotFound('gone'), 400],
    ['the form is gone', named('InvalidRequest', { error_description: 'could not find device form details' }), 400],
  ])('gives way to the error page when %s: no other code would help', async (_, error, status) => {
    const ctx = asked({}, status);
    await type(ctx, error);
    expect(errorPage).toHaveBeenLastCalledWith(ctx, out, error);
    expect(ctx.body).toBeUndefined();
  });
});

describe('the pages that follow', () => {
  it.each([
    ['tv', 'Television'],
    ['gone', 'gone'],
  ])('ask whether to connect this device: %s', async (clientId, name) => {
    const ctx = asked();
    await pages.userCodeConfirmSource?.(ctx as never, '', { clientId } as never, {} as never, 'BCDF-GHJK');
    expect(page(ctx)).toMatchObject({
      page: 'interaction/device-confirm',
      hidden: { xsrf: 'xsrf-1', user_code: 'BCDF-GHJK' },
      app: { name },
    });
  });

  it('speak as the device asked, and so does the form', async () => {
    const ctx = asked();
    Object.assign(ctx.oidc.entities, { DeviceCode: { params: { ui_locales: 'de en' } } });
    await pages.userCodeConfirmSource?.(ctx as never, '', { clientId: 'tv' } as never, {}, 'WDJB-MJHT');
    expect(ctx.state['uiLocales']).toBe('de en');
    expect(page(ctx)).toMatchObject({ action: '/device?ui_locales=de+en' });
  });

  it('say that it is connected', async () => {
    const ctx = asked();
    await pages.successSource?.(ctx as never);
    expect(page(ctx)).toMatchObject({
      page: 'interaction/device-done',
      outcome: 'connected',
      app: { name: 'Television' },
    });
  });
});
