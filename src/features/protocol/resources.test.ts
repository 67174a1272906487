import { describe, expect, it } from 'vitest';
import type { Clients, Resource } from '../clients/module.ts';
import { settingsSchema } from '../settings/module.ts';
import { resourceIndicators } from './resources.ts';

const resource = (identifier: string, more: Partial<Resource> = {}): Resource =>
  ({
    identifier,
    scopes: [{ name: 'read' }, { name: 'write' }],
    accessTokenFormat: 'opaque',
    introspectionClients: [],
    ...more,
  }) as Resource;
const api = resource('https://api.example/', { accessTokenFormat: 'jwt', accessTokenTtl: 42, signingAlg: 'RS256' });
const files = resource('https://files.example/');
const settings = settingsSchema.parse({ lifetimes: { accessToken: 300 } });

/** Resource indicators for a client that may use these. */
function indicators(
  usable: readonly Resource[],
  metadata: object = { resources: usable.map(({ identifier }) => identifier) },
) {
  const clients = {
    find: (id: string) => (id === 'shop' ? { metadata } : undefined),
    resourcesOf: () => usable,
  } as unknown as Clients;
  return resourceIndicators(clients, () => settings);
}
const client = { clientId: 'shop' } as never;
const ctx = (grantType?: string) => ({ oidc: { params: grantType ? { grant_type: grantType } : undefined } }) as never;
const info = (of: ReturnType<typeof indicators>, { identifier }: Resource, who = client) =>
  of.getResourceServerInfo?.(ctx(), identifier, who);

describe('the resource of a token that names none', () => {
  const ask = (usable: readonly Resource[], grantType?: string, oneOf?: string[]) =>
    indicators(usable).defaultResource?.(ctx(grantType), client, oneOf as never);

  it('is the only one that a service may use, and none for a service without any', () => {
    expect(ask([api], 'client_credentials')).toBe('https://api.example/');
    expect(ask([], 'client_credentials')).toBeUndefined();
  });

  it('has to be named where there are several (RFC 8707 §2)', () => {
    expect(() => ask([api, files], 'client_credentials')).toThrow(
      expect.objectContaining({
        error: 'invalid_target',
        error_description: 'name one resource: https://api.example/, https://files.example/',
      }) as Error,
    );
  });

  it('is what the library offers where a person is involved', () => {
    expect(ask([api], 'authorization_code', ['https://files.example/'])).toEqual(['https://files.example/']);
    expect(ask([api], undefined, undefined)).toBeUndefined();
    const uses = (source: object) => indicators([api]).useGrantedResource?.(ctx(), source as never);
    expect([uses({}), uses({ rar: [{ type: 'payment' }] })]).toEqual([false, true]);
  });
});

describe('what a token for a resource looks like', () => {
  it('is said by the resource', () => {
    expect(info(indicators([api]), api)).toEqual({
      audience: 'https://api.example/',
      scope: 'read write',
      accessTokenFormat: 'jwt',
      accessTokenTTL: 42,
      jwt: { sign: { alg: 'RS256' } },
    });
  });

  it('is said by the settings where the resource leaves it open', () => {
    expect(info(indicators([files]), files)).toMatchObject({ accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } } });
  });

  it.each([
    [{ scope: 'openid read' }, 'read'],
    [{ scope: 'read', resources: [] }, 'read'],
    [{ scope: 'openid' }, ''],
    [{}, ''],
    [{ scope: 'read', resources: ['https://api.example/'] }, 'read write'],
  ])('has the scopes that the client may use: %j', (metadata, scope) => {
    expect(info(indicators([api], metadata), api)).toMatchObject({ scope });
  });

  it('is refused to a client that may not use it, or that is not there', () => {
    const refusal = expect.objectContaining({ error: 'invalid_target' }) as Error;
    expect(() => info(indicators([files]), api)).toThrow(refusal);
    expect(() => info(indicators([api]), api, { clientId: 'unknown' } as never)).toThrow(refusal);
  });
});
