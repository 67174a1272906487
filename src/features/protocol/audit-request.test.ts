import type { KoaContextWithOIDC } from 'oidc-provider';
import { describe, expect, it } from 'vitest';
import { contextFor } from '../../../test/kit/context.ts';
import { eventsOf, refusalReason } from './audit-request.ts';
import { houseClientId } from './routes.ts';
import { writes } from './store.ts';
import { UnitOfWork } from './unit.ts';

interface Request {
  readonly route: string;
  readonly status?: number;
  readonly body?: unknown;
  readonly location?: string;
  readonly error?: object;
  readonly oidc?: object;
}

/** A request as the library leaves it. */
function after({ route, status = 200, body, location, error, oidc = {} }: Request): KoaContextWithOIDC {
  const ctx = contextFor();
  ctx.status = status;
  if (body !== undefined) ctx.body = body;
  if (location !== undefined) ctx.set('location', location);
  ctx.state['protocolError'] = error;
  return Object.assign(ctx, { oidc: { route, entities: {}, ...oidc } }) as unknown as KoaContextWithOIDC;
}
const events = (request: Request, unit = new UnitOfWork(0)) => eventsOf(after(request), unit);
const shop = { clientId: 'shop', clientName: 'Shop' };
const asShop = { kind: 'client', id: 'shop', name: 'Shop' };

describe('the reason of a refusal', () => {
  it.each([
    [{ error: { error: 'invalid_grant' }, body: { error: 'other' } }, 'invalid_grant'],
    [{ body: { error: 'invalid_client' } }, 'invalid_client'],
    [{ status: 404 }, 'http_404'],
    [{ body: 'page' }, undefined],
    [{}, undefined],
  ])('is found in what was answered: %j', (request, reason) => {
    expect(refusalReason(after({ route: 'token', ...request }))).toBe(reason);
  });
});

describe('what a client did', () => {
  it('is told of tokens, with what was issued', () => {
    const AccessToken = { format: 'jwt', scope: 'read', aud: 'https://api.example/' };
    const oidc = {
      client: shop,
      params: { grant_type: 'authorization_code' },
      entities: { AccessToken, RefreshToken: {}, Account: { accountId: 'alice' } },
    };
    expect(events({ route: 'token', oidc })).toEqual([
      {
        type: 'token.issued',
        outcome: 'success',
        actor: asShop,
        client: 'shop',
        subject: 'alice',
        details: {
          grant_type: 'authorization_code',
          token: 'jwt',
          scope: 'read',
          resource: 'https://api.example/',
          refresh_token: true,
        },
      },
    ]);
  });

  it('is told of opaque tokens for the client itself', () => {
    const oidc = { client: { clientId: 'job' }, params: {}, entities: { ClientCredentials: {} } };
    expect(events({ route: 'token', oidc })).toMatchObject([
      { actor: { kind: 'client', id: 'job', name: 'job' }, details: { token: 'opaque', refresh_token: false } },
    ]);
  });

  it('keeps no grant type that there is none of: it may be anything, a token too', () => {
    const oidc = { params: { grant_type: 'rt_of-somebody' }, entities: {} };
    const refused = events({ route: 'token', status: 401, oidc, error: { error: 'invalid_client' } });
    expect(refused).toMatchObject([{ type: 'token.refused', reason: 'invalid_client' }]);
    expect(JSON.stringify(refused)).not.toContain('rt_of-somebody');
  });

  it.each(['authorization_pending', 'slow_down'])('is nothing while a device waits: %s', (error) => {
    expect(events({ route: 'token', status: 400, error: { error } })).toEqual([]);
  });

  it.each([
    ['refresh token already used', 'refresh.reused'],
    ['authorization code already consumed', 'code.reused'],
    ['device code already consumed', 'code.reused'],
    ['grant not found', 'token.refused'],
    [undefined, 'token.refused'],
  ])('is told of refusals, and reuse is named as such: %s', (detail, type) => {
    const error = { error: 'invalid_grant', error_detail: detail };
    expect(events({ route: 'token', status: 400, error, oidc: { client: shop } })).toMatchObject([
      { type, outcome: 'denied', reason: 'invalid_grant', actor: asShop },
    ]);
  });

  it.each([
    ['pushed_authorization_request', 'request.pushed', 'request.refused'],
    ['device_authorization', 'device.started', 'request.refused'],
    ['introspection', undefined, 'token.introspection_refused'],
    ['revocation', undefined, 'token.refused'],
  ])('is told at %s', (route, done, refused) => {
    const types = (request: Request) => events(request).map(({ type }) => type);
    expect(types({ route, oidc: { client: shop } })).toEqual(done === undefined ? [] : [done]);
    expect(types({ route, status: 401, body: { error: 'invalid_client' } })).toEqual([refused]);
  });

  it('is told of revocations, of its own tokens only (RFC 7009 §2.2)', () => {
    const revoke = (entities: object) => events({ route: 'revocation', oidc: { client: shop, entities } });
    for (const kind of ['AccessToken', 'RefreshToken', 'ClientCredentials']) {
      expect(revoke({ [kind]: { kind, clientId: 'shop' } })).toMatchObject([
        { type: 'token.revoked', details: { kind } },
      ]);
    }
    expect(revoke({ AccessToken: { kind: 'AccessToken', clientId: 'books' } })).toEqual([]);
  });

  it('is nothing where nothing happens that is told', () => {
    expect(events({ route: 'jwks' })).toEqual([]);
  });
});

describe('what a person did', () => {
  const login = { accountId: 'alice', amr: ['pwd'], acr: 'one', ts: 100 };
  const signedIn = { result: { login }, session: { accountId: 'alice' }, client: shop };

  it('is told of a sign-in, once', () => {
    expect(events({ route: 'resume', status: 303, oidc: signedIn })).toMatchObject([
      { type: 'session.started', subject: 'alice', client: 'shop', details: { amr: ['pwd'], acr: 'one' } },
    ]);
    const unit = new UnitOfWork(0);
    unit.sessionBegan = 100;
    expect(events({ route: 'resume', status: 303, oidc: signedIn }, unit)).toEqual([]);
  });

  it('is not told of a sign-in that did not come about', () => {
    expect(events({ route: 'resume', oidc: { ...signedIn, session: { accountId: 'bob' } } })).toEqual([]);
    expect(events({ route: 'resume', oidc: { ...signedIn, session: undefined } })).toEqual([]);
  });

  it('is told of a refusal of theirs, and of one that met them', () => {
    const oidc = { session: { accountId: 'alice' }, client: shop };
    expect(events({ route: 'resume', status: 303, error: { error: 'access_denied' }, oidc })).toMatchObject([
      { type: 'consent.denied', actor: { kind: 'user', id: 'alice' } },
    ]);
    expect(events({ route: 'authorization', status: 400, error: { error: 'invalid_request' } })).toMatchObject([
      { type: 'request.refused', reason: 'invalid_request', actor: { kind: 'anonymous' }, client: undefined },
    ]);
  });

  it.each([
    [{ location: 'https://app.example/#id_token=a.b.c' }, 1],
    [{ location: 'https://app.example/#state=1&access_token=x' }, 1],
    [{ body: '<input type="hidden" name="id_token" value="x">' }, 1],
    [{ location: 'https://app.example/?code=1' }, 0],
    [{ body: '<input type="hidden" name="code" value="x">' }, 0],
  ])('is told of tokens that go out without the token endpoint: %j', (answer, count) => {
    const told = events({ route: 'authorization', status: 303, ...answer, oidc: { client: shop } });
    expect(told.filter(({ type }) => type === 'token.issued')).toHaveLength(count);
  });

  it.each([
    [undefined, 'device.confirmed', 'success'],
    ['access_denied', 'device.denied', 'denied'],
  ])('is told of a decision about a device, when there was one: %s', (error, type, outcome) => {
    const oidc = { ...signedIn, client: undefined, deviceCode: { clientId: 'tv', error } };
    const unit = new UnitOfWork(0);
    expect(events({ route: 'code_verification', oidc }, unit).map((event) => event.type)).toEqual(['session.started']);
    unit.add({ rank: 'row', key: 'code', statement: writes.decideDeviceCode, params: [] });
    expect(events({ route: 'device_resume', oidc }, unit)).toMatchObject([
      { type: 'session.started' },
      { type, outcome, client: 'tv', actor: { kind: 'user', id: 'alice' } },
    ]);
  });

  it('is told of a sign-out, and by which app’s wish', () => {
    const unit = new UnitOfWork(0);
    const oidc = { session: { accountId: 'alice' }, client: shop };
    expect(events({ route: 'end_session_confirm', oidc }, unit)).toEqual([]);
    unit.endedSessions.add('uid');
    expect(events({ route: 'end_session_confirm', oidc }, unit)).toMatchObject([
      { type: 'session.ended', subject: 'alice', client: 'shop', actor: { kind: 'user', id: 'alice' } },
    ]);
    const ours = { ...oidc, client: { clientId: houseClientId } };
    expect(events({ route: 'end_session_confirm', oidc: ours }, unit)).toMatchObject([{ client: undefined }]);
    expect(events({ route: 'end_session_confirm', oidc: { session: {} } }, unit)).toEqual([]);
  });
});
