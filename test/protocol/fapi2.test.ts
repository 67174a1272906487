import { createHash, randomUUID } from 'node:crypto';
import { type CryptoKey, decodeJwt, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewClient } from '../../src/features/clients/module.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, isBack, redirectUri, send, walk } from '../kit/relying-app.ts';
import { assertionFor } from './kit/assertion.ts';
import { makeProofKey, type Proof, type ProofKey, proofFor } from './kit/dpop.ts';
import { advance, days, standStill } from './kit/time.ts';

/*
 * FAPI 2.0 Security Profile, final, and Message Signing §5.3.1: what they forbid, clause by clause.
 */

let product: Product;
let user: TestUser & { readonly id: string };
let proofKey: ProofKey;
let otherKey: ProofKey;
/** The client's keys: ES256, and RS256, which the profile does not take. */
let keys: Readonly<Record<'ES256' | 'RS256', { readonly privateKey: CryptoKey; readonly jwk: JWK }>>;
let clientId: string;

async function makeKey(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' } };
}

const fapi2 = (more: object = {}): NewClient =>
  ({
    profile: 'fapi2',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [keys.ES256.jwk, keys.RS256.jwk] },
    ...more,
  }) as NewClient;

beforeAll(async () => {
  standStill();
  product = await startProduct();
  user = await product.addUser();
  [proofKey, otherKey] = [await makeProofKey(), await makeProofKey()];
  keys = { ES256: await makeKey('ES256'), RS256: await makeKey('RS256') };
  ({ clientId } = await product.addClient(fapi2()));
});
afterAll(() => product.stop());

const now = () => Math.floor(Date.now() / 1000);
const verifier = 'v'.repeat(43);
const request = () => ({
  client_id: clientId,
  response_type: 'code',
  scope: 'openid offline_access',
  prompt: 'consent',
  redirect_uri: redirectUri,
  state: 'state-1',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
});

type Claims = Record<string, unknown>;
interface Signing {
  readonly claims?: Claims;
  readonly alg?: 'ES256' | 'RS256';
}

const sign = (claims: Claims, { claims: more = {}, alg = 'ES256' }: Signing): Promise<string> =>
  new SignJWT({ ...claims, ...more }).setProtectedHeader({ alg, kid: alg }).sign(keys[alg].privateKey);

/** The client's proof of who it is. */
async function authentication(signing: Signing = {}): Promise<Record<string, string>> {
  const own = {
    iss: clientId,
    sub: clientId,
    aud: product.url,
    jti: randomUUID(),
    iat: now(),
    nbf: now(),
    exp: now() + 60,
  };
  return {
    client_assertion: await sign(own, signing),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  };
}

const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> =>
  send(product.url + path, { method: 'POST', headers, body: new URLSearchParams(form) });

const push = async (form: Record<string, string> = request(), signing: Signing = {}): Promise<Answer> =>
  post('/par', { ...form, ...(await authentication(signing)) });

const without = (name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(request()).filter(([key]) => key !== name));

/** A request object, right unless told otherwise. */
const object = (signing: Signing = {}): Promise<string> =>
  sign({ ...request(), iss: clientId, aud: product.url, jti: randomUUID(), nbf: now(), exp: now() + 300 }, signing);

const pushObject = async (signing: Signing) => push({ client_id: clientId, request: await object(signing) });

async function open(query: Record<string, string>): Promise<URLSearchParams> {
  const browser = new Browser();
  const address = `${product.url}/authorize?${new URLSearchParams({ client_id: clientId, ...query })}`;
  const page = await walk(browser, await browser.open(address, isBack), user);
  return isBack(page.url) ? new URL(page.url).searchParams : new URLSearchParams({ page: page.text });
}

/** A sign-in up to its code. */
async function code(): Promise<Record<string, string>> {
  const { body } = await push();
  const answer = await open({ request_uri: String(body['request_uri']) });
  const grant = { grant_type: 'authorization_code', redirect_uri: redirectUri, code_verifier: verifier };
  return { ...grant, code: answer.get('code') ?? '' };
}

const proof = (proves = proofKey, more: Proof = {}) => proofFor(proves, ['POST', `${product.url}/token`], more);
const token = async (form: Record<string, string>, headers?: Record<string, string>, signing: Signing = {}) =>
  post('/token', { ...form, ...(await authentication(signing)) }, headers ?? (await proof()));

const refusal = ({ status, body }: Answer) => [status, body['error']];

describe('what the profile lets happen', () => {
  it('is a sign-in with bound tokens, by a request that was pushed', async () => {
    const pushed = await push();
    expect(pushed.status).toBe(201);
    expect(pushed.body['expires_in']).toBeLessThanOrEqual(60);
    const uri = String(pushed.body['request_uri']);
    const answer = await open({ request_uri: uri });
    expect(answer.get('iss')).toBe(product.url);
    const grant = { grant_type: 'authorization_code', redirect_uri: redirectUri, code_verifier: verifier };
    const tokens = await token({ ...grant, code: answer.get('code') ?? '' });
    expect([tokens.status, tokens.body['token_type']]).toEqual([200, 'DPoP']);
    expect(decodeJwt(String(tokens.body['id_token']))).toMatchObject({ sub: user.id, aud: clientId });
    const value = String(tokens.body['access_token']);
    const bearer = await send(`${product.url}/userinfo`, { headers: { authorization: `Bearer ${value}` } });
    expect(bearer.status).toBe(401);
    const use = await proofFor(proofKey, ['GET', `${product.url}/userinfo`], { token: value });
    const headers = { authorization: `DPoP ${value}`, ...use };
    expect((await send(`${product.url}/userinfo`, { headers })).status).toBe(200);
    expect((await open({ request_uri: uri })).get('code')).toBe(null);
  });

  it('is a refresh token that stays the same for its whole life, of use to the client alone', async () => {
    const first = await token(await code());
    const refresh_token = String(first.body['refresh_token']);
    const refresh = { grant_type: 'refresh_token', refresh_token };
    for (let time = 0; time < 3; time += 1) {
      advance(20 * days);
      const next = await token(refresh);
      expect([next.status, next.body['refresh_token']]).toEqual([200, refresh_token]);
    }
    expect(refusal(await token(refresh, {}))).toEqual([400, 'invalid_grant']);
    // RFC 9449 §5: a client that proves itself may change its key; the new token is bound to that one.
    const rebound = await token(refresh, await proof(otherKey));
    const value = String(rebound.body['access_token']);
    const use = await proofFor(proofKey, ['GET', `${product.url}/userinfo`], { token: value });
    const headers = { authorization: `DPoP ${value}`, ...use };
    expect((await send(`${product.url}/userinfo`, { headers })).status).toBe(401);
    expect(refusal(await post('/token', { ...refresh, client_id: clientId }, await proof()))).toEqual([
      401,
      'invalid_client',
    ]);
    expect((await token(refresh)).status).toBe(200);
    advance(400 * days);
    expect(refusal(await token(refresh))).toEqual([400, 'invalid_grant']);
  });

  it('is a clock ten seconds ahead', async () => {
    const ahead = { iat: now() + 10, nbf: now() + 10 };
    expect((await push(request(), { claims: ahead })).status).toBe(201);
    expect((await pushObject({ claims: ahead })).status).toBe(201);
    const late = await proof(proofKey, { claims: { iat: now() + 10 } });
    expect((await token({ grant_type: 'client_credentials' }, late)).status).toBe(200);
  });

  it('is filled in by the one word', () => {
    const { metadata } = product.app.core.clients.find(clientId) ?? {};
    expect(metadata).toMatchObject({ require_pushed_authorization_requests: true, dpop_bound_access_tokens: true });
  });
});

type Row = readonly [clause: string, what: string, request: () => Promise<Answer>, refusal: [number, string]];

const refused: readonly Row[] = [
  ['5.3.2.1-3', 'a client that proves nothing', () => post('/par', request()), [401, 'invalid_client']],
  [
    '5.3.2.1-6',
    'a secret',
    () => post('/par', { ...request(), client_secret: 's'.repeat(40) }),
    [401, 'invalid_client'],
  ],
  [
    '5.3.2.1-8',
    'an assertion for an endpoint',
    () => push(request(), { claims: { aud: `${product.url}/par` } }),
    [401, 'invalid_client'],
  ],
  [
    '5.3.2.1-8',
    'an assertion for the token endpoint',
    () => token({ grant_type: 'client_credentials' }, undefined, { claims: { aud: `${product.url}/token` } }),
    [401, 'invalid_client'],
  ],
  [
    '5.3.2.1-8',
    'an assertion for several',
    () => push(request(), { claims: { aud: [product.url] } }),
    [401, 'invalid_client'],
  ],
  [
    '5.3.2.1-13',
    'an assertion that was issued in the future',
    () => push(request(), { claims: { iat: now() + 61 } }),
    [401, 'invalid_client'],
  ],
  [
    '5.3.2.1-13',
    'an assertion that is not yet valid',
    () => push(request(), { claims: { nbf: now() + 61 } }),
    [401, 'invalid_client'],
  ],
  ['5.4.1-1', 'an assertion by RS256', () => push(request(), { alg: 'RS256' }), [401, 'invalid_client']],
  [
    '5.3.2.2-1',
    'a response type with tokens',
    () => push({ ...request(), response_type: 'code id_token', nonce: 'n' }),
    [400, 'unsupported_response_type'],
  ],
  ['5.3.2.2-5', 'no PKCE', () => push(without('code_challenge')), [400, 'invalid_request']],
  [
    '5.3.2.2-5',
    'PKCE in the clear',
    () => push({ ...request(), code_challenge_method: 'plain' }),
    [400, 'invalid_request'],
  ],
  ['5.3.2.2-6', 'no redirect URI', () => push(without('redirect_uri')), [400, 'invalid_request']],
  [
    '5.3.2.2-6',
    'another redirect URI',
    () => push({ ...request(), redirect_uri: `${redirectUri}/` }),
    [400, 'invalid_request'],
  ],
  ['5.3.2.1-4', 'a token without a key', () => token({ grant_type: 'client_credentials' }, {}), [400, 'invalid_grant']],
  ['5.3.2.1-4', 'a code without a key', async () => token(await code(), {}), [400, 'invalid_grant']],
  [
    '5.3.2.1-13',
    'a DPoP proof from the future',
    async () => token({ grant_type: 'client_credentials' }, await proof(proofKey, { claims: { iat: now() + 61 } })),
    [400, 'invalid_dpop_proof'],
  ],
  [
    '5.3.2.1-11',
    'a code after a minute',
    async () => {
      const form = await code();
      advance(60);
      return token(form);
    },
    [400, 'invalid_grant'],
  ],
  [
    '5.3.2.2-9',
    'a code a second time',
    async () => {
      const form = await code();
      expect((await token(form)).status).toBe(200);
      return token(form);
    },
    [400, 'invalid_grant'],
  ],
  [
    '5.3.2.1-2',
    'a password',
    () => token({ grant_type: 'password', username: user.email, password: user.password }),
    [400, 'unsupported_grant_type'],
  ],
  [
    'MS 5.3.1',
    'a request object without nbf',
    () => pushObject({ claims: { nbf: undefined } }),
    [400, 'invalid_request_object'],
  ],
  [
    'MS 5.3.1',
    'a request object without exp',
    () => pushObject({ claims: { exp: undefined } }),
    [400, 'invalid_request_object'],
  ],
  [
    'MS 5.3.1',
    'a request object for more than an hour',
    () => pushObject({ claims: { exp: now() + 3601 } }),
    [400, 'invalid_request_object'],
  ],
  [
    'MS 5.3.1',
    'a request object of more than an hour ago',
    () => pushObject({ claims: { nbf: now() - 3601, exp: now() + 10 } }),
    [400, 'invalid_request_object'],
  ],
  [
    'MS 5.3.1',
    'a request object from the future',
    () => pushObject({ claims: { iat: now() + 61 } }),
    [400, 'invalid_request_object'],
  ],
  [
    'MS 5.3.1',
    'a request object for somebody else',
    () => pushObject({ claims: { aud: 'https://elsewhere.example' } }),
    [400, 'invalid_request_object'],
  ],
  ['5.4.1-1', 'a request object by RS256', () => pushObject({ alg: 'RS256' }), [400, 'invalid_request_object']],
];

describe('what the profile forbids', () => {
  it.each(refused)('%s: %s is refused', async (_clause, _what, attempt, expected) => {
    expect(refusal(await attempt())).toEqual(expected);
    if (expected[0] === 401) return;
    const type = expected[1] === 'invalid_grant' || expected[1] === 'unsupported_grant_type' ? 'token' : undefined;
    const [event] = (await product.app.core.audit.search({ client: clientId, limit: 1 })).slice(-1);
    expect(event).toMatchObject({ outcome: 'denied', ...(type ? { reason: expected[1] } : {}) });
  });

  it('5.3.2.2-3: a request that was not pushed is refused, by value or signed', async () => {
    expect((await open(request())).get('error')).toBe('invalid_request');
    const signed = { ...request(), request: await object() };
    expect((await open(signed)).get('error')).toBe('invalid_request');
  });

  it('of others is let be: an assertion for the token endpoint, tokens without a key', async () => {
    const { clientId: other } = await product.addClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [keys.ES256.jwk as never] },
    });
    const assertion = await assertionFor(other, `${product.url}/token`, keys.ES256.privateKey);
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const form = { grant_type: 'client_credentials', client_assertion: assertion, client_assertion_type: type };
    expect((await post('/token', form)).status).toBe(200);
  });

  it.each<[clause: string, metadata: object, field: string]>([
    ['5.3.2.1-3', { token_endpoint_auth_method: 'none' }, 'token_endpoint_auth_method'],
    ['5.3.2.1-6', { token_endpoint_auth_method: 'client_secret_basic' }, 'token_endpoint_auth_method'],
    ['5.3.2.1-6', { token_endpoint_auth_method: 'client_secret_post' }, 'token_endpoint_auth_method'],
    ['5.3.2.1-4', { dpop_bound_access_tokens: false }, 'dpop_bound_access_tokens'],
    ['5.3.2.1-9', { refresh_grace_seconds: 10 }, 'refresh_grace_seconds'],
    ['5.3.2.2-1', { response_types: ['code', 'code id_token'] }, 'response_types'],
    [
      '5.3.2.2-1',
      { grant_types: ['authorization_code', 'implicit'], response_types: ['code', 'id_token'] },
      'grant_types',
    ],
    ['5.3.2.2', { grant_types: ['urn:ietf:params:oauth:grant-type:device_code'] }, 'grant_types'],
    ['5.3.2.2-3', { require_pushed_authorization_requests: false }, 'require_pushed_authorization_requests'],
    ['5.3.2.2-5', { require_pkce: false }, 'require_pkce'],
    ['5.3.2.2-8', { redirect_uris: ['http://localhost/callback'] }, 'redirect_uris'],
    ['5.3.2.2-8', { application_type: 'native', redirect_uris: ['com.example.app:/x'] }, 'redirect_uris'],
    ['5.4', { jwks: undefined, jwks_uri: 'http://localhost/keys' }, 'jwks_uri'],
    ['5.4.1-1', { id_token_signed_response_alg: 'RS256' }, 'id_token_signed_response_alg'],
    ['5.4.1-1', { userinfo_signed_response_alg: 'RS256' }, 'userinfo_signed_response_alg'],
    ['5.4.1-1', { authorization_signed_response_alg: 'RS256' }, 'authorization_signed_response_alg'],
    ['5.4.1-1', { introspection_signed_response_alg: 'RS256' }, 'introspection_signed_response_alg'],
    ['5.4.1-1', { request_object_signing_alg: 'RS256' }, 'request_object_signing_alg'],
    ['5.4.1-1', { token_endpoint_auth_signing_alg: 'RS256' }, 'token_endpoint_auth_signing_alg'],
    ['5.4.1-2', { jwks: { keys: [{ kty: 'RSA', e: 'AQAB', n: 'x'.repeat(171) }] } }, 'jwks'],
  ])('%s: a client is not registered with %o', async (_clause, metadata, field) => {
    await expect(product.addClient(fapi2(metadata))).rejects.toMatchObject({
      code: 'client_refused',
      fields: { [field]: expect.stringContaining('profile fapi2') },
    });
  });

  it('5.3.2.2-8: does not keep an app on a device from listening on its loopback interface', async () => {
    const app = fapi2({ application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'] });
    expect((await product.addClient(app)).clientId).not.toBe('');
  });
});
