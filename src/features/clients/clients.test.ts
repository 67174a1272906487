import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestFeatures, eventTypesOf, openTestFeatures } from '../../../test/kit/features.ts';
import { equalHashes, sha256 } from '../../foundation/crypto/hash.ts';
import { readRevision } from '../../foundation/db/advance-revision.ts';
import { byOperator } from '../audit/module.ts';
import type { NewClient } from './module.ts';

type Features = Awaited<ReturnType<typeof openTestFeatures>>;

const web: NewClient = { client_id: 'web', client_name: 'Web', redirect_uris: ['https://app.example/cb'] };
const api = {
  identifier: 'https://api.example',
  access_token_format: 'jwt' as const,
  scopes: [
    { name: 'write', description: 'Change your books' },
    { name: 'read', description: 'Read your books' },
  ],
};
const noEndings = async () => [];

describe('the form of a client', () => {
  let features: Features;
  beforeAll(async () => {
    features = await openTestFeatures();
  });
  afterAll(() => features.close());

  const refused: [string, string, Partial<NewClient> | Record<string, unknown>][] = [
    ['a short secret', 'client_secret', { client_secret: 'x'.repeat(31) }],
    ['PKCE off for a public client', 'require_pkce', { require_pkce: false, token_endpoint_auth_method: 'none' }],
    ['a redirect URI with a fragment', 'redirect_uris.0', { redirect_uris: ['https://app.example/cb#x'] }],
    ['an empty fragment', 'redirect_uris.0', { redirect_uris: ['https://app.example/cb#'] }],
    ['a relative redirect URI', 'redirect_uris.0', { redirect_uris: ['/cb'] }],
    ['plain http elsewhere', 'redirect_uris.0', { redirect_uris: ['http://app.example/cb'] }],
    ['a name that only looks like loopback', 'redirect_uris.0', { redirect_uris: ['http://localhost.example/cb'] }],
    ['a script', 'redirect_uris.0', { redirect_uris: ['javascript:alert(1)'] }],
    ['a password in a redirect URI', 'redirect_uris.0', { redirect_uris: ['https://u:p@app.example/cb'] }],
    ['a control character in a redirect URI', 'redirect_uris.0', { redirect_uris: ['https://app.example/\ncb'] }],
    ['a secret in a native app', 'token_endpoint_auth_method', { application_type: 'native' }],
    [
      'a scheme that is nobody’s domain',
      'redirect_uris.0',
      { application_type: 'native', token_endpoint_auth_method: 'none', redirect_uris: ['myapp:/cb'] },
    ],
    ['an own scheme for a web app', 'redirect_uris', { redirect_uris: ['org.example.app:/cb'] }],
    [
      'https on this machine for a native app',
      'redirect_uris',
      { application_type: 'native', token_endpoint_auth_method: 'none', redirect_uris: ['https://localhost/cb'] },
    ],
    ['no redirect URI', 'redirect_uris', { redirect_uris: [] }],
    ['the implicit grant alone', 'grant_types', { grant_types: ['implicit', 'authorization_code'] }],
    ['an unknown response type', 'response_types.0', { response_types: ['token'] }],
    ['a code without its grant', 'response_types', { grant_types: ['implicit'], response_types: ['code id_token'] }],
    ['its grant without a code', 'response_types', { response_types: ['id_token'] }],
    [
      'tokens in the clear',
      'redirect_uris',
      { response_types: ['code id_token'], redirect_uris: ['http://localhost:3000/cb'] },
    ],
    [
      'client credentials without authentication',
      'grant_types',
      { grant_types: ['client_credentials'], token_endpoint_auth_method: 'none' },
    ],
    ['refresh tokens alone', 'grant_types', { grant_types: ['refresh_token'] }],
    ['an unknown authentication', 'token_endpoint_auth_method', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['private_key_jwt without keys', 'jwks', { token_endpoint_auth_method: 'private_key_jwt' }],
    [
      'a private key',
      'jwks.keys.0',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', d: 'x' }] } },
    ],
    [
      'a symmetric key',
      'jwks.keys.0.kty',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct' }] } },
    ],
    ['keys at an address without https', 'jwks_uri', { jwks_uri: 'http://app.example/jwks' }],
    [
      'keys by value and at an address',
      'jwks_uri',
      { jwks_uri: 'https://app.example/jwks', jwks: { keys: [{ kty: 'EC' }] } },
    ],
    ['HS256', 'id_token_signed_response_alg', { id_token_signed_response_alg: 'HS256' }],
    ['none', 'id_token_signed_response_alg', { id_token_signed_response_alg: 'none' }],
    ['a scope that no resource has', 'scope', { scope: 'openid read' }],
    ['a resource that nobody registered', 'resources', { resources: ['https://nobody.example'] }],
    ['an unknown field', 'colour', { colour: 'red' }],
    ['a client_id with a space', 'client_id', { client_id: 'my app' }],
  ];
  it.each(refused)('is refused with %s', async (_, field, change) => {
    const created = features.clients.create({ ...web, ...change } as NewClient, byOperator);
    await expect(created).rejects.toMatchObject({
      code: 'client_refused',
      status: 400,
      fields: { [field]: expect.any(String) },
    });
    expect(features.clients.find('web')).toBeUndefined();
  });

  it.each([
    ['loopback by name', { redirect_uris: ['http://localhost:8081/cb', 'http://[::1]/cb', 'http://rp.localhost/cb'] }],
    [
      'an own scheme',
      {
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['org.example.app:/cb', 'http://127.0.0.1/cb', 'https://app.example.org/cb'],
      },
    ],
    ['PKCE off where it authenticates', { require_pkce: false }],
    ['a service', { redirect_uris: [], grant_types: ['client_credentials'] }],
    [
      'a device',
      {
        redirect_uris: [],
        token_endpoint_auth_method: 'none',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      },
    ],
    [
      'keys by value',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }] } },
    ],
  ])('may have %s', async (name, change) => {
    await expect(
      features.clients.create({ ...web, client_id: name.replaceAll(' ', '-'), ...change } as NewClient, byOperator),
    ).resolves.toBeDefined();
  });
});

describe('the form of a resource', () => {
  let features: Features;
  beforeAll(async () => {
    features = await openTestFeatures();
  });
  afterAll(() => features.close());

  it.each([
    ['a relative identifier', 'identifier', { identifier: 'api' }],
    ['a fragment', 'identifier', { identifier: 'https://api.example#x' }],
    ['an unknown format', 'access_token_format', { access_token_format: 'saml' }],
    ['a token that outlives its key', 'access_token_ttl', { access_token_ttl: 86_401 }],
    ['a standard scope', 'scopes.0.name', { scopes: [{ name: 'openid', description: 'x' }] }],
    ['a scope twice', 'scopes', { scopes: [api.scopes[0], api.scopes[0]] }],
  ])('is refused with %s', async (_, field, change) => {
    const upserted = features.clients.upsertResource({ ...api, ...change } as typeof api, byOperator);
    await expect(upserted).rejects.toMatchObject({ code: 'resource_refused', fields: { [field]: expect.any(String) } });
  });
});

describe('a client', () => {
  let features: Features;
  beforeEach(async () => {
    features = await openTestFeatures();
  });
  afterEach(() => features.close());
  const secretsOf = (id: string) => features.clients.find(id)?.secrets ?? [];

  it('is registered with safe defaults and a secret that is told once', async () => {
    const { clients } = features;
    const { client, clientSecret } = await clients.create(web, byOperator);
    expect(clientSecret).toMatch(/^postern_cs_[\w-]{43}$/);
    expect(client.metadata).toEqual({
      client_id: 'web',
      client_name: 'Web',
      redirect_uris: ['https://app.example/cb'],
      post_logout_redirect_uris: [],
      application_type: 'web',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
      first_party: false,
      require_pkce: true,
      resources: [],
    });
    expect(secretsOf('web')).toEqual([{ hash: sha256(clientSecret ?? '') }]);
    expect(clients.find('other')).toBeUndefined();
    const stored = JSON.stringify(
      await features.database.prisma.client.findMany({ include: { secrets: true } }),
      (_, value) => (typeof value === 'bigint' ? Number(value) : (value as unknown)),
    );
    expect(stored).not.toContain(clientSecret);
    expect(await eventTypesOf(features)).toEqual(['client.created']);
    expect(await readRevision(features.database, 'clients')).toBe(1);
  });

  it('keeps a secret that it brings, and has none where it needs none', async () => {
    const { clients } = features;
    const brought = 'a-secret-of-forty-characters-0123456789ab';
    expect(await clients.create({ ...web, client_secret: brought }, byOperator)).not.toHaveProperty('clientSecret');
    expect(equalHashes(secretsOf('web')[0]?.hash ?? '', sha256(brought))).toBe(true);
    const spa = await clients.create({ ...web, client_id: 'spa', token_endpoint_auth_method: 'none' }, byOperator);
    expect(spa).not.toHaveProperty('clientSecret');
    expect(secretsOf('spa')).toEqual([]);
  });

  it('gets an id when it brings none, and none that is taken', async () => {
    const { clients } = features;
    const { client } = await clients.create({ redirect_uris: ['http://127.0.0.1:3000/cb'] }, byOperator);
    expect(client.clientId).toMatch(/^[0-9a-f-]{36}$/);
    await expect(clients.create({ ...web, client_id: client.clientId }, byOperator)).rejects.toMatchObject({
      code: 'client_exists',
    });
  });

  it('is brought to another state, only where it differs, without touching its secrets', async () => {
    const { clients } = features;
    await clients.create(web, byOperator);
    const before = secretsOf('web');
    const wanted = { ...web, client_name: 'Harbour Books', first_party: true, client_secret: 'x'.repeat(40) };
    expect(clients.preview(wanted)).toEqual(['client_name', 'first_party']);
    expect(await clients.update(wanted, byOperator)).toEqual(['client_name', 'first_party']);
    expect(await clients.update(wanted, byOperator)).toEqual([]);
    expect(secretsOf('web')).toEqual(before);
    expect(await clients.update(wanted, byOperator, { resetSecret: true })).toEqual(['client_secret']);
    expect(secretsOf('web')).toEqual([{ hash: sha256('x'.repeat(40)) }]);
    expect(await clients.update(wanted, byOperator, { resetSecret: true })).toEqual([]);
    expect(await eventTypesOf(features)).toEqual(['client.created', 'client.updated', 'client.updated']);
    await expect(clients.update({ ...web, client_id: 'nobody' }, byOperator)).rejects.toMatchObject({
      code: 'client_unknown',
    });
  });

  it('gets another secret while the former one works for an overlap', async () => {
    const { clients, clock } = features;
    const { clientSecret: first } = await clients.create(web, byOperator);
    const { clientSecret: second } = await clients.rotateSecret('web', 3600, byOperator);
    expect(secretsOf('web')).toEqual([
      { hash: sha256(first ?? ''), expiresAt: clock.now() + 3_600_000 },
      { hash: sha256(second) },
    ]);
    clock.advance(3_600_000);
    await clients.reload();
    expect(secretsOf('web')).toEqual([{ hash: sha256(second) }]);
    const { clientSecret: third } = await clients.rotateSecret('web', 0, byOperator);
    expect(secretsOf('web')).toEqual([{ hash: sha256(third) }]);
    await clients.create({ ...web, client_id: 'spa', token_endpoint_auth_method: 'none' }, byOperator);
    await expect(clients.rotateSecret('spa', 0, byOperator)).rejects.toMatchObject({ code: 'client_without_secret' });
    await expect(clients.rotateSecret('nobody', 0, byOperator)).rejects.toMatchObject({ code: 'client_unknown' });
  });

  it('never lets a secret live longer by rotating again', async () => {
    const { clients, clock } = features;
    await clients.create(web, byOperator);
    await clients.rotateSecret('web', 60, byOperator);
    await clients.rotateSecret('web', 3600, byOperator);
    expect(secretsOf('web').map(({ expiresAt }) => expiresAt)).toEqual([
      clock.now() + 60_000,
      clock.now() + 3_600_000,
      undefined,
    ]);
  });

  it('is disabled with what it holds, once, for every process', async () => {
    const { clients, audit, database } = features;
    await clients.create(web, byOperator);
    const elsewhere = createTestFeatures(database).clients;
    await elsewhere.reload();
    const endings = async (client: string) => [
      audit.record({ type: 'token.revoked', outcome: 'success', actor: byOperator.actor, client }, {}),
    ];
    expect(await clients.disable('web', byOperator, endings)).toBe(true);
    expect(clients.find('web')?.disabledAt).toBe(features.clock.now());
    expect(await clients.disable('web', byOperator, noEndings)).toBe(false);
    await elsewhere.reload();
    expect(elsewhere.find('web')?.disabledAt).toBeDefined();
    expect(await clients.enable('web', byOperator, async () => [])).toBe(true);
    expect(clients.find('web')).not.toHaveProperty('disabledAt');
    expect(await eventTypesOf(features)).toEqual([
      'client.created',
      'client.disabled',
      'client.enabled',
      'token.revoked',
    ]);
    await expect(clients.disable('nobody', byOperator, noEndings)).rejects.toMatchObject({ code: 'client_unknown' });
  });
});

describe('a resource', () => {
  let features: Features;
  beforeEach(async () => {
    features = await openTestFeatures();
  });
  afterEach(() => features.close());

  it('is registered once and changed only where it differs', async () => {
    const { clients } = features;
    expect(await clients.upsertResource(api, byOperator)).toEqual([
      'access_token_format',
      'scopes',
      'introspection_clients',
      'authorization_details',
    ]);
    expect(await clients.upsertResource(api, byOperator)).toEqual([]);
    const changed = { ...api, access_token_ttl: 120, signing_alg: 'RS256' as const, introspection_clients: ['svc'] };
    expect(clients.previewResource(changed)).toEqual(['access_token_ttl', 'signing_alg', 'introspection_clients']);
    await clients.upsertResource(changed, byOperator);
    expect(clients.findResource('https://api.example')).toEqual({
      identifier: 'https://api.example',
      accessTokenFormat: 'jwt',
      accessTokenTtl: 120,
      signingAlg: 'RS256',
      scopes: [
        { name: 'read', description: 'Read your books' },
        { name: 'write', description: 'Change your books' },
      ],
      introspectionClients: ['svc'],
      detailTypes: [],
    });
    expect(clients.scopes()).toEqual([
      { name: 'read', description: 'Read your books', resource: 'https://api.example' },
      { name: 'write', description: 'Change your books', resource: 'https://api.example' },
    ]);
    expect(await eventTypesOf(features)).toEqual(['resource.created', 'resource.updated']);
  });

  it('may be used by clients that name one of its scopes or itself', async () => {
    const { clients } = features;
    await clients.upsertResource(api, byOperator);
    await clients.upsertResource({ identifier: 'urn:example:other', access_token_format: 'opaque' }, byOperator);
    const resourcesOf = async (id: string, change: Partial<NewClient>) => {
      const { client } = await clients.create({ ...web, client_id: id, ...change }, byOperator);
      return clients.resourcesOf(client).map(({ identifier }) => identifier);
    };
    expect(await resourcesOf('none', { scope: 'openid profile' })).toEqual([]);
    expect(await resourcesOf('by-scope', { scope: 'openid read' })).toEqual(['https://api.example']);
    expect(await resourcesOf('by-name', { resources: ['urn:example:other'] })).toEqual(['urn:example:other']);
    expect(await resourcesOf('both', { scope: 'read', resources: ['urn:example:other'] })).toHaveLength(2);
  });

  it('that loses a scope does not take its clients with it', async () => {
    const { clients } = features;
    await clients.upsertResource(api, byOperator);
    await clients.create({ ...web, scope: 'openid read write' }, byOperator);
    await clients.upsertResource({ ...api, scopes: api.scopes.filter(({ name }) => name === 'read') }, byOperator);
    expect(clients.find('web')?.metadata.scope).toBe('openid read');
  });
});
