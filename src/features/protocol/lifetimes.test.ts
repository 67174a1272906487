import { describe, expect, it } from 'vitest';
import type { Clients } from '../clients/module.ts';
import { settingsSchema } from '../settings/module.ts';
import { accessTokenSeconds, lifetimes } from './lifetimes.ts';

const second = 1_800_000_000;
const day = 86_400;
const settings = settingsSchema.parse({
  lifetimes: {
    accessToken: 300,
    idToken: 400,
    authorizationCode: 50,
    refreshTokenIdle: 7 * day,
    refreshTokenAbsolute: 30 * day,
    sessionIdle: 3_600,
    sessionAbsolute: 36_000,
  },
});
const own = { access_token_ttl: 60, id_token_ttl: 70, refresh_token_idle_ttl: 80, refresh_token_absolute_ttl: 900 };
const clients = { find: (id: string) => (id === 'strict' ? { metadata: own } : undefined) } as unknown as Clients;
const parts = { settings: () => settings, clients, clock: { now: () => second * 1000 + 999 } };
const ttl = lifetimes(parts) as unknown as Record<string, (ctx?: unknown, token?: unknown, client?: unknown) => number>;
const secondsOf = (kind: string, token: object = {}, client?: object): number | undefined =>
  ttl[kind]?.({}, token, client);

describe('lifetimes', () => {
  it('come from the settings', () => {
    expect(['AccessToken', 'ClientCredentials', 'IdToken', 'AuthorizationCode'].map((kind) => secondsOf(kind))).toEqual(
      [300, 300, 400, 50],
    );
  });

  it('of access tokens follow their resource, where it has its own', () => {
    const token = { resourceServer: { accessTokenTTL: 42 } };
    expect([secondsOf('AccessToken', token), secondsOf('ClientCredentials', token)]).toEqual([42, 42]);
  });

  it('of a client are its own, where it has any', () => {
    const strict = { clientId: 'strict' };
    const of = (kind: string, token: object = {}) => [
      secondsOf(kind, token, strict),
      secondsOf(kind, token, { clientId: 'x' }),
    ];
    expect(['AccessToken', 'ClientCredentials', 'IdToken'].map((kind) => of(kind))).toEqual([
      [60, 300],
      [60, 300],
      [70, 400],
    ]);
    expect(of('RefreshToken')).toEqual([80, 7 * day]);
    expect(of('RefreshToken', { iiat: second - 890 })[0]).toBe(10);
    const longer = (secondsOf('Grant') ?? 0) - (secondsOf('Grant', strict) ?? 0);
    expect(longer).toBe(30 * day - 900);
  });

  it('of tokens for an API are no longer than API and client are content with', () => {
    expect([30, 100, undefined].map((ofApi) => accessTokenSeconds(parts, 'strict', ofApi))).toEqual([30, 60, 60]);
    expect([30, 1000, undefined].map((ofApi) => accessTokenSeconds(parts, 'x', ofApi))).toEqual([30, 1000, 300]);
  });

  it('of steps and requests are short', () => {
    expect(['DeviceCode', 'PushedAuthorizationRequest', 'Interaction'].map((kind) => secondsOf(kind))).toEqual([
      600, 60, 3600,
    ]);
  });

  it.each([
    ['RefreshToken', 'iiat', 7 * day, 30 * day],
    ['Session', 'loginTs', 3_600, 36_000],
  ])(
    'of a %s end when it idles, and with its absolute time, which begins with the first',
    (kind, began, idle, absolute) => {
      expect(secondsOf(kind)).toBe(idle);
      expect(secondsOf(kind, { [began]: second - absolute + idle + 1 })).toBe(idle);
      expect(secondsOf(kind, { [began]: second - absolute + 10 })).toBe(10);
      expect(secondsOf(kind, { [began]: second - absolute })).toBe(1);
      expect(secondsOf(kind, { [began]: second - 10 * absolute })).toBe(1);
    },
  );

  it('of a grant outlast everything that may be issued under it, at the very end of its sign-in', () => {
    const { sessionAbsolute, refreshTokenAbsolute } = settings.lifetimes;
    expect(secondsOf('Grant')).toBeGreaterThanOrEqual(sessionAbsolute + refreshTokenAbsolute + day);
  });
});
