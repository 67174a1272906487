import { describe, expect, it } from 'vitest';
import type { Clients } from '../clients/module.ts';
import { settingsSchema } from '../settings/module.ts';
import { type EngineParts, engineOptions } from './options.ts';

const clients = (metadata: object[] = []) =>
  ({
    all: () => metadata.map((one) => ({ metadata: one })),
    detailTypes: () => [],
    findResource: (id: string) => (id === 'https://api.example/' ? { introspectionClients: ['guard'] } : undefined),
  }) as unknown as Clients;
const optionsOf = (parts: Partial<EngineParts> = {}) =>
  engineOptions({
    issuer: 'https://id.example',
    clock: { now: () => 5 },
    clients: clients(),
    users: {},
    settings: () => settingsSchema.parse({}),
    mfaPolicies: { strictest: () => 'optional' },
    keys: () => ({ active: [{ privateJwk: { kid: 'k1', kty: 'RSA', alg: 'RS256' } }], published: [], decrypting: [] }),
    cookieSigner: { sign: String, verify: () => true, index: () => 0 },
    scopes: new Set(['openid']),
    languages: ['de', 'en'],
    bindToGrant: (grantId: string) => `reference of ${grantId}`,
    pages: {},
    ...parts,
  } as unknown as EngineParts);
const features = optionsOf().features;
const call = (f: unknown, ...given: unknown[]) => (f as (...all: unknown[]) => unknown)(...given);

describe('the configuration of the engine', () => {
  it('ties cookies to the host on https', () => {
    expect(optionsOf().cookies).toMatchObject({
      names: { session: '__Host-session', interaction: '__Secure-interaction', resume: '__Secure-resume' },
      long: { secure: true, httpOnly: true, sameSite: 'lax', path: '/' },
      short: { secure: true, httpOnly: true, sameSite: 'lax' },
    });
    const { cookies } = optionsOf({ issuer: 'http://localhost:8080' });
    expect(cookies?.names).toEqual({ session: 'session', interaction: 'interaction', resume: 'resume' });
    expect(cookies?.long).not.toHaveProperty('secure');
  });

  it('lets scripts in from a client’s own origins only', () => {
    const { clientBasedCORS } = optionsOf();
    const client = { redirectUris: ['https://app.example/callback', 'com.example.app:/x', 'no address'] };
    expect(call(clientBasedCORS, {}, 'https://app.example', client)).toBe(true);
    expect(call(clientBasedCORS, {}, 'https://evil.example', client)).toBe(false);
    expect(call(clientBasedCORS, {}, 'null', client)).toBe(false);
    expect(call(clientBasedCORS, {}, 'https://app.example', {})).toBe(false);
  });

  it('offers a response type only when a client is given it', () => {
    expect(optionsOf().responseTypes).toEqual(['code', 'none']);
    expect(optionsOf({ clients: clients([{ response_types: ['code id_token', 'code'] }, {}]) }).responseTypes).toEqual([
      'code',
      'none',
      'code id_token',
    ]);
  });

  it('demands PKCE of every client that is not exempt', () => {
    const { pkce } = optionsOf();
    expect(
      [{}, { require_pkce: true }, { require_pkce: false }].map((client) => call(pkce?.required, {}, client)),
    ).toEqual([true, true, false]);
  });

  it('shows a token to its own client and to those that guard its resource', async () => {
    const policy = features?.introspection?.allowedPolicy;
    const see = (clientId: string, token: object) => call(policy, {}, { clientId }, { clientId: 'shop', ...token });
    expect(await see('shop', {})).toBe(true);
    expect(await see('guard', { aud: 'https://api.example/' })).toBe(true);
    expect(await see('other', { aud: 'https://api.example/' })).toBe(false);
    expect(await see('guard', { aud: 'https://files.example/' })).toBe(false);
    expect(await see('guard', { aud: ['https://api.example/'] })).toBe(false);
    expect(await see('guard', {})).toBe(false);
  });

  it('lets a client revoke its own tokens only', async () => {
    const policy = features?.revocation?.allowedPolicy;
    expect(await call(policy, {}, { clientId: 'shop' }, { clientId: 'shop' })).toBe(true);
    expect(await call(policy, {}, { clientId: 'shop' }, { clientId: 'books' })).toBe(false);
  });

  it('names the grant in a JWT, where there is one', () => {
    const jwt = optionsOf().formats?.customizers?.jwt;
    const person = { payload: {} };
    call(jwt, {}, { grantId: 'g1' }, person);
    expect(person.payload).toEqual({ gref: 'reference of g1' });
    const service = { payload: {} };
    call(jwt, {}, {}, service);
    expect(service.payload).toEqual({});
  });

  it('ends tokens with their sign-in unless the app asked for more', async () => {
    const { expiresWithSession } = optionsOf();
    expect(await call(expiresWithSession, {}, { scopes: new Set(['openid']) })).toBe(true);
    expect(await call(expiresWithSession, {}, { scopes: new Set(['offline_access']) })).toBe(false);
  });
});
