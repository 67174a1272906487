import type { KoaContextWithOIDC } from 'oidc-provider';
import { beforeEach, describe, expect, it } from 'vitest';
import { consentPolicy, existingGrant } from './consent-policy.ts';
import type { Allowed } from './remembered-consent.ts';

const nothing: Allowed = { scopes: [], claims: [], resources: {}, details: [] };

interface Asked {
  readonly client?: object | undefined;
  readonly session?: object | undefined;
  readonly result?: object;
  readonly grant?: object;
  readonly scopes?: readonly string[];
  readonly claims?: readonly string[];
  readonly resourceServers?: object;
}

/** A grant that notes what is allowed. */
class FakeGrant {
  readonly accountId: string;
  exp: number | undefined;
  saved = 0;
  readonly allowed: unknown[] = [];
  constructor(accountId = 'alice', exp?: number) {
    this.accountId = accountId;
    this.exp = exp;
  }
  addOIDCScope(scope: string): void {
    if (!this.allowed.includes(scope)) this.allowed.push(scope);
  }
  addOIDCClaims(claims: string[]): void {
    this.allowed.push(claims);
  }
  addResourceScope(...given: unknown[]): void {
    this.allowed.push(given);
  }
  async save(): Promise<void> {
    this.saved += 1;
  }
}

describe('what a person has allowed already', () => {
  let stored: Map<string, FakeGrant>;
  let opened: FakeGrant;
  let remembered: Allowed;

  beforeEach(() => {
    stored = new Map();
    opened = new FakeGrant();
    remembered = nothing;
  });

  const load = (asked: Asked) => {
    const session = { accountId: 'alice', uid: 'u1', grantIdFor: () => 'of-session' };
    const oidc = {
      client: { clientId: 'shop' },
      session,
      provider: { Grant: { find: async (id: string) => stored.get(id) } },
      requestParamScopes: new Set(asked.scopes ?? ['openid', 'email', 'orders:read']),
      requestParamClaims: new Set(asked.claims ?? []),
      resourceServers: asked.resourceServers,
      ...asked,
    };
    return existingGrant({
      consents: { find: async () => remembered, add: async () => undefined },
      grantOf: async () => opened as never,
    })({ oidc } as unknown as KoaContextWithOIDC);
  };

  it.each([
    ['without a client', { client: undefined }],
    ['without a session', { session: undefined }],
    ['before they signed in', { session: {} }],
  ])('is nothing %s', async (_, asked) => {
    expect(await load(asked)).toBeUndefined();
  });

  it('is the grant of this very answer, or else the one of the session', async () => {
    const [answered, former] = [new FakeGrant(), new FakeGrant()];
    stored.set('answered', answered).set('of-session', former);
    expect(await load({ result: { consent: { grantId: 'answered' } } })).toBe(answered);
    expect(await load({})).toBe(former);
  });

  it('is nothing of whoever used this browser before', async () => {
    stored.set('of-session', new FakeGrant('bob'));
    expect(await load({})).toBeUndefined();
  });

  it('is what is remembered, but no more than is asked for', async () => {
    remembered = {
      scopes: ['openid', 'email', 'phone'],
      claims: ['nickname'],
      resources: { 'https://api.example/': ['read', 'write'], 'https://gone.example/': ['x'] },
      details: [],
    };
    const resourceServers = { 'https://api.example/': { scope: 'read admin' }, 'https://files.example/': {} };
    expect(await load({ claims: ['nickname', 'birthdate'], resourceServers })).toBe(opened);
    expect(opened.allowed).toEqual(['openid email', ['nickname'], ['https://api.example/', 'read']]);
    expect(opened.saved).toBe(1);
  });

  it('is nothing when nothing of what is asked for is remembered', async () => {
    remembered = { ...nothing, scopes: ['phone'] };
    expect(await load({})).toBeUndefined();
    expect(opened.saved).toBe(0);
  });

  describe('of an app of the operator’s own', () => {
    const client = { clientId: 'shop', first_party: true };

    it('is whatever it asks for', async () => {
      expect(await load({ client, claims: ['nickname'] })).toBe(opened);
      expect(opened.allowed).toEqual(['openid email', ['nickname']]);
      expect(opened.saved).toBe(1);
    });

    it('is not written again when it says so already', async () => {
      const grant = new FakeGrant('alice', 5);
      grant.allowed.push('openid email');
      stored.set('of-session', grant);
      expect(await load({ client })).toBe(grant);
      expect(grant.saved).toBe(0);
      await load({ client, scopes: ['openid', 'phone'] });
      expect(grant.saved).toBe(1);
    });
  });
});

describe('whether a person is asked', () => {
  const no = async () => false;
  const policy = 'optional' as const;
  const rule = {
    mfaPolicies: { forRoles: () => policy, of: async () => policy, strictest: () => policy },
    hasSecondFactor: no,
    isRemembered: no,
  };
  const checks = consentPolicy(rule).get('consent')?.checks;
  const check = (reason: string, asked: Asked & { oidc?: object }) => {
    const oidc = {
      client: { clientId: 'shop', applicationType: 'native', ...asked.client },
      requestParamScopes: new Set(asked.scopes ?? []),
      grant: asked.grant,
      params: {},
      ...asked.oidc,
    };
    return { one: checks?.get(reason), ctx: { oidc } as unknown as KoaContextWithOIDC };
  };

  it.each([
    [['openid', 'email'], undefined, ['openid', 'email']],
    [['openid', 'email'], 'openid', ['email']],
    [['openid', 'orders:read'], 'openid', []],
  ])('depends on scopes of the server’s own, not on an API’s: %j', (scopes, encountered, missing) => {
    const grant = encountered === undefined ? undefined : { getOIDCScopeEncountered: () => encountered };
    const { one, ctx } = check('op_scopes_missing', { scopes, ...(grant ? { grant } : {}) });
    expect(one?.check(ctx)).toBe(missing.length > 0);
    expect(one?.details(ctx)).toEqual({ missingOIDCScope: missing });
  });

  it('is asked again by native apps of others, never by the operator’s own (RFC 8252 §8.6)', async () => {
    const params = { redirect_uri: 'com.example.app:/callback', response_type: 'code' };
    const others = check('native_client_prompt', { oidc: { params } });
    expect(await others.one?.check(others.ctx)).toBe(true);
    const own = check('native_client_prompt', { client: { first_party: true }, oidc: { params } });
    expect(await own.one?.check(own.ctx)).toBe(false);
  });
});
