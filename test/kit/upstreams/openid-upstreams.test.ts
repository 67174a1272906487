import { generateKeyPairSync } from 'node:crypto';
import { importPKCS8, SignJWT } from 'jose';
import * as client from 'openid-client';
import { afterEach, describe, expect, it } from 'vitest';
import { personalTenant } from './dialects/microsoft.ts';
import { forgeries } from './keys.ts';
import { callback, configure, discover, exchange, signIn, visit } from './relying-party.ts';
import { startUpstream, type Upstream, type UpstreamOptions } from './upstream.ts';

const started: Upstream[] = [];
afterEach(() => Promise.all(started.splice(0).map((one) => one.stop())));

const start = async (name: Parameters<typeof startUpstream>[0], options: UpstreamOptions = {}): Promise<Upstream> => {
  const upstream = await startUpstream(name, options);
  started.push(upstream);
  return upstream;
};

const ada = { sub: '1815', name: 'Ada Lovelace', email: 'ada@example.org', emailVerified: true };
const everything = 'openid email profile';

const reason = (work: Promise<unknown>): Promise<{ error?: string; status?: number; message: string }> =>
  work.then(
    () => {
      throw new Error('was not refused');
    },
    (error: { error?: string; status?: number; message: string }) => error,
  );

describe('a stand-in that speaks OpenID Connect', () => {
  it('signs in, tells UserInfo, refreshes, and revokes', async () => {
    const upstream = await start('oidc', { sendsIssuer: true });
    upstream.addPerson({ ...ada, amr: ['pwd', 'mfa'], acr: 'gold' });
    const config = await discover(upstream, client.ClientSecretBasic(upstream.clientSecret));
    const tokens = await signIn(config, `${everything} offline_access`);
    expect(tokens.claims()).toMatchObject({
      iss: upstream.issuer,
      sub: '1815',
      email: 'ada@example.org',
      email_verified: true,
      amr: ['pwd', 'mfa'],
      acr: 'gold',
    });
    expect(await client.fetchUserInfo(config, tokens.access_token, '1815')).toMatchObject({ name: 'Ada Lovelace' });

    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(refreshed.claims()).toMatchObject({ sub: '1815' });
    expect((await reason(client.refreshTokenGrant(config, tokens.refresh_token ?? ''))).error).toBe('invalid_grant');
    await client.tokenRevocation(config, refreshed.access_token);
    expect((await reason(client.fetchUserInfo(config, refreshed.access_token, '1815'))).status).toBe(401);
  });

  it('redeems a code once, for the client, the address and the verifier it was made for', async () => {
    const upstream = await start('oidc');
    upstream.addPerson(ada);
    const config = await discover(upstream);
    const first = await visit(config, { scope: everything });
    await exchange(config, first);
    expect((await reason(exchange(config, first))).error).toBe('invalid_grant');
    const second = await visit(config, { scope: everything });
    const another = { ...second, verifier: client.randomPKCECodeVerifier() };
    expect((await reason(exchange(config, another))).error).toBe('invalid_grant');
    const stranger = await discover(upstream, client.ClientSecretPost('not the secret'));
    const third = await visit(config, { scope: everything });
    expect((await reason(exchange(stranger, third))).error).toBe('invalid_client');
  });

  it('says no for a person who does, and nothing to an address that is not registered', async () => {
    const upstream = await start('oidc', { redirectUris: ['https://app.example/callback'] });
    upstream.choose(undefined);
    const config = await discover(upstream);
    const { answer, state } = await visit(config, { scope: everything });
    expect(Object.fromEntries(answer)).toEqual({ error: 'access_denied', state });
    const elsewhere = client.buildAuthorizationUrl(config, { redirect_uri: 'https://evil.example/' });
    expect((await fetch(elsewhere, { redirect: 'manual' })).status).toBe(400);
  });

  it('goes on with a former key until it is dropped', async () => {
    const upstream = await start('oidc');
    upstream.addPerson(ada);
    const before = await discover(upstream);
    await signIn(before, everything);
    upstream.rotateKeys();
    // What openid-client has read of the keys is a moment old: a new one is read for a `kid` that it does not know.
    expect((await signIn(await discover(upstream), everything)).claims()?.sub).toBe('1815');
    upstream.rotateKeys({ dropFormer: true });
    const { keys } = (await (await fetch(upstream.endpoints.jwks ?? '')).json()) as { keys: unknown[] };
    expect(keys).toHaveLength(1);
  });

  it('ends the session of a client that asks, and makes logout tokens', async () => {
    const upstream = await start('oidc');
    const person = upstream.addPerson(ada);
    const config = await discover(upstream);
    const url = client.buildEndSessionUrl(config, { post_logout_redirect_uri: 'https://app.example/bye', state: 's' });
    const { headers } = await fetch(url, { redirect: 'manual' });
    expect(headers.get('location')).toBe('https://app.example/bye?state=s');
    const [, payload = ''] = upstream.logoutToken(person).split('.');
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    expect(claims).toMatchObject({ aud: upstream.clientId, sub: '1815', events: expect.any(Object) });
  });

  it('asks on a page of its own who it is, when told so', async () => {
    const upstream = await start('oidc', { asks: true });
    upstream.addPerson(ada);
    const config = await discover(upstream);
    const request = client.buildAuthorizationUrl(config, { redirect_uri: callback, scope: 'openid', state: 'a"b' });
    const page = await (await fetch(request)).text();
    const [, hidden = ''] = /name="request" value="([^"]*)"/.exec(page) ?? [];
    const answer = await fetch(`${upstream.url}/stand-in/choose`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ request: hidden.replaceAll('&amp;', '&').replaceAll('&quot;', '"'), person: '1815' }),
    });
    const back = new URL(answer.headers.get('location') ?? '');
    expect(back.searchParams.get('state')).toBe('a"b');
    expect(back.searchParams.get('code')).toMatch(/^[\w-]{32}$/);
    const silent = await fetch(`${request}&prompt=none`, { redirect: 'manual' });
    expect(silent.headers.get('location')).toContain('error=login_required');
  });

  it.each(Object.keys(forgeries()))('makes an ID token that openid-client does not believe: %s', async (name) => {
    const upstream = await start('oidc');
    upstream.addPerson(ada);
    const config = await discover(upstream);
    client.enableNonRepudiationChecks(config);
    upstream.forgeIdToken(forgeries()[name] ?? {});
    expect(await reason(signIn(config, everything))).toMatchObject({ code: expect.stringMatching(/^OAUTH_/) });
    // Once only: the next is a good one.
    expect((await signIn(config, everything)).claims()?.sub).toBe('1815');
  });

  it('names another issuer to the browser, and another subject at UserInfo, when told so', async () => {
    const upstream = await start('oidc', { sendsIssuer: true });
    upstream.addPerson(ada);
    const config = await discover(upstream);
    upstream.forgeRedirect({ iss: 'https://another.example' });
    expect(await reason(signIn(config, everything))).toMatchObject({ code: 'OAUTH_INVALID_RESPONSE' });
    const tokens = await signIn(config, everything);
    upstream.forgeProfile({ sub: 'somebody-else' });
    const mismatch = await reason(client.fetchUserInfo(config, tokens.access_token, '1815'));
    expect(mismatch).toMatchObject({ code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' });
  });
});

describe('the stand-in for Google', () => {
  it('tells of a Workspace domain, refuses offline_access, and gives one refresh token', async () => {
    const google = await start('google');
    google.addPerson({ ...ada, more: { hd: 'example.org' } });
    const config = await discover(google);
    const offline = { access_type: 'offline' };
    const first = await signIn(config, everything, offline);
    expect(first.claims()).toMatchObject({ hd: 'example.org', azp: google.clientId, email_verified: true });
    expect(first.refresh_token).toBeDefined();
    expect((await signIn(config, everything, offline)).refresh_token).toBeUndefined();
    expect((await signIn(config, everything, { ...offline, prompt: 'consent' })).refresh_token).toBeDefined();
    const refreshed = await client.refreshTokenGrant(config, first.refresh_token ?? '');
    expect(refreshed.refresh_token).toBeUndefined();
    expect((await visit(config, { scope: 'openid offline_access' })).answer.get('error')).toBe('invalid_scope');
    expect((await visit(config, { scope: 'openid', prompt: 'login' })).answer.get('error')).toBe('invalid_request');
    google.revokeRefreshTokens();
    expect((await reason(client.refreshTokenGrant(config, first.refresh_token ?? ''))).error).toBe('invalid_grant');
  });
});

describe('the stand-in for Microsoft', () => {
  const tenant = '6babcaad-604b-40ac-a9d7-9fd97c0b779f';
  const metadata = async (upstream: Upstream): Promise<client.ServerMetadata> =>
    (await (await fetch(upstream.endpoints.discovery ?? '')).json()) as client.ServerMetadata;

  it.each(['common', 'organizations'])('has a template for an issuer at %s', async (shared) => {
    const upstream = await start('microsoft', { tenant: shared });
    const document = await metadata(upstream);
    expect(document.issuer).toBe(`${upstream.url}/{tenantid}/v2.0`);
    upstream.addPerson({ ...ada, tenant });
    const issuer = document.issuer.replace('{tenantid}', tenant);
    const config = configure(upstream, { ...document, issuer }, client.ClientSecretPost(upstream.clientSecret));
    const claims = (await signIn(config, everything)).claims();
    expect(claims).toMatchObject({ iss: issuer, tid: tenant, email: 'ada@example.org', xms_edov: 1 });
    expect(claims).not.toHaveProperty('email_verified');
    expect(claims?.sub).not.toBe('1815');
  });

  it('says nothing of an address whose domain nobody verified', async () => {
    const upstream = await start('microsoft', { tenant });
    upstream.addPerson({ sub: '1', tenant, email: 'admin@example.org' });
    const claims = (await signIn(await discover(upstream), everything)).claims();
    expect(claims).toMatchObject({ iss: `${upstream.url}/${tenant}/v2.0`, email: 'admin@example.org' });
    expect(claims).not.toHaveProperty('xms_edov');
  });

  it('lets in whom the registration is for', async () => {
    const welcome = async (of: string, person: string | undefined): Promise<boolean> => {
      const upstream = await start('microsoft', { tenant: of });
      upstream.addPerson({ ...ada, ...(person === undefined ? {} : { tenant: person }) });
      const config = configure(upstream, await metadata(upstream));
      return (await visit(config, { scope: 'openid' })).answer.has('code');
    };
    expect(await welcome('common', undefined)).toBe(true);
    expect(await welcome('organizations', personalTenant)).toBe(false);
    expect(await welcome('consumers', undefined)).toBe(true);
    expect(await welcome(tenant, 'another')).toBe(false);
    expect(await welcome(tenant, tenant)).toBe(true);
  });

  it('answers errors with numbers of its own', async () => {
    const upstream = await start('microsoft', { tenant });
    const config = await discover(upstream);
    const error = await reason(client.refreshTokenGrant(config, 'unknown'));
    expect(error).toMatchObject({ error: 'invalid_grant', error_description: expect.stringContaining('AADSTS') });
  });
});

describe('the stand-in for Apple', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const appleKey = {
    teamId: 'TEAM123456',
    keyId: 'KEY1234567',
    publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
  const privatePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const secret = async (clientId: string, lifetime = '5m'): Promise<string> =>
    new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: appleKey.keyId })
      .setIssuer(appleKey.teamId)
      .setSubject(clientId)
      .setAudience('https://appleid.apple.com')
      .setIssuedAt()
      .setExpirationTime(lifetime)
      .sign(await importPKCS8(privatePem, 'ES256'));

  it('posts the answer as a form, with the name the first time only', async () => {
    const apple = await start('apple', { appleKey });
    apple.addPerson(ada);
    const config = await discover(apple, client.ClientSecretPost(await secret(apple.clientId)));
    const request = { scope: 'openid name email', response_mode: 'form_post' };
    const first = await visit(config, request);
    expect(JSON.parse(first.answer.get('user') ?? '')).toEqual({
      name: { firstName: 'Ada', lastName: 'Lovelace' },
      email: 'ada@example.org',
    });
    const claims = (await exchange(config, first)).claims();
    expect(claims).toMatchObject({ email: 'ada@example.org', email_verified: 'true', nonce_supported: true });
    expect(claims).not.toHaveProperty('name');
    expect((await visit(config, request)).answer.has('user')).toBe(false);
    expect((await visit(config, { scope: 'openid email' })).answer.get('error')).toBe('invalid_request');
  });

  it.each([
    ['a secret that is no JWT', async () => 'a secret that the provider has made up'],
    ['one that holds for longer than six months', (id: string) => secret(id, '200d')],
    ['one of another client', () => secret('another')],
  ])('does not take %s', async (_what, make) => {
    const apple = await start('apple', { appleKey });
    apple.addPerson(ada);
    const config = await discover(apple, client.ClientSecretPost(await make(apple.clientId)));
    const error = await reason(signIn(config, 'openid'));
    expect(error).toMatchObject({ error: 'invalid_client', status: 400 });
  });
});

describe('the stand-in for GitLab', () => {
  it('tells all groups at UserInfo only, in tokens of two minutes', async () => {
    const gitlab = await start('gitlab');
    gitlab.addPerson({ ...ada, username: 'ada', organisations: [{ login: 'harbour' }] });
    const config = await discover(gitlab);
    const tokens = await signIn(config, everything);
    const claims = tokens.claims();
    expect(claims).toMatchObject({ preferred_username: 'ada', groups_direct: ['harbour'] });
    expect((claims?.exp ?? 0) - (claims?.iat ?? 0)).toBe(120);
    expect(await client.fetchUserInfo(config, tokens.access_token, '1815')).toMatchObject({ groups: ['harbour'] });
  });
});
