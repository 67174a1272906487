import { writeFileSync } from 'node:fs';
import * as client from 'openid-client';
import { Agent, fetch as fetchOver } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { jwkOf, type KeyPair, makeAuthority, makeCertificate } from '../kit/client-certificates.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { isBack, redirectUri, walk } from '../kit/relying-app.ts';
import { temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { type Nginx, startNginx } from '../kit/services/nginx.ts';

const folder = temporaryFolder('mtls-interop', { mode: 0o755 });
const stops: (() => Promise<unknown>)[] = [];
let authority: KeyPair;
let server: KeyPair;
beforeAll(() => {
  authority = makeAuthority();
  server = makeCertificate({ subject: '/CN=localhost', names: 'DNS:localhost' });
  writeFileSync(`${folder.path}/ca.pem`, authority.cert);
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  folder.remove();
});

/** openid-client's way out, which shows a certificate and knows the server's. */
function showing(pair: KeyPair | undefined): client.CustomFetch {
  const dispatcher = new Agent({ connect: { ca: server.cert, ...(pair ? { cert: pair.cert, key: pair.key } : {}) } });
  stops.push(() => dispatcher.close());
  return ((address: string, options: object) => fetchOver(address, { ...options, dispatcher })) as never;
}

async function discover(issuer: string, clientId: string, authentication: client.ClientAuth, pair?: KeyPair) {
  const metadata = { id_token_signed_response_alg: 'ES256', use_mtls_endpoint_aliases: true };
  return client.discovery(new URL(issuer), clientId, metadata, authentication, {
    execute: [client.allowInsecureRequests],
    [client.customFetch]: showing(pair),
  });
}

async function signIn(config: client.Configuration, user: TestUser) {
  const verifier = client.randomPKCECodeVerifier();
  const address = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: redirectUri,
    scope: 'openid email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const browser = new Browser();
  const { url } = await walk(browser, await browser.open(address.href, isBack), user);
  return client.authorizationCodeGrant(config, new URL(url), { pkceCodeVerifier: verifier });
}

/** Everything that an app does, and what somebody with another certificate gets. */
async function expectBound(product: Product, issuer: string, more: object, authentication: () => client.ClientAuth) {
  const user = await product.addUser();
  const right = makeCertificate({ names: 'DNS:billing.example', by: authority });
  const wrong = makeCertificate({ names: 'DNS:billing.example' });
  const { clientId } = await product.addClient({
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    tls_client_certificate_bound_access_tokens: true,
    ...('jwks' in more ? { ...more, jwks: { keys: [jwkOf(right)] } } : more),
  });
  const config = await discover(issuer, clientId, authentication(), right);
  const tokens = await signIn(config, user);
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
  expect((await client.fetchUserInfo(config, refreshed.access_token, user.id)).email).toBe(user.email);
  for (const pair of [wrong, undefined]) {
    const other = await discover(issuer, clientId, authentication(), pair);
    await expect(client.refreshTokenGrant(other, refreshed.refresh_token ?? '')).rejects.toThrow();
    await expect(client.fetchUserInfo(other, refreshed.access_token, user.id)).rejects.toThrow();
  }
  const again = await client.refreshTokenGrant(config, refreshed.refresh_token ?? '');
  await client.tokenRevocation(config, again.access_token);
}

const methods: readonly (readonly [string, object])[] = [
  ['tls_client_auth', { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_dns: 'billing.example' }],
  ['self_signed_tls_client_auth', { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: undefined }],
];

describe('openid-client 6 at the port that asks for certificates', () => {
  let product: Product;
  beforeAll(async () => {
    const env = {
      POSTERN_MTLS__PORT: String(await freePort()),
      POSTERN_MTLS__CERT: server.files.cert,
      POSTERN_MTLS__KEY: server.files.key,
      POSTERN_MTLS__CA: `${folder.path}/ca.pem`,
    };
    product = await startProduct({ env });
    stops.push(() => product.stop());
  });

  it.each(methods)('signs in, refreshes and reads userinfo by %s', async (_name, more) => {
    await expectBound(product, product.url, more, client.TlsClientAuth);
  });

  it('has its tokens bound as an app without a secret', async () => {
    await expectBound(product, product.url, { token_endpoint_auth_method: 'none' }, client.None);
  });
});

describe('openid-client 6 behind nginx, which hands certificates on', () => {
  let product: Product;
  let nginx: Nginx;
  beforeAll(async () => {
    const port = await freePort();
    const env = {
      POSTERN_MTLS__HEADER: 'X-Client-Cert',
      POSTERN_MTLS__URL: `https://localhost:${port}`,
      POSTERN_MTLS__CA: `${folder.path}/ca.pem`,
      POSTERN_TRUST_PROXY: '127.0.0.1',
    };
    product = await startProduct({ env });
    stops.push(() => product.stop());
    nginx = await startNginx({ port, http: () => proxy(port, product.url.replace('localhost', '127.0.0.1')) });
    stops.push(() => nginx.stop());
  });

  it.each(methods)('signs in, refreshes and reads userinfo by %s', async (_name, more) => {
    await expectBound(product, product.url, more, client.TlsClientAuth);
  });

  it('is not believed about a certificate that it has not seen', async () => {
    const pair = makeCertificate();
    const { clientId } = await product.addClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [jwkOf(pair)] },
    });
    const dispatcher = new Agent({ connect: { ca: server.cert } });
    const answer = await fetchOver(`https://localhost:${nginx.port}/token`, {
      method: 'POST',
      headers: { 'x-client-cert': encodeURIComponent(pair.cert) },
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId }),
      dispatcher,
    });
    expect(answer.status).toBe(401);
    await dispatcher.close();
  });
});

/** As in docs/proxies/nginx.conf. */
const proxy = (port: number, upstream: string) => `
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${server.files.cert};
    ssl_certificate_key ${server.files.key};
    ssl_verify_client optional_no_ca;
    location / {
      proxy_pass ${upstream};
      proxy_set_header X-Client-Cert $ssl_client_escaped_cert;
    }
  }`;
