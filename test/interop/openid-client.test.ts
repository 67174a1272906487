import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { isBack, redirectUri, walk } from '../kit/relying-app.ts';
import { addApi, api } from '../protocol/kit/apps.ts';
import { makeClientKey } from '../protocol/kit/assertion.ts';
import { approve } from '../protocol/kit/device.ts';

let product: Product;
let user: TestUser & { readonly id: string };
let web: client.Configuration;

const webApp = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code' as const, 'refresh_token' as const],
  resources: [api],
};

beforeAll(async () => {
  product = await startProduct();
  await addApi(product);
  user = await product.addUser({ claims: { name: 'Ada Lovelace' } });
  const { clientId, clientSecret } = await product.addClient({
    ...webApp,
    post_logout_redirect_uris: ['https://app.example/bye'],
  });
  web = await discover(clientId, client.ClientSecretBasic(clientSecret));
});
afterAll(() => product.stop());

/** What a relying party that nobody here wrote learns by discovery alone. */
const discover = (
  clientId: string,
  authentication: client.ClientAuth,
  metadata: Partial<client.ClientMetadata> = {},
): Promise<client.Configuration> =>
  client.discovery(
    new URL(product.url),
    clientId,
    { id_token_signed_response_alg: 'ES256', ...metadata },
    authentication,
    {
      execute: [client.allowInsecureRequests],
    },
  );

/** The person's part: open the address, sign in, allow. Returns where the browser is sent, a fragment as a query. */
async function visit(address: URL, browser = new Browser()): Promise<URL> {
  const { url } = await walk(browser, await browser.open(address.href, isBack), user);
  return new URL(url.replace('#', '?'));
}

interface SignedIn {
  readonly tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;
  readonly browser: Browser;
}

async function signIn(
  config: client.Configuration,
  parameters: Record<string, string> = {},
  pushed = false,
  how: client.DPoPOptions = {},
): Promise<SignedIn> {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const request = {
    redirect_uri: redirectUri,
    scope: 'openid email',
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...parameters,
  };
  const address = pushed
    ? client.buildAuthorizationUrlWithPAR(config, request, how)
    : client.buildAuthorizationUrl(config, request);
  const browser = new Browser();
  const back = await visit(await address, browser);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const more = parameters['resource'] === undefined ? {} : { resource: parameters['resource'] };
  return { tokens: await client.authorizationCodeGrant(config, back, checks, more, how), browser };
}

describe('openid-client 6', () => {
  it('discovers everything it needs', () => {
    const server = web.serverMetadata();
    expect(server).toMatchObject({
      issuer: product.url,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      backchannel_logout_supported: true,
      claims_parameter_supported: true,
    });
    for (const name of [
      'token',
      'introspection',
      'revocation',
      'userinfo',
      'end_session',
      'device_authorization',
      'pushed_authorization_request',
    ] as const) {
      expect(server[`${name}_endpoint`]).toMatch(new RegExp(`^${product.url}/`));
    }
  });

  it('finds the same by RFC 8414', async () => {
    const config = await client.discovery(new URL(product.url), 'any', undefined, undefined, {
      algorithm: 'oauth2',
      execute: [client.allowInsecureRequests],
    });
    expect(config.serverMetadata()).toEqual(web.serverMetadata());
  });

  it('signs in with code and PKCE, reads userinfo, refreshes', async () => {
    const { tokens } = await signIn(web);
    expect(tokens.claims()).toMatchObject({ sub: user.id, iss: product.url });
    expect(await client.fetchUserInfo(web, tokens.access_token, user.id)).toMatchObject({
      email: user.email,
      email_verified: true,
    });
    const refreshed = await client.refreshTokenGrant(web, tokens.refresh_token ?? '');
    expect(refreshed.claims()?.sub).toBe(user.id);
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
  });

  it('signs in when it is answered by fragment, as an app in the browser hands it on', async () => {
    const { tokens } = await signIn(web, { response_mode: 'fragment' });
    expect(tokens.claims()?.sub).toBe(user.id);
  });

  it('signs in with a pushed request', async () => {
    const { tokens } = await signIn(web, { scope: 'openid profile' }, true);
    expect((await client.fetchUserInfo(web, tokens.access_token, user.id)).name).toBe('Ada Lovelace');
  });

  it('is answered truthfully about max_age and acr_values', async () => {
    const [acr = ''] = web.serverMetadata().acr_values_supported ?? [];
    const { tokens } = await signIn(web, {
      max_age: '3600',
      acr_values: acr,
      claims: JSON.stringify({ id_token: { auth_time: { essential: true } } }),
    });
    const claims = tokens.claims();
    expect(claims?.acr).toBe(acr);
    expect(Math.abs(Date.now() / 1000 - Number(claims?.auth_time))).toBeLessThan(60);
  });

  it('fetches a JWT for an API by resource, introspects and revokes it', async () => {
    const { tokens } = await signIn(web, { scope: 'openid orders:read', resource: api });
    expect(await client.tokenIntrospection(web, tokens.access_token)).toMatchObject({
      active: true,
      aud: api,
      scope: 'orders:read',
    });
    await client.tokenRevocation(web, tokens.access_token);
    expect(await client.tokenIntrospection(web, tokens.access_token)).toEqual({ active: false });
    await expect(client.refreshTokenGrant(web, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  it('signs out', async () => {
    const { tokens, browser } = await signIn(web);
    const address = client.buildEndSessionUrl(web, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://app.example/bye',
      state: 's',
    });
    const page = await browser.open(address.href);
    const gone = await browser.submit(page, 'logout-yes', {}, (url) => url.startsWith('https://app.example/bye'));
    expect(gone.url).toBe('https://app.example/bye?state=s');
  });

  it('fetches tokens for a service', async () => {
    const { clientId, clientSecret } = await product.addClient({
      grant_types: ['client_credentials'],
      resources: [api],
    });
    for (const authentication of [client.ClientSecretBasic(clientSecret), client.ClientSecretPost(clientSecret)]) {
      const service = await discover(clientId, authentication);
      const tokens = await client.clientCredentialsGrant(service, { resource: api, scope: 'orders:write' });
      expect(tokens.scope).toBe('orders:write');
      expect((await client.tokenIntrospection(service, tokens.access_token)).active).toBe(true);
    }
  });

  it('authenticates by private_key_jwt', async () => {
    const key = await makeClientKey();
    const { clientId } = await product.addClient({
      ...webApp,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: key.jwks,
    });
    const signing = await discover(clientId, client.PrivateKeyJwt(key.privateKey));
    const { tokens } = await signIn(signing, {}, true);
    expect((await client.refreshTokenGrant(signing, tokens.refresh_token ?? '')).access_token).toMatch(/^at_/);
  });

  it('signs in as an app without a secret', async () => {
    const { clientId } = await product.addClient({ ...webApp, token_endpoint_auth_method: 'none' });
    const { tokens } = await signIn(await discover(clientId, client.None()));
    expect(tokens.claims()?.sub).toBe(user.id);
  });

  it('verifies RS256 where a client asks for it', async () => {
    const { clientId, clientSecret } = await product.addClient({ ...webApp, id_token_signed_response_alg: 'RS256' });
    const config = await discover(clientId, client.ClientSecretBasic(clientSecret), {
      id_token_signed_response_alg: 'RS256',
    });
    client.enableNonRepudiationChecks(config);
    expect((await signIn(config)).tokens.claims()?.sub).toBe(user.id);
  });

  it('connects a device', async () => {
    const { clientId } = await product.addClient({
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      token_endpoint_auth_method: 'none',
    });
    const device = await discover(clientId, client.None());
    const started = await client.initiateDeviceAuthorization(device, { scope: 'openid email' });
    await approve(product, user, {
      userCode: started.user_code,
      deviceCode: started.device_code,
      complete: started.verification_uri_complete ?? '',
    });
    const tokens = await client.pollDeviceAuthorizationGrant(device, { ...started, interval: 0.01 });
    expect(tokens.claims()?.sub).toBe(user.id);
  });

  it('has its tokens bound to a key of its own (DPoP)', async () => {
    const { clientId } = await product.addClient({
      ...webApp,
      token_endpoint_auth_method: 'none',
      dpop_bound_access_tokens: true,
    });
    const config = await discover(clientId, client.None());
    const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const { tokens } = await signIn(config, {}, true, { DPoP: dpop });
    expect(tokens.token_type).toBe('dpop');
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, { DPoP: dpop });
    const told = await client.fetchUserInfo(config, refreshed.access_token, user.id, { DPoP: dpop });
    expect(told.email).toBe(user.email);
    const stolen = client.fetchUserInfo(config, refreshed.access_token, user.id);
    await expect(stolen).rejects.toMatchObject({ status: 401 });
  });

  it('is told why it is refused', async () => {
    const { clientId } = await product.addClient(webApp);
    const wrong = await discover(clientId, client.ClientSecretBasic('wrong'));
    await expect(client.refreshTokenGrant(wrong, 'rt_x')).rejects.toMatchObject({ cause: expect.anything() });
    await expect(client.refreshTokenGrant(web, 'rt_x')).rejects.toMatchObject({ error: 'invalid_grant', status: 400 });
  });
});
