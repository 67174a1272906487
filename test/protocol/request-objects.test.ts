import { createHash, randomUUID } from 'node:crypto';
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, redirectUri, send, walk } from '../kit/relying-app.ts';
import { type ClientKey, makeClientKey } from './kit/assertion.ts';
import { addTill } from './kit/ciba.ts';
import { type HttpsServer, startHttpsServer } from './kit/https-server.ts';

let product: Product;
let user: TestUser & { readonly id: string };
let key: ClientKey;
let server: HttpsServer;
beforeAll(async () => {
  server = await startHttpsServer();
  product = await startProduct({ env: { POSTERN_OUTBOUND__CA: server.ca } });
  user = await product.addUser();
  key = await makeClientKey();
});
afterAll(async () => {
  await product.stop();
  server.close();
});

type Claims = Record<string, unknown>;
interface Making {
  readonly claims?: Claims;
  readonly header?: Record<string, unknown>;
  readonly by?: ClientKey['privateKey'];
}

const now = () => Math.floor(Date.now() / 1000);
const addApp = (more: object = {}) => addWebApp(product, { jwks: key.jwks, ...more });

/** The parameters of an authorization request, and the verifier that goes with its code. */
function parametersOf(app: RelyingApp, parameters: Record<string, string> = {}) {
  const { url, verifier } = app.request(parameters);
  return { parameters: Object.fromEntries(new URL(url).searchParams), verifier };
}

/** A request object (RFC 9101 §4), right unless told otherwise. */
function sign(app: RelyingApp, parameters: Claims, { claims = {}, header = {}, by }: Making = {}): Promise<string> {
  const about = { iss: app.credentials.clientId, aud: product.url, nbf: now(), exp: now() + 60, jti: randomUUID() };
  return new SignJWT({ ...parameters, ...about, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'oauth-authz-req+jwt', ...header })
    .sign(by ?? key.privateKey);
}

/** Opens the authorization endpoint, signs in where it asks for that, and says what came back to the app. */
async function visit(app: RelyingApp, query: Record<string, string>): Promise<URLSearchParams> {
  const browser = new Browser();
  const address = `${product.url}/authorize?${new URLSearchParams({ client_id: app.credentials.clientId, ...query })}`;
  const page = await walk(browser, await browser.open(address, isBack), user);
  return isBack(page.url) ? new URL(page.url).searchParams : new URLSearchParams({ page: page.text });
}

const outside = { response_type: 'code', scope: 'openid', redirect_uri: redirectUri };

describe('a signed request', () => {
  it('counts in the address, and nothing beside it does', async () => {
    const app = await addApp();
    const { parameters, verifier } = parametersOf(app, { state: 'inside', scope: 'openid email' });
    const request = await sign(app, parameters);
    const answer = await visit(app, { ...outside, request, state: 'outside', prompt: 'none', scope: 'openid phone' });
    expect(answer.get('state')).toBe('inside');
    const { body } = await app.exchange(answer.get('code') ?? '', verifier);
    expect(body['scope']).toBe('openid email');
  });

  it('may be opened again, as people reload pages', async () => {
    const app = await addApp();
    const request = await sign(app, parametersOf(app).parameters);
    for (let time = 0; time < 2; time += 1)
      expect((await visit(app, { ...outside, request })).get('code')).toBeTruthy();
  });

  it.each<[string, (app: RelyingApp) => Promise<Making>]>([
    ['by another key', async () => ({ by: (await makeClientKey()).privateKey })],
    ['by a shared secret', async () => ({ by: new Uint8Array(32) as never, header: { alg: 'HS256' } })],
    ['for another server', async () => ({ claims: { aud: 'https://elsewhere.example' } })],
    ['for nobody', async () => ({ claims: { aud: undefined } })],
    ['of another issuer', async () => ({ claims: { iss: 'another' } })],
    ['of no issuer', async () => ({ claims: { iss: undefined } })],
    ['of another client', async () => ({ claims: { client_id: 'another' } })],
    ['of no client', async () => ({ claims: { client_id: undefined } })],
    ['that is over', async () => ({ claims: { exp: now() - 60 } })],
    ['that is not yet valid', async () => ({ claims: { nbf: now() + 300 } })],
    ['that is a client assertion', async (app) => ({ claims: { sub: app.credentials.clientId } })],
    ['that is a DPoP proof', async () => ({ header: { typ: 'dpop+jwt' } })],
    ['with another request in it', async () => ({ claims: { request: 'e30' } })],
    ['with a reference in it', async () => ({ claims: { request_uri: 'https://elsewhere.example' } })],
  ])('%s is refused, in the address and at /par', async (_what, making) => {
    const app = await addApp();
    const { parameters } = parametersOf(app);
    const made = async () => sign(app, parameters, await making(app));
    const answer = await visit(app, { ...outside, request: await made() });
    expect([answer.get('error'), answer.get('code')]).toEqual(['invalid_request_object', null]);
    const pushed = await app.post('/par', { request: await made() });
    expect([pushed.status, pushed.body['error']]).toEqual([400, 'invalid_request_object']);
    const refused = await product.events('request.refused');
    expect(refused.at(-1)).toMatchObject({ client: app.credentials.clientId, reason: 'invalid_request_object' });
  });

  it('for somebody who is elsewhere is refused: there its parameters are sent by who has proved to be the client', async () => {
    const till = await addTill(product, { jwks: key.jwks });
    const request = await sign(till, { client_id: till.credentials.clientId, scope: 'openid', login_hint: user.email });
    const { status, body } = await till.post('/ciba', { request });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
    expect(body['error_description']).toContain('is not taken here');
  });

  it('without a signature is refused', async () => {
    const app = await addApp();
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const { parameters } = parametersOf(app);
    const request = `${part({ alg: 'none' })}.${part({ ...parameters, iss: app.credentials.clientId, aud: product.url })}.`;
    expect((await visit(app, { ...outside, request })).get('error')).toBe('invalid_request_object');
    expect((await app.post('/par', { request })).body['error']).toBe('invalid_request_object');
  });

  it('is all that a client may send which wants it so', async () => {
    const app = await addApp({ require_signed_request_object: true, request_object_signing_alg: 'ES256' });
    const { parameters } = parametersOf(app);
    expect((await visit(app, parameters)).get('error')).toBe('invalid_request');
    const bare = await app.post('/par', parameters);
    expect([bare.status, bare.body['error']]).toEqual([400, 'invalid_request']);
    const request = await sign(app, parameters);
    expect((await visit(app, { ...outside, request })).get('code')).toBeTruthy();
  });

  it('may be signed with the one algorithm only that the client names', async () => {
    const app = await addApp({ request_object_signing_alg: 'PS256' });
    const request = await sign(app, parametersOf(app).parameters);
    expect((await visit(app, { ...outside, request })).get('error')).toBe('invalid_request_object');
  });
});

describe('a signed request that is pushed', () => {
  it('is taken once, however often and at once it comes', async () => {
    const app = await addApp();
    const { parameters, verifier } = parametersOf(app);
    const request = await sign(app, parameters);
    const answers = await Promise.all(Array.from({ length: 8 }, () => app.post('/par', { request })));
    const [first, ...others] = answers.filter(({ status }) => status === 201);
    expect(others).toEqual([]);
    for (const { status, body } of [...answers, await app.post('/par', { request })].filter((one) => one !== first)) {
      expect([status, body['error']]).toEqual([400, 'invalid_request_object']);
    }
    const answer = await visit(app, { request_uri: String(first?.body['request_uri']) });
    expect((await app.exchange(answer.get('code') ?? '', verifier)).status).toBe(200);
  });

  it('is not used up by one that is refused, nor by another client that names it alike', async () => {
    const [app, other] = [await addApp(), await addApp()];
    const jti = randomUUID();
    const pushedBy = async (one: RelyingApp, making: Making) =>
      (await one.post('/par', { request: await sign(one, parametersOf(one).parameters, making) })).status;
    const { privateKey: foreign } = await makeClientKey();
    expect(await pushedBy(app, { claims: { jti }, by: foreign })).toBe(400);
    expect(await pushedBy(app, { claims: { jti, redirect_uri: 'https://elsewhere.example' } })).toBe(400);
    expect(await pushedBy(other, { claims: { jti } })).toBe(201);
    expect(await pushedBy(app, { claims: { jti } })).toBe(201);
    expect(await pushedBy(app, { claims: { jti } })).toBe(400);
  });

  it('has to end some time if it is to be remembered', async () => {
    const app = await addApp();
    const endless = await sign(app, parametersOf(app).parameters, { claims: { exp: undefined } });
    expect((await app.post('/par', { request: endless })).body['error']).toBe('invalid_request_object');
    const nameless = { claims: { exp: undefined, jti: undefined } };
    const request = await sign(app, parametersOf(app).parameters, nameless);
    expect((await app.post('/par', { request })).status).toBe(201);
  });
});

describe('an encrypted request', () => {
  const encryptionKey = async (kty: string): Promise<JWK> => {
    const { keys } = (await send(`${product.url}/jwks`)).body as { keys: JWK[] };
    return keys.find((one) => one.use === 'enc' && one.kty === kty) ?? {};
  };
  const encrypt = async (jwt: string, alg: string, enc: string): Promise<string> => {
    const jwk = await encryptionKey(alg.startsWith('RSA') ? 'RSA' : 'EC');
    return new CompactEncrypt(Buffer.from(jwt))
      .setProtectedHeader({ alg, enc, kid: jwk.kid ?? '', cty: 'oauth-authz-req+jwt' })
      .encrypt(await importJWK(jwk, alg));
  };

  it('has no key of ours while nobody wants one', async () => {
    expect(await encryptionKey('EC')).toEqual({});
  });

  it.each([
    ['ECDH-ES', 'A128CBC-HS256'],
    ['ECDH-ES+A256KW', 'A256GCM'],
    ['RSA-OAEP-256', 'A256CBC-HS512'],
  ])('by %s is read, in the address and at /par, and its signature still counts', async (alg, enc) => {
    const app = await addApp({ request_object_encryption_alg: alg, request_object_encryption_enc: enc });
    const { body } = await send(`${product.url}/.well-known/openid-configuration`);
    expect(body['request_object_encryption_alg_values_supported']).toContain(alg);
    const { parameters } = parametersOf(app, { state: 'hidden' });
    const made = async (making: Making = {}) => encrypt(await sign(app, parameters, making), alg, enc);
    const answer = await visit(app, { ...outside, request: await made() });
    expect([answer.get('state'), answer.has('code')]).toEqual(['hidden', true]);
    expect((await app.post('/par', { request: await made() })).status).toBe(201);
    const forged = await made({ by: (await makeClientKey()).privateKey });
    expect((await app.post('/par', { request: forged })).body['error']).toBe('invalid_request_object');
  });

  it('goes on being read after our keys rotated, but nothing new is encrypted to the former one', async () => {
    const app = await addApp({ request_object_encryption_alg: 'ECDH-ES' });
    const { signingKeys } = product.app.core;
    const before = await encryptionKey('EC');
    const jwe = await encrypt(await sign(app, parametersOf(app).parameters), 'ECDH-ES', 'A128GCM');
    const { settings } = product.app.core;
    const by = { actor: { kind: 'system', name: 'test' }, facts: {} } as const;
    await settings.set({ keys: { publishAhead: 0 } }, by);
    await signingKeys.rotate(by);
    product.app.protocol.rebuild();
    expect((await encryptionKey('EC')).kid).not.toBe(before.kid);
    expect((await app.post('/par', { request: jwe })).status).toBe(201);
    const { stops } = await signingKeys.compromise(before.kid ?? '', by);
    expect(stops.join()).toContain('can no longer be read');
    product.app.protocol.rebuild();
    const late = await new CompactEncrypt(Buffer.from(await sign(app, parametersOf(app).parameters)))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM', kid: before.kid ?? '' })
      .encrypt(await importJWK(before, 'ECDH-ES'));
    expect((await app.post('/par', { request: late })).body['error']).toBe('invalid_request_object');
  });
});

describe('a request by reference', () => {
  let number = 0;
  const newAddress = () => `${server.url}/request/${++number}`;
  const serve = (body: string | Buffer, type = 'application/oauth-authz-req+jwt') =>
    server.answers((_request, response) => response.writeHead(200, { 'content-type': type }).end(body));

  it('is fetched where it was registered', async () => {
    const uri = newAddress();
    const app = await addApp({ request_uris: [uri] });
    const { parameters, verifier } = parametersOf(app, { state: 'fetched' });
    serve(await sign(app, parameters));
    const answer = await visit(app, { ...outside, request_uri: uri });
    expect(answer.get('state')).toBe('fetched');
    expect((await app.exchange(answer.get('code') ?? '', verifier)).status).toBe(200);
    const { body } = await send(`${product.url}/.well-known/openid-configuration`);
    expect(body).toMatchObject({ request_uri_parameter_supported: true, require_request_uri_registration: true });
  });

  it('is fetched once where its address says what is there, and must be that', async () => {
    const uri = newAddress();
    const app = await addApp({ request_uris: [uri] });
    const object = await sign(app, parametersOf(app).parameters);
    serve(object);
    const hash = createHash('sha256').update(object).digest('base64url');
    const before = server.asked();
    for (let time = 0; time < 3; time += 1) {
      expect((await visit(app, { ...outside, request_uri: `${uri}#${hash}` })).has('code')).toBe(true);
    }
    expect(server.asked()).toBe(before + 1);
    const wrong = await visit(app, { ...outside, request_uri: `${uri}#${hash.replace(/.$/, '-')}` });
    expect(wrong.get('error')).toBe('invalid_request_uri');
  });

  it.each<[string, () => void | Promise<void>]>([
    ['is too large', () => serve('x'.repeat(60 * 1024))],
    ['is larger than anything that is read', () => serve(Buffer.alloc(2 * 1024 * 1024))],
    ['is of another type', () => serve('e30.e30.e30', 'text/html')],
    ['is not there', () => server.answers((_request, response) => response.writeHead(404).end())],
    ['is elsewhere', () => server.answers((_q, response) => response.writeHead(302, { location: server.url }).end())],
    ['is cut off', () => server.answers((request) => request.socket.destroy())],
    ['never comes', () => server.answers(() => undefined)],
  ])('is refused when it %s, and the operator is told', async (_what, broken) => {
    const uri = newAddress();
    const app = await addApp({ request_uris: [uri] });
    await broken();
    expect((await visit(app, { ...outside, request_uri: uri })).get('error')).toBe('invalid_request_uri');
    const lines = product.log.lines.filter((line) => JSON.stringify(line).includes('request_uri of a client'));
    expect(JSON.stringify(lines.at(-1))).toContain(app.credentials.clientId);
  });

  it('is asked for at no other address, at /par, or for a client without any', async () => {
    const app = await addApp({ request_uris: [newAddress()] });
    const before = server.asked();
    serve(await sign(app, parametersOf(app).parameters));
    for (const uri of [
      newAddress(),
      'https://169.254.169.254/latest',
      'http://localhost/',
      'file:///etc/passwd',
      'x',
    ]) {
      expect((await visit(app, { ...outside, request_uri: uri })).get('error')).toBe('invalid_request_uri');
    }
    const pushed = await app.post('/par', { ...outside, request_uri: newAddress() });
    expect(pushed.body['error']).toBe('request_uri_not_supported');
    const without = await visit(await addApp(), { ...outside, request_uri: newAddress() });
    expect(without.get('error')).toBe('request_uri_not_supported');
    expect((await visit(app, { ...outside, request_uri: newAddress(), request: 'e30' })).has('code')).toBe(false);
    expect(server.asked()).toBe(before);
  });

  it.each([
    'http://app.example/request',
    'https://user:pass@app.example/request',
    'https://app.example/request#part',
    `https://app.example/${'x'.repeat(512)}`,
    'urn:example:request',
  ])('cannot be registered at %s', async (uri) => {
    await expect(addApp({ request_uris: [uri] })).rejects.toMatchObject({ code: 'client_refused' });
  });
});

describe('openid-client', () => {
  it.each(['in the address', 'pushed'])('signs its requests %s, with keys that it publishes', async (how) => {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA');
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'a', use: 'sig' }] };
    server.answers((_request, response) => response.end(JSON.stringify(jwks)));
    const { clientId, clientSecret } = await product.addClient({
      redirect_uris: [redirectUri],
      jwks_uri: `${server.url}/${randomUUID()}`,
      require_signed_request_object: true,
    });
    const config = await client.discovery(
      new URL(product.url),
      clientId,
      { id_token_signed_response_alg: 'ES256' },
      client.ClientSecretBasic(clientSecret),
      { execute: [client.allowInsecureRequests] },
    );
    const verifier = client.randomPKCECodeVerifier();
    const request = {
      redirect_uri: redirectUri,
      scope: 'openid',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    };
    const signed = await client.buildAuthorizationUrlWithJAR(config, request, { key: privateKey, kid: 'a' });
    const address = how === 'pushed' ? await client.buildAuthorizationUrlWithPAR(config, signed.searchParams) : signed;
    const browser = new Browser();
    const { url } = await walk(browser, await browser.open(address.href, isBack), user);
    const tokens = await client.authorizationCodeGrant(config, new URL(url), { pkceCodeVerifier: verifier });
    expect(tokens.claims()?.sub).toBe(user.id);
  });
});
