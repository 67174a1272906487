import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  jwkOf,
  type KeyPair,
  makeAuthority,
  makeCertificate,
  thumbprintOf,
  type Wanted,
} from '../kit/client-certificates.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp, redirectUri, send } from '../kit/relying-app.ts';
import { temporaryFolder } from '../kit/services/folder.ts';
import { freePort } from '../kit/services/free-port.ts';
import { addApi, addPublicApp, addService, api } from './kit/apps.ts';
import { addDevice, approve, deviceGrant, startDevice } from './kit/device.ts';
import { makeProofKey, proofFor } from './kit/dpop.ts';
import { formOf, type Sent, sendOver } from './kit/over-tls.ts';
import { advance, days, hours } from './kit/time.ts';

let product: Product;
let bare: Product;
let alias: string;
let user: TestUser;
let authority: KeyPair;
let intermediate: KeyPair;
let own: KeyPair;
let thief: KeyPair;
const folder = temporaryFolder('mtls');

beforeAll(async () => {
  // Certificates are made while the file runs, and are not good before.
  advance(hours);
  authority = makeAuthority();
  intermediate = makeAuthority('/CN=Harbour issuing', authority);
  [own, thief] = [makeCertificate(), makeCertificate()];
  const ca = `${folder.path}/ca.pem`;
  writeFileSync(ca, `${authority.cert}\n${intermediate.cert}`);
  const server = makeCertificate({ subject: '/CN=localhost' });
  const port = await freePort();
  alias = `https://localhost:${port}`;
  const env = {
    POSTERN_MTLS__PORT: String(port),
    POSTERN_MTLS__CERT: server.files.cert,
    POSTERN_MTLS__KEY: server.files.key,
    POSTERN_MTLS__CA: ca,
    POSTERN_MTLS__HEADER: 'X-Client-Cert',
    POSTERN_TRUST_PROXY: '127.0.0.1/32',
  };
  product = await startProduct({ env });
  bare = await startProduct();
  await addApi(product);
  user = await product.addUser();
});
afterAll(async () => {
  await Promise.all([product?.stop(), bare?.stop()]);
  folder.remove();
});

const bound = { tls_client_certificate_bound_access_tokens: true };
const ofItself = { grant_type: 'client_credentials' };
const refusal = ({ status, body }: Answer) => [status, body['error']];

/** A certificate as proxies write it into their header. */
const inHeader = ({ cert }: KeyPair) => ({ 'x-client-cert': encodeURIComponent(cert) });

/** How a certificate gets here: shown at the port that asks for it, or handed on by a proxy. */
const ways = {
  'at its port': (path: string, sent: Sent) => sendOver(alias + path, sent),
  'behind a proxy': (path: string, { shows, ...sent }: Sent) =>
    sendOver(product.url + path, { ...sent, headers: { ...sent.headers, ...(shows ? inHeader(shows) : {}) } }),
} as const;
type Way = (path: string, sent: Sent) => Promise<Answer>;
const bothWays = Object.entries(ways) as [string, Way][];

/** A token request with the certificate, or without one. */
const post = (app: RelyingApp, form: Record<string, string>, shows?: KeyPair, way: Way = ways['at its port']) =>
  way('/token', { ...formOf(app, form), shows });

const addMutual = async (more: object): Promise<RelyingApp> => addService(product, { resources: [], ...more });
const selfSigned = (...pairs: KeyPair[]) => ({
  token_endpoint_auth_method: 'self_signed_tls_client_auth',
  jwks: { keys: pairs.map(jwkOf) },
});

describe('discovery', () => {
  it('names the methods, and each endpoint of programs where certificates are asked for', async () => {
    const { body } = await send(`${product.url}/.well-known/openid-configuration`);
    expect(body['token_endpoint_auth_methods_supported']).toEqual(
      expect.arrayContaining(['tls_client_auth', 'self_signed_tls_client_auth']),
    );
    expect(body['tls_client_certificate_bound_access_tokens']).toBe(true);
    expect(body['mtls_endpoint_aliases']).toEqual({
      token_endpoint: `${alias}/token`,
      userinfo_endpoint: `${alias}/userinfo`,
      introspection_endpoint: `${alias}/introspect`,
      revocation_endpoint: `${alias}/revoke`,
      device_authorization_endpoint: `${alias}/device/authorize`,
      pushed_authorization_request_endpoint: `${alias}/par`,
      backchannel_authentication_endpoint: `${alias}/ciba`,
    });
    expect(body['token_endpoint']).toBe(`${product.url}/token`);
  });

  it('says nothing of it where no certificate is asked for, and such clients are refused there', async () => {
    const { body } = await send(`${bare.url}/.well-known/openid-configuration`);
    expect(JSON.stringify(body)).not.toMatch(/tls/);
    const service = await addService(bare, bound);
    expect(refusal(await service.post('/token', ofItself, inHeader(own)))).toEqual([400, 'invalid_grant']);
    const registered = await addService(bare, selfSigned(own));
    expect(refusal(await registered.post('/token', ofItself, inHeader(own)))).toEqual([401, 'invalid_client']);
  });

  it('leads to a port that has no pages', async () => {
    for (const path of ['/', '/authorize', '/account', '/.well-known/openid-configuration', '/health/live']) {
      expect((await sendOver(alias + path, { shows: own })).status).toBe(404);
    }
  });
});

/** Each kind of subject: what the client is registered with, a certificate of its, and some that are not. */
const subjects: readonly (readonly [object, Wanted, readonly Wanted[]])[] = [
  [
    { tls_client_auth_subject_dn: 'CN=Billing\\, Ltd., O=Harbour + OU=Back office,C=GB' },
    { subject: '/C=GB/OU=Back office+O=Harbour/CN=Billing, Ltd.' },
    [
      { subject: '/CN=Billing, Ltd./OU=Back office+O=Harbour/C=GB' },
      { subject: '/C=GB/OU=Back office/O=Harbour/CN=Billing, Ltd.' },
      { subject: '/C=GB/OU=Back office+O=Harbour/CN=Billing, Ltd./CN=x' },
      { subject: '/C=GB/OU=Back office+O=Harbour/CN=billing, ltd.' },
      { subject: '/OU=Back office+O=Harbour/CN=Billing, Ltd.' },
      { subject: '/CN=Billing, Ltd.,OU=Back office\\+O=Harbour,C=GB' },
      { subject: '/CN=x', names: 'DNS:CN=Billing' },
    ],
  ],
  [
    { tls_client_auth_san_dns: 'billing.harbour.example' },
    { names: 'DNS:other.example,DNS:Billing.harbour.example' },
    [
      { names: 'DNS:*.harbour.example' },
      { names: 'DNS:billing.harbour.example.evil.example' },
      { names: 'URI:billing.harbour.example' },
      { subject: '/CN=billing.harbour.example' },
      { names: 'email:x@billing.harbour.example' },
      { names: 'URI:https://x.example/?DNS:billing.harbour.example' },
    ],
  ],
  [
    { tls_client_auth_san_uri: 'spiffe://harbour.example/billing' },
    { names: 'URI:spiffe://harbour.example/billing' },
    [{ names: 'URI:spiffe://harbour.example/Billing' }, { names: 'URI:spiffe://harbour.example/billing/x' }],
  ],
  [
    { tls_client_auth_san_ip: '2001:db8::1' },
    { names: 'IP:2001:db8:0:0::1' },
    [{ names: 'IP:2001:db8::2' }, { names: 'DNS:2001.db8' }],
  ],
  [
    { tls_client_auth_san_email: 'billing@harbour.example' },
    { names: 'email:billing@HARBOUR.example' },
    [{ names: 'email:Billing@harbour.example' }, { names: 'email:billing@harbour.example.org' }],
  ],
];

describe.each(bothWays)('tls_client_auth, %s', (_how, way) => {
  const method = { token_endpoint_auth_method: 'tls_client_auth' };

  it.each(subjects)('takes %o from a known authority and nobody else', async (registered, right, wrong) => {
    const service = await addMutual({ ...method, ...registered });
    const [root, ...others] = wrong;
    const use = (wanted: Wanted, by: KeyPair | undefined = authority) =>
      post(service, ofItself, makeCertificate({ ...wanted, ...(by ? { by } : {}) }), way);
    expect((await use(right)).status).toBe(200);
    expect((await use(right, intermediate)).status).toBe(200);
    const stranger = makeAuthority('/CN=Harbour authority');
    const leaf = makeCertificate({ subject: '/CN=Harbour authority', by: authority });
    const refused = [
      await post(service, ofItself, undefined, way),
      await use(right, stranger),
      await use(right, leaf),
      await post(service, ofItself, makeCertificate(right), way),
      await use({ ...right, extensions: ['extendedKeyUsage=serverAuth'] }),
    ];
    for (const other of root ? [root, ...others] : []) refused.push(await use(other));
    expect(refused.map(refusal)).toEqual(refused.map(() => [401, 'invalid_client']));
    expect((await use({ ...right, extensions: ['extendedKeyUsage=serverAuth,clientAuth'] })).status).toBe(200);
    const told = await product.events('token.refused');
    const ours = told.filter(({ client }) => client === service.credentials.clientId);
    expect(ours.map(({ reason }) => reason)).toContain('invalid_client');
  });

  it('is asked for at each endpoint of programs', async () => {
    const client = { ...method, tls_client_auth_san_dns: 'each.example' };
    const app = await addWebApp(product, { ...client, grant_types: ['authorization_code', deviceGrant] });
    const right = makeCertificate({ names: 'DNS:each.example', by: authority });
    const { url } = app.request();
    const requests: [string, Record<string, string>, number][] = [
      ['/par', Object.fromEntries(new URL(url).searchParams), 201],
      ['/device/authorize', { scope: 'openid' }, 200],
      ['/introspect', { token: 'at_x' }, 200],
      ['/revoke', { token: 'at_x' }, 200],
    ];
    for (const [path, form, status] of requests) {
      expect((await way(path, { ...formOf(app, form), shows: right })).status).toBe(status);
      for (const shows of [undefined, own]) {
        expect(refusal(await way(path, { ...formOf(app, form), shows }))).toEqual([401, 'invalid_client']);
      }
    }
  });
});

describe.each(bothWays)('self_signed_tls_client_auth, %s', (_how, way) => {
  it('takes the certificates that are registered, and no other, not even of their key', async () => {
    const second = makeCertificate();
    const service = await addMutual(selfSigned(own, second));
    const other = await addMutual(selfSigned(thief));
    expect([await post(service, ofItself, own, way), await post(service, ofItself, second, way)]).toMatchObject([
      { status: 200 },
      { status: 200 },
    ]);
    expect(refusal(await post(other, ofItself, own, way))).toEqual([401, 'invalid_client']);
    const known = makeCertificate({ by: authority });
    for (const shows of [undefined, thief, known]) {
      expect(refusal(await post(service, ofItself, shows, way))).toEqual([401, 'invalid_client']);
    }
    const withSecret = await post(service, { ...ofItself, client_secret: 'x'.repeat(40) }, own, way);
    expect(refusal(withSecret)).toEqual([401, 'invalid_client']);
  });

  it('takes those that the client publishes, a new one at once, and none that was taken away', async () => {
    let published = [own];
    const server: Server = createServer((_request, response) => {
      response.setHeader('cache-control', 'max-age=31536000');
      response.end(JSON.stringify({ keys: published.map(jwkOf) }));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const method = 'self_signed_tls_client_auth';
    const service = await addMutual({ token_endpoint_auth_method: method, jwks_uri: uri });
    expect((await post(service, ofItself, own, way)).status).toBe(200);
    expect((await post(service, ofItself, thief, way)).status).toBe(401);
    published = [thief];
    advance(10);
    expect((await post(service, ofItself, thief, way)).status).toBe(200);
    expect((await post(service, ofItself, own, way)).status).toBe(401);
    server.close();
    server.closeAllConnections();
  });
});

/** Each grant: a client whose tokens are bound, and a request that stands for it, anew at each call. */
const code = async (app: RelyingApp): Promise<Record<string, string>> => {
  const { answer, verifier } = await app.signIn(user, { parameters: { scope: 'openid email' } });
  const grant = { grant_type: 'authorization_code', redirect_uri: redirectUri };
  return { ...grant, code: answer.get('code') ?? '', code_verifier: verifier };
};
const refresh = ({ body }: Answer) => ({ grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) });

const grants: readonly (readonly [string, () => Promise<readonly [RelyingApp, Record<string, string>]>])[] = [
  [
    'authorization_code',
    async () => {
      const app = await addWebApp(product, bound);
      return [app, await code(app)];
    },
  ],
  [
    'refresh_token',
    async () => {
      const app = await addWebApp(product, bound);
      return [app, refresh(await post(app, await code(app), own))];
    },
  ],
  [
    'refresh_token of an app without a secret',
    async () => {
      const app = await addPublicApp(product, bound);
      return [app, refresh(await post(app, await code(app), own))];
    },
  ],
  ['client_credentials', async () => [await addService(product, bound), ofItself]],
  ['client_credentials with a JWT', async () => [await addService(product, { ...bound, resources: [api] }), ofItself]],
  [
    'device_code',
    async () => {
      const device = await addDevice(product, bound);
      const codes = await startDevice(device);
      await approve(product, user, codes);
      return [device, { grant_type: deviceGrant, device_code: codes.deviceCode }];
    },
  ],
];

describe.each(grants)('a client whose tokens are bound to its certificate, by %s', (_name, request) => {
  it.each(bothWays)('is refused without one, and may come again with it, %s', async (_how, way) => {
    const [app, form] = await request();
    expect(refusal(await post(app, form, undefined, way))).toEqual([400, 'invalid_grant']);
    expect(refusal(await app.post('/token', form))).toEqual([400, 'invalid_grant']);
    const told = await product.events('token.refused');
    expect(told).toContainEqual(expect.objectContaining({ reason: 'invalid_grant', client: app.credentials.clientId }));
    const given = await post(app, form, own, way);
    expect([given.status, given.body['token_type']]).toEqual([200, 'Bearer']);
    const token = String(given.body['access_token']);
    const reader = app.credentials.clientSecret === '' ? undefined : await app.introspect(token);
    const cnf = { 'x5t#S256': thumbprintOf(own) };
    if (reader) expect(reader.body).toMatchObject({ active: true, cnf });
    const [, claims] = token.split('.');
    if (claims) expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ cnf });
  });

  it('cannot have them bound to a key of another kind as well', async () => {
    const [app, form] = await request();
    const { dpop } = await proofFor(await makeProofKey(), ['POST', `${alias}/token`]);
    const sent = formOf(app, form);
    const both = await sendOver(`${alias}/token`, { ...sent, shows: own, headers: { ...sent.headers, dpop } });
    expect(refusal(both)).toEqual([400, 'invalid_request']);
  });
});

describe('a refresh token of an app without a secret', () => {
  it('is of no use with another certificate, and is not used up by somebody who tries', async () => {
    const app = await addPublicApp(product, bound);
    const first = await post(app, await code(app), own);
    for (const shows of [undefined, thief]) {
      expect(refusal(await post(app, refresh(first), shows))).toEqual([400, 'invalid_grant']);
    }
    const second = await post(app, refresh(first), own);
    expect(second.status).toBe(200);
    // Inside the grace window the former one is answered with the same successor, to its owner only.
    expect(refusal(await post(app, refresh(first), thief))).toEqual([400, 'invalid_grant']);
    expect((await post(app, refresh(first), own)).body['refresh_token']).toBe(second.body['refresh_token']);
  });

  it('stays bound when the operator binds the tokens of the app no more', async () => {
    const app = await addPublicApp(product, bound);
    const first = await post(app, await code(app), own);
    const { clientId } = app.credentials;
    const client = { client_id: clientId, token_endpoint_auth_method: 'none' } as const;
    const grantTypes = ['authorization_code', 'refresh_token'] as const;
    const by = { actor: { kind: 'system', name: 'test' }, facts: {} } as const;
    await product.app.core.clients.update(
      { ...client, redirect_uris: [redirectUri], grant_types: [...grantTypes] },
      by,
    );
    product.app.protocol.rebuild();
    for (const shows of [undefined, thief]) {
      expect(refusal(await post(app, refresh(first), shows))).toEqual([400, 'invalid_grant']);
    }
    const second = await post(app, refresh(first), own);
    expect(second.status).toBe(200);
    const userinfo = { headers: { authorization: `Bearer ${String(second.body['access_token'])}` } };
    expect((await sendOver(`${product.url}/userinfo`, userinfo)).status).toBe(401);
  });
});

describe('a bound token at userinfo', () => {
  it.each(bothWays)('is of use to whoever has the certificate, and to nobody else, %s', async (_how, way) => {
    const app = await addWebApp(product, bound);
    const { body } = await post(app, await code(app), own, way);
    const headers = { authorization: `Bearer ${String(body['access_token'])}` };
    expect((await way('/userinfo', { headers, shows: own })).body).toMatchObject({ email: user.email });
    const refused = [
      await way('/userinfo', { headers, shows: thief }),
      await way('/userinfo', { headers }),
      await app.userinfo(body['access_token']),
    ];
    expect(refused.map(refusal)).toEqual(refused.map(() => [401, 'invalid_token']));
  });

  it('is no key to what is kept for the person at other providers', async () => {
    const app = await addWebApp(product, bound);
    const { body } = await post(app, await code(app), own);
    const headers = { authorization: `Bearer ${String(body['access_token'])}`, ...inHeader(own) };
    expect((await sendOver(`${product.url}/api/v1/identities/other/token`, { headers })).status).toBe(401);
  });
});

describe('the header of a proxy', () => {
  const use = async (headers: Sent['headers'], more: Sent = {}, url = product.url) => {
    const sent = formOf(await addMutual(selfSigned(own)), ofItself);
    return refusal(await sendOver(`${url}/token`, { ...sent, ...more, headers: { ...sent.headers, ...headers } }));
  };
  const encoded = () => encodeURIComponent(own.cert);
  const refused = [401, 'invalid_client'];

  it('is believed from the proxy, in each spelling of PEM', async () => {
    expect(await use(inHeader(own))).toEqual([200, undefined]);
    expect(await use({ 'X-CLIENT-CERT': encoded().toLowerCase().replaceAll('%0a', '%0D%0A') })).toEqual(refused);
    expect(await use({ 'X-CLIENT-CERT': encoded().replaceAll('%0A', '%0D%0A') })).toEqual([200, undefined]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['from the address of a stranger', () => use(inHeader(own), { from: '127.0.0.2' })],
    ['at the port that asks for certificates', () => use(inHeader(own), {}, alias)],
    ['there beside another certificate', () => use(inHeader(own), { shows: thief }, alias)],
    ['that comes twice', () => use({ 'x-client-cert': [encoded(), encodeURIComponent(thief.cert)] })],
    ['with two certificates', () => use({ 'x-client-cert': encodeURIComponent(own.cert + thief.cert) })],
    ['with something before the certificate', () => use({ 'x-client-cert': `x${encoded()}` })],
    ['that is cut off', () => use({ 'x-client-cert': encoded().slice(0, -60) })],
    ['that is not encoded', () => use({ 'x-client-cert': own.cert.replaceAll('\n', ' ') })],
    ['that decodes to nothing', () => use({ 'x-client-cert': '%E0%A4%A' })],
    ['that is empty', () => use({ 'x-client-cert': '' })],
    ['of another name', () => use({ 'x-ssl-client-cert': encoded() })],
  ])('%s is no certificate', async (_what, request) => {
    expect(await request()).toEqual(refused);
  });
});

describe('a proof by DPoP', () => {
  it('is for the address that the client has gone to', async () => {
    const key = await makeProofKey();
    const service = await addMutual({ ...selfSigned(own), dpop_bound_access_tokens: true });
    const use = async (address: string, htu: string) => {
      const sent = formOf(service, ofItself);
      const headers = { ...sent.headers, ...(await proofFor(key, ['POST', htu])) };
      return refusal(await sendOver(`${address}/token`, { ...sent, headers, shows: own }));
    };
    expect(await use(alias, `${alias}/token`)).toEqual([200, undefined]);
    expect(await use(alias, `${product.url}/token`)).toEqual([400, 'invalid_dpop_proof']);
  });
});

describe('a client that shows certificates', () => {
  const method = (name: string) => ({ token_endpoint_auth_method: name });
  const jwks = { keys: [{ kty: 'EC' as const, crv: 'P-256', x: 'AA', y: 'AA' }] };
  it.each<[object, string]>([
    [method('tls_client_auth'), 'tls_client_auth needs one of'],
    [
      { ...method('tls_client_auth'), tls_client_auth_san_dns: 'a.example', tls_client_auth_san_uri: 'urn:a' },
      'must not be used together with tls_client_auth_san_dns',
    ],
    [{ ...method('client_secret_basic'), tls_client_auth_san_dns: 'a.example' }, 'is not used with'],
    [{ ...method('tls_client_auth'), tls_client_auth_subject_dn: 'Billing' }, 'no distinguished name'],
    [{ ...method('tls_client_auth'), tls_client_auth_san_ip: 'billing' }, 'tls_client_auth_san_ip'],
    [method('self_signed_tls_client_auth'), 'needs the certificate of each key'],
    [{ ...method('self_signed_tls_client_auth'), jwks }, 'needs the certificate of each key'],
    [{ ...bound, dpop_bound_access_tokens: true }, 'must not be used together with dpop_bound_access_tokens'],
    [
      { ...bound, response_types: ['code token'], grant_types: ['authorization_code', 'implicit'] },
      'must not have token',
    ],
  ])('is refused as %o', async (client, why) => {
    await expect(product.addClient({ redirect_uris: [redirectUri], ...client })).rejects.toMatchObject({
      code: 'client_refused',
      message: expect.stringContaining(why),
    });
  });

  it('is refused once its certificate is out of date', async () => {
    const short = makeCertificate({ days: 1 });
    const known = makeCertificate({ names: 'DNS:short.example', by: authority, days: 1 });
    const names = { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_dns: 'short.example' };
    const cases: [RelyingApp, KeyPair, unknown[]][] = [
      [await addMutual(selfSigned(short)), short, [401, 'invalid_client']],
      [await addMutual(names), known, [401, 'invalid_client']],
      [await addService(product, bound), short, [400, 'invalid_grant']],
    ];
    for (const [app, shows] of cases) expect((await post(app, ofItself, shows)).status).toBe(200);
    advance(2 * days);
    for (const [app, shows, refused] of cases) {
      for (const [, way] of bothWays) expect(refusal(await post(app, ofItself, shows, way))).toEqual(refused);
    }
  });
});
