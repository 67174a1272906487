import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  compactDecrypt,
  createRemoteJWKSet,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, isBack, type RelyingApp, redirectUri, send, walk } from '../kit/relying-app.ts';
import { addApi, addService, api } from './kit/apps.ts';
import { advance, standStill } from './kit/time.ts';

let product: Product;
let user: TestUser & { readonly id: string };
let key: { readonly privateKey: CryptoKey; readonly jwk: JWK };
beforeAll(async () => {
  standStill();
  product = await startProduct();
  user = await product.addUser({ claims: { name: 'Ada Lovelace' } });
  key = await makeEncryptionKey('ECDH-ES');
});
afterAll(() => product.stop());

async function makeEncryptionKey(alg: string, kid = 'enc') {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'enc' } };
}
const keysOf = ({ jwk }: { readonly jwk: JWK }) => ({ keys: [jwk] });

/** The claims of a JWT of ours that is for this client. */
async function verified(jwt: unknown, { credentials }: RelyingApp, alg = 'ES256'): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL(`${product.url}/jwks`));
  const checks = { algorithms: [alg], issuer: product.url, audience: credentials.clientId };
  return (await jwtVerify(String(jwt), keys, { ...checks, currentDate: new Date() })).payload;
}

/** What is in a JWE. */
async function decrypted(jwe: unknown, privateKey = key.privateKey): Promise<string> {
  expect(String(jwe).split('.')).toHaveLength(5);
  return Buffer.from((await compactDecrypt(String(jwe), privateKey)).plaintext).toString();
}

const modes = ['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'] as const;

/** Signs in and says what JWT came back to the app, however it was sent. */
async function answerBy(app: RelyingApp, mode: string, parameters: Record<string, string> = {}) {
  const { url, verifier } = app.request({ response_mode: mode, ...parameters });
  const browser = new Browser();
  const page = await walk(browser, await browser.open(url, isBack), user);
  const inForm = /action="([^"]+)".*name="response"[^>]*value="([^"]+)"/s.exec(page.text);
  if (mode === 'form_post.jwt' && inForm)
    return { response: inForm[2], names: ['response'], verifier, action: inForm[1] };
  const answer = new URL(page.url.replace('#', '?')).searchParams;
  return { response: answer.get('response'), names: [...answer.keys()], verifier, action: page.url.split(/[?#]/)[0] };
}

describe('a signed authorization response', () => {
  it.each(modes)('by %s is all that comes back, and its code is good', async (mode) => {
    const app = await addWebApp(product);
    const { response, names, verifier, action } = await answerBy(app, mode);
    expect([names, action]).toEqual([['response'], redirectUri]);
    const claims = await verified(response, app);
    expect(Object.keys(claims).toSorted()).toEqual(['aud', 'code', 'exp', 'iss', 'state']);
    expect(claims['state']).toBe('state-1');
    expect((claims.exp ?? 0) * 1000 - Date.now()).toBeLessThanOrEqual(600_000);
    expect((await app.exchange(String(claims['code']), verifier)).status).toBe(200);
  });

  it.each(modes)('by %s carries errors as well', async (mode) => {
    const app = await addWebApp(product);
    const { response, names } = await answerBy(app, mode, { prompt: 'none' });
    expect(names).toEqual(['response']);
    expect(await verified(response, app)).toMatchObject({ error: 'login_required', state: 'state-1' });
  });

  it('goes into the fragment where tokens come along, and leaves their event', async () => {
    const app = await addWebApp(product, { response_types: ['code', 'code id_token token'] });
    const parameters = { response_type: 'code id_token token', nonce: 'n' };
    const { response } = await answerBy(app, 'jwt', parameters);
    expect(await verified(response, app)).toMatchObject({ token_type: 'Bearer', id_token: expect.any(String) });
    const told = await product.app.core.audit.search({
      client: app.credentials.clientId,
      type: 'token.issued',
      limit: 9,
    });
    expect(told).toHaveLength(1);
    const refused = await answerBy(app, 'query.jwt', { ...parameters, prompt: 'none' });
    expect(await verified(refused.response, app)).toMatchObject({ error: 'invalid_request' });
  });

  it('may be the only way for a client', async () => {
    const app = await addWebApp(product, { response_modes: ['jwt'], authorization_signed_response_alg: 'PS256' });
    const { response } = await answerBy(app, 'jwt');
    expect(await verified(response, app, 'PS256')).toHaveProperty('code');
    for (const mode of ['query', 'fragment', 'form_post', 'web_message.jwt', 'x']) {
      const { url } = app.request({ response_mode: mode, prompt: 'none' });
      const page = await new Browser().open(url, isBack);
      expect(page.url + page.text).toMatch(/invalid_request|unsupported_response_mode/);
    }
  });

  it('may be encrypted', async () => {
    const app = await addWebApp(product, {
      jwks: keysOf(key),
      authorization_encrypted_response_alg: 'ECDH-ES',
      authorization_encrypted_response_enc: 'A256GCM',
    });
    const { response } = await answerBy(app, 'jwt');
    expect(decodeProtectedHeader(String(response))).toMatchObject({ alg: 'ECDH-ES', enc: 'A256GCM', kid: 'enc' });
    expect(await verified(await decrypted(response), app)).toHaveProperty('code');
  });
});

describe('openid-client', () => {
  it('takes signed responses and encrypted ID tokens', async () => {
    const { clientId, clientSecret } = await product.addClient({
      redirect_uris: [redirectUri],
      jwks: keysOf(key) as never,
      id_token_encrypted_response_alg: 'ECDH-ES',
    });
    const config = await client.discovery(
      new URL(product.url),
      clientId,
      { id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256' },
      client.ClientSecretBasic(clientSecret),
      { execute: [client.allowInsecureRequests, client.useJwtResponseMode] },
    );
    client.enableDecryptingResponses(config, ['A128CBC-HS256'], { key: key.privateKey, kid: 'enc' });
    const verifier = client.randomPKCECodeVerifier();
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    expect(address.searchParams.get('response_mode')).toBe('jwt');
    const browser = new Browser();
    const { url } = await walk(browser, await browser.open(address.href, isBack), user);
    const tokens = await client.authorizationCodeGrant(config, new URL(url), { pkceCodeVerifier: verifier });
    expect(tokens.claims()?.sub).toBe(user.id);
  });
});

describe.each(['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW', 'RSA-OAEP-256'])('what is encrypted by %s', (alg) => {
  it('is read by the client alone: ID tokens, from sign-in to refresh, and userinfo', async () => {
    const own = await makeEncryptionKey(alg);
    const app = await addWebApp(product, {
      jwks: keysOf(own),
      id_token_encrypted_response_alg: alg,
      userinfo_signed_response_alg: 'ES256',
      userinfo_encrypted_response_alg: alg,
      userinfo_encrypted_response_enc: 'A256CBC-HS512',
    });
    const first = await app.tokens(user, { scope: 'openid profile offline_access', prompt: 'consent' });
    for (const { body } of [first, await app.refresh(first.body['refresh_token'])]) {
      const idToken = await decrypted(body['id_token'], own.privateKey);
      expect((await verified(idToken, app)).sub).toBe(user.id);
      const userinfo = await app.userinfo(body['access_token']);
      expect(userinfo.headers.get('content-type')).toBe('application/jwt; charset=utf-8');
      const told = await verified(await decrypted(userinfo.body['text'], own.privateKey), app);
      expect(told).toMatchObject({ sub: user.id, name: 'Ada Lovelace' });
    }
  });
});

describe('what is encrypted for a client that publishes its keys', () => {
  let server: Server;
  let published: JWK[] = [];
  beforeAll(async () => {
    server = createServer((_request, response) => {
      response.setHeader('cache-control', 'max-age=31536000');
      response.end(JSON.stringify({ keys: published }));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  it('is encrypted to the key that it has now, not to one that it took away', async () => {
    const [former, next] = [await makeEncryptionKey('ECDH-ES', 'former'), await makeEncryptionKey('ECDH-ES', 'next')];
    published = [former.jwk];
    const jwks_uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const app = await addWebApp(product, { jwks_uri, id_token_encrypted_response_alg: 'ECDH-ES' });
    const kid = async () => decodeProtectedHeader(String((await app.tokens(user)).body['id_token'])).kid;
    expect(await kid()).toBe('former');
    published = [next.jwk];
    advance(60);
    expect(await kid()).toBe('next');
    published = [];
    advance(60);
    const without = await app.tokens(user);
    expect([without.status, without.body['error']]).toEqual([400, 'invalid_client_metadata']);
  });
});

describe('signed introspection', () => {
  const type = 'application/token-introspection+jwt';
  const ask = (who: RelyingApp, token: unknown, accept = type): Promise<Answer> =>
    who.post('/introspect', { token: String(token) }, { accept });

  it('tells a caller that asks for it the same as plainly, in a JWT for that caller', async () => {
    const opaque = 'https://opaque.example/';
    const guard = await addService(product, { introspection_signed_response_alg: 'EdDSA' });
    const scopes = [{ name: 'sail', description: 'Sail' }];
    const introspection_clients = [guard.credentials.clientId];
    await product.addResource({ identifier: opaque, access_token_format: 'opaque', scopes, introspection_clients });
    await addApi(product, { introspection_clients });
    for (const resource of [opaque, api]) {
      const service = await addService(product, { resources: [resource] });
      const { body } = await service.token({ grant_type: 'client_credentials' });
      for (const token of [body['access_token'], 'nothing']) {
        const { status, headers, body: answer } = await ask(guard, token);
        expect([status, headers.get('content-type')]).toEqual([200, `${type}; charset=utf-8`]);
        const jwt = answer['text'];
        expect(decodeProtectedHeader(String(jwt)).typ).toBe('token-introspection+jwt');
        const { token_introspection: told, ...around } = await verified(jwt, guard, 'EdDSA');
        expect(told).toEqual((await guard.introspect(token)).body);
        expect(Object.keys(around).toSorted()).toEqual(['aud', 'iat', 'iss']);
      }
    }
  });

  it.each([
    [type, true],
    [`application/json;q=0.5, ${type}`, true],
    ['application/json;q=0.1, */*', true],
    ['application/json', false],
    [`application/json, ${type};q=0.5`, false],
    ['*/*', false],
    ['text/html', false],
  ])('is given by what is accepted: %s', async (accept, signed) => {
    const service = await addService(product);
    const { body } = await service.token({ grant_type: 'client_credentials' });
    const answer = await ask(service, body['access_token'], accept);
    expect([answer.status, answer.headers.get('content-type')?.startsWith(type)]).toEqual([200, signed]);
  });

  it('is encrypted for callers that want it so, and never given plainly to them', async () => {
    const service = await addService(product, {
      jwks: keysOf(key),
      introspection_signed_response_alg: 'ES256',
      introspection_encrypted_response_alg: 'ECDH-ES',
    });
    const { body } = await service.token({ grant_type: 'client_credentials' });
    const { body: answer } = await ask(service, body['access_token']);
    const { token_introspection: told } = await verified(await decrypted(answer['text']), service);
    expect(told).toMatchObject({ active: true });
    const plain = await service.introspect(body['access_token']);
    expect([plain.status, plain.body['error']]).toEqual([400, 'invalid_request']);
  });
});

describe('a client that cannot be answered so', () => {
  it.each([
    [{ id_token_encrypted_response_alg: 'ECDH-ES' }, 'jwks or jwks_uri'],
    [{ id_token_encrypted_response_enc: 'A256GCM' }, 'id_token_encrypted_response_alg'],
    [{ userinfo_encrypted_response_alg: 'ECDH-ES' }, 'userinfo_signed_response_alg'],
    [{ authorization_encrypted_response_alg: 'RSA1_5' }, 'authorization_encrypted_response_alg'],
    [{ introspection_encrypted_response_alg: 'dir' }, 'introspection_encrypted_response_alg'],
    [{ authorization_signed_response_alg: 'none' }, 'authorization_signed_response_alg'],
    [{ response_modes: ['web_message'] }, 'response_modes'],
    [{ response_modes: [] }, 'response_modes'],
  ])('is refused: %o', async (metadata, why) => {
    await expect(addWebApp(product, metadata)).rejects.toMatchObject({
      code: 'client_refused',
      message: expect.stringContaining(why.split(' ')[0] ?? ''),
    });
  });

  it('is not told of ways that there are not', async () => {
    const { body } = await send(`${product.url}/.well-known/openid-configuration`);
    const supported = body['response_modes_supported'] as string[];
    expect(supported.toSorted()).toEqual(['form_post', 'fragment', 'query', ...modes].toSorted());
    for (const what of ['id_token', 'userinfo', 'authorization', 'introspection']) {
      expect(String(body[`${what}_encryption_alg_values_supported`])).toBe(
        'ECDH-ES,ECDH-ES+A128KW,ECDH-ES+A256KW,RSA-OAEP-256',
      );
    }
  });
});
