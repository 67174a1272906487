import { createHmac } from 'node:crypto';
import { decodeJwt, exportJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp, redirectUri, send } from '../kit/relying-app.ts';
import { addApi, addPublicApp, addService, api } from './kit/apps.ts';
import { assertionFor, makeClientKey } from './kit/assertion.ts';
import { basicOf } from './kit/both-ways.ts';
import { addDevice, approve, deviceGrant, startDevice } from './kit/device.ts';
import { makeProofKey, type Proof, type ProofKey, proofFor } from './kit/dpop.ts';
import { advance, standStill } from './kit/time.ts';

let product: Product;
let user: TestUser;
let key: ProofKey;
let thief: ProofKey;
beforeAll(async () => {
  standStill();
  product = await startProduct();
  await addApi(product);
  user = await product.addUser();
  [key, thief] = [await makeProofKey(), await makeProofKey()];
});
afterAll(() => product.stop());

const bound = { dpop_bound_access_tokens: true };
const ofItself = { grant_type: 'client_credentials' };
const tokenUrl = () => `${product.url}/token`;
const proof = (proves = key, more: Proof = {}) => proofFor(proves, ['POST', tokenUrl()], more);

/** A token request with the proof of a key, or without one. */
const post = async (app: RelyingApp, form: Record<string, string>, proves?: ProofKey): Promise<Answer> =>
  app.post('/token', form, proves ? await proof(proves) : {});

const refusal = ({ status, body }: Answer) => [status, body['error']];

async function userinfo(scheme: string, token: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return send(`${product.url}/userinfo`, { headers: { authorization: `${scheme} ${String(token)}`, ...headers } });
}
const proofOfUse = (token: string | undefined, proves = key, more: Proof = {}) =>
  proofFor(proves, ['GET', `${product.url}/userinfo`], { token, ...more });

/** A sign-in up to its code. */
async function code(app: RelyingApp, parameters: Record<string, string> = {}): Promise<Record<string, string>> {
  const { answer, verifier } = await app.signIn(user, { parameters });
  const grant = { grant_type: 'authorization_code', redirect_uri: redirectUri };
  return { ...grant, code: answer.get('code') ?? '', code_verifier: verifier };
}

const refresh = ({ body }: Answer) => ({ grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) });

describe('a token that is bound to a key', () => {
  it('says so to the client, and to those who ask about it', async () => {
    for (const more of [{}, { resources: [api] }]) {
      const service = await addService(product, more);
      const { status, body } = await post(service, ofItself, key);
      expect([status, body['token_type']]).toEqual([200, 'DPoP']);
      const told = (await service.introspect(body['access_token'])).body;
      expect(told).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: key.thumbprint } });
    }
  });

  it('can be had with each algorithm that discovery names', async () => {
    const { body } = await send(`${product.url}/.well-known/openid-configuration`);
    const algorithms = body['dpop_signing_alg_values_supported'] as string[];
    expect(algorithms).toEqual(['ES256', 'PS256', 'EdDSA', 'Ed25519']);
    const service = await addService(product, bound);
    for (const alg of algorithms) {
      const other = await makeProofKey(alg);
      const headers = await proof(other, { header: { alg } });
      expect((await service.post('/token', ofItself, headers)).status).toBe(200);
    }
  });

  it('is of use at userinfo to whoever holds the key, and to nobody else', async () => {
    const app = await addWebApp(product);
    const { body } = await post(app, await code(app), key);
    const token = String(body['access_token']);
    const used = await proofOfUse(token);
    expect((await userinfo('DPoP', token, used)).status).toBe(200);
    const wrong: [string, Record<string, string>][] = [
      ['Bearer', {}],
      ['DPoP', {}],
      ['DPoP', used],
      ['Bearer', await proofOfUse(token)],
      ['DPoP', await proofOfUse(token, thief)],
      ['DPoP', await proofOfUse(undefined)],
      ['DPoP', await proofOfUse('another')],
      ['DPoP', await proofOfUse(token, key, { claims: { htm: 'POST' } })],
      ['DPoP', await proofOfUse(token, key, { claims: { htu: `${product.url}/token` } })],
    ];
    for (const [scheme, headers] of wrong) {
      const refused = await userinfo(scheme, token, headers);
      expect([scheme, headers, refused.status]).not.toContain(200);
      expect(refused.headers.get('www-authenticate')).toMatch(/^DPoP /);
    }
  });

  it('cannot be made out of one that is not', async () => {
    const app = await addWebApp(product);
    const { body } = await post(app, await code(app));
    expect(body['token_type']).toBe('Bearer');
    const refused = await userinfo('DPoP', body['access_token'], await proofOfUse(String(body['access_token'])));
    expect(refused.status).toBe(401);
  });

  it('is no key to what is kept for the person at other providers', async () => {
    const app = await addWebApp(product);
    const { body } = await post(app, await code(app), key);
    const headers = { authorization: `Bearer ${String(body['access_token'])}` };
    expect((await send(`${product.url}/api/v1/identities/other/token`, { headers })).status).toBe(401);
  });
});

/** Each grant: a request that stands for it, anew at each call. */
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
      const app = await addPublicApp(product, bound);
      return [app, refresh(await post(app, await code(app), key))];
    },
  ],
  ['client_credentials', async () => [await addService(product, bound), ofItself]],
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

describe.each(grants)('a client that is bound to its key, by %s', (_name, request) => {
  it('is refused without a proof, and may come again with one', async () => {
    const [app, form] = await request();
    expect(refusal(await post(app, form))).toEqual([400, 'invalid_grant']);
    const told = await product.events('token.refused');
    expect(told).toContainEqual(expect.objectContaining({ reason: 'invalid_grant', client: app.credentials.clientId }));
    expect(refusal(await post(app, form, key))).toEqual([200, undefined]);
  });

  it('is refused with a proof that was used before', async () => {
    const [app, form] = await request();
    const headers = await proof();
    const service = await addService(product, bound);
    // By another client: what is used is remembered by client.
    expect((await service.post('/token', ofItself, headers)).status).toBe(200);
    expect((await app.post('/token', form, headers)).status).toBe(200);
    expect(refusal(await app.post('/token', form, headers))).toEqual([400, 'invalid_grant']);
  });
});

describe('a proof', () => {
  let service: RelyingApp;
  beforeAll(async () => {
    service = await addService(product, bound);
  });
  const use = async (more: Proof, proves = key) => service.post('/token', ofItself, await proof(proves, more));

  it.each<[string, () => Promise<Answer>]>([
    ['for another address', () => use({ claims: { htu: `${product.url}/userinfo` } })],
    ['for another host', () => use({ claims: { htu: 'https://elsewhere.example/token' } })],
    ['for another method', () => use({ claims: { htm: 'GET' } })],
    ['without an id', () => use({ claims: { jti: undefined } })],
    ['without a time', () => use({ claims: { iat: undefined } })],
    ['of another type', () => use({ header: { typ: 'JWT' } })],
    ['signed by another key', () => use({ header: { jwk: thief.jwk } })],
    ['without a key', () => use({ header: { jwk: undefined } })],
    ['with a private key', async () => use({ header: { jwk: await exportJWK(key.privateKey) } })],
    [
      'by a shared secret',
      async () => {
        const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
        const jwk = { kty: 'oct', k: 'AAAA' };
        const claims = { jti: 'x', iat: Math.floor(Date.now() / 1000), htm: 'POST', htu: tokenUrl() };
        const signed = `${part({ alg: 'HS256', typ: 'dpop+jwt', jwk })}.${part(claims)}`;
        const mac = createHmac('sha256', Buffer.from('AAAA', 'base64url')).update(signed).digest('base64url');
        return service.post('/token', ofItself, { dpop: `${signed}.${mac}` });
      },
    ],
    ['that is none', () => service.post('/token', ofItself, { dpop: 'proof' })],
  ])('%s is refused', async (_what, request) => {
    expect(refusal(await request())).toEqual([400, 'invalid_dpop_proof']);
  });

  it('may be used by one of many who come with it at once', async () => {
    const headers = await proof();
    const answers = await Promise.all(Array.from({ length: 16 }, () => service.post('/token', ofItself, headers)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const losers = answers.filter(({ status }) => status !== 200);
    expect(losers.map(refusal)).toEqual(Array(15).fill([400, 'invalid_grant']));
  });

  it('of a clock that is ahead is remembered for as long as it is good', async () => {
    const headers = await proof(key, { claims: { iat: Math.floor(Date.now() / 1000) + 280 } });
    expect((await service.post('/token', ofItself, headers)).status).toBe(200);
    advance(400);
    expect(refusal(await service.post('/token', ofItself, headers))).toEqual([400, 'invalid_grant']);
  });

  it('may have the id of the assertion that it comes with', async () => {
    const clientKey = await makeClientKey();
    const { clientId } = await product.addClient({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: clientKey.jwks,
      ...bound,
    });
    const form = async () => ({
      ...ofItself,
      client_assertion: await assertionFor(clientId, product.url, clientKey.privateKey, { jti: '1' }),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    const headers = await proof(key, { claims: { jti: '1' } });
    const request = async () => send(tokenUrl(), { method: 'POST', headers, body: new URLSearchParams(await form()) });
    expect((await request()).status).toBe(200);
    expect(refusal(await request())).toEqual([401, 'invalid_client']);
  });
});

describe('a request with a proof', () => {
  it('has one proof, and no more (RFC 9449 §4.3)', async () => {
    const service = await addService(product, bound);
    const { authorization } = basicOf(service);
    const twice = [
      ['authorization', authorization],
      ['dpop', (await proof()).dpop],
      ['dpop', (await proof()).dpop],
    ] as [string, string][];
    const answer = await send(tokenUrl(), { method: 'POST', headers: twice, body: new URLSearchParams(ofItself) });
    expect(refusal(answer)).toEqual([400, 'invalid_dpop_proof']);
  });

  it('may spell its address otherwise, if it is the same (RFC 9449 §4.3)', async () => {
    const service = await addService(product, bound);
    const { port } = new URL(product.url);
    for (const htu of [
      `HTTP://LOCALHOST:${port}/token`,
      `${tokenUrl()}?x=1#y`,
      `http://localhost:${port}/a/../token`,
    ]) {
      expect((await service.post('/token', ofItself, await proof(key, { claims: { htu } }))).status).toBe(200);
    }
  });

  it('gets a JWT that names the key (RFC 9449 §6.1)', async () => {
    const service = await addService(product, { resources: [api] });
    const { body } = await post(service, ofItself, key);
    expect(decodeJwt(String(body['access_token']))['cnf']).toEqual({ jkt: key.thumbprint });
  });

  it('is told one nonce at most, at a pushed request too (RFC 9449 §8)', async () => {
    const app = await addPublicApp(product);
    const form = Object.fromEntries(new URL(app.request().url).searchParams);
    const wrong = { iat: Math.floor(Date.now() / 1000) - 3600 };
    const headers = await proofFor(key, ['POST', `${product.url}/par`], { claims: wrong });
    const answer = await app.post('/par', form, headers);
    expect(refusal(answer)).toEqual([400, 'use_dpop_nonce']);
    expect(answer.headers.get('dpop-nonce')).toMatch(/^[\w-]+$/);
  });
});

describe('a nonce of ours', () => {
  it('is given to a client whose clock is wrong, and lets it in', async () => {
    const service = await addService(product, bound);
    const wrong = { iat: Math.floor(Date.now() / 1000) - 3600 };
    const first = await service.post('/token', ofItself, await proof(key, { claims: wrong }));
    expect(refusal(first)).toEqual([400, 'use_dpop_nonce']);
    const nonce = first.headers.get('dpop-nonce') ?? '';
    const second = await service.post('/token', ofItself, await proof(key, { claims: { ...wrong, nonce } }));
    expect(second.status).toBe(200);
    advance(600);
    const late = await service.post('/token', ofItself, await proof(key, { claims: { ...wrong, nonce } }));
    expect(refusal(late)).toEqual([400, 'use_dpop_nonce']);
  });

  it('cannot be made up', async () => {
    const service = await addService(product, bound);
    const made = await service.post('/token', ofItself, await proof(key, { claims: { nonce: 'x'.repeat(43) } }));
    expect(refusal(made)).toEqual([400, 'use_dpop_nonce']);
  });
});

describe('a code that is bound to a key', () => {
  it.each([
    ['without a proof', undefined],
    ['with another key', 'thief'],
  ])('is refused %s', async (_how, who) => {
    const app = await addWebApp(product);
    const form = await code(app, { dpop_jkt: key.thumbprint });
    expect(refusal(await post(app, form, who === undefined ? undefined : thief))).toEqual([400, 'invalid_grant']);
  });

  it('is taken with its key, named in the request or by the proof of a pushed one', async () => {
    const app = await addPublicApp(product);
    expect((await post(app, await code(app, { dpop_jkt: key.thumbprint }), key)).status).toBe(200);
    const { clientId } = app.credentials;
    const { url, verifier } = app.request();
    const form = Object.fromEntries(new URL(url).searchParams);
    const pushed = await app.post('/par', form, await proofFor(key, ['POST', `${product.url}/par`]));
    expect(pushed.status).toBe(201);
    const parameters = { client_id: clientId, request_uri: String(pushed.body['request_uri']) };
    const browser = new Browser();
    const { answer } = await app.signIn(user, { parameters, browser });
    const exchange = {
      grant_type: 'authorization_code',
      redirect_uri: redirectUri,
      code: answer.get('code') ?? '',
      code_verifier: verifier,
    };
    expect(refusal(await post(app, exchange, thief))).toEqual([400, 'invalid_grant']);
  });

  it('cannot be bound to two keys at once', async () => {
    const app = await addPublicApp(product);
    const { url } = app.request({ dpop_jkt: thief.thumbprint });
    const form = Object.fromEntries(new URL(url).searchParams);
    const headers = await proofFor(key, ['POST', `${product.url}/par`]);
    expect(refusal(await app.post('/par', form, headers))).toEqual([400, 'invalid_request']);
  });
});

describe('a refresh token of an app without a secret', () => {
  it('is of no use without its key, and is not used up by somebody who tries', async () => {
    const app = await addPublicApp(product);
    const first = await post(app, await code(app), key);
    expect(refusal(await post(app, refresh(first)))).toEqual([400, 'invalid_grant']);
    expect(refusal(await post(app, refresh(first), thief))).toEqual([400, 'invalid_grant']);
    const second = await post(app, refresh(first), key);
    expect([second.status, second.body['token_type']]).toEqual([200, 'DPoP']);
    // Inside the grace window the former one is answered with the same successor, to its key only.
    expect(refusal(await post(app, refresh(first), thief))).toEqual([400, 'invalid_grant']);
    const repeat = await post(app, refresh(first), key);
    expect(repeat.body['refresh_token']).toBe(second.body['refresh_token']);
    expect(refusal(await post(app, refresh(second), thief))).toEqual([400, 'invalid_grant']);
    expect((await post(app, refresh(second), key)).status).toBe(200);
  });
});
