import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../settings/module.ts';
import { lifetimes } from './lifetimes.ts';

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
const ttl = lifetimes(() => settings, { now: () => second * 1000 + 999 }) as unknown as Record<
  string,
  (ctx?: unknown, token?: unknown) => number
>;
const secondsOf = (kind: string, token: object = {}): number | undefined => ttl[kind]?.({}, token);

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
