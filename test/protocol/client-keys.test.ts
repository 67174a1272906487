import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../kit/product.ts';
import { redirectUri } from '../kit/relying-app.ts';
import { postWithAssertion } from './kit/assertion.ts';
import { advance, hours, standStill } from './kit/time.ts';

let product: Product;
let server: Server;
let uri: string;
/** What the client's server does, and how often it was asked. */
let answer: RequestListener;
let asked = 0;
beforeAll(async () => {
  standStill();
  product = await startProduct();
  server = createServer((request, response) => {
    asked += 1;
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await product.stop();
});

let clientId: string;
let number = 0;
beforeEach(async () => {
  asked = 0;
  uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys/${++number}`;
  const client = {
    grant_types: ['client_credentials' as const],
    token_endpoint_auth_method: 'private_key_jwt' as const,
    jwks_uri: uri,
  };
  ({ clientId } = await product.addClient(client));
});

interface Pair {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: object;
}

async function makePair(kid: string): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}

/** The client's server answers with these keys, and tells everybody to keep them for a year. */
function publish(...keys: object[]): void {
  answer = (_request, response) => {
    response.setHeader('cache-control', 'max-age=31536000');
    response.end(JSON.stringify({ keys }));
  };
}

let assertions = 0;
async function signIn({ privateKey, kid }: Pair, header: object = { kid }, as = clientId): Promise<number> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: as, sub: as, aud: product.url, jti: `${++assertions}`, iat: now, exp: now + 60 };
  const assertion = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey);
  const { status, body } = await postWithAssertion(`${product.url}/token`, assertion, {
    grant_type: 'client_credentials',
  });
  if (status !== 200) expect([status, body['error']]).toEqual([401, 'invalid_client']);
  return status;
}

describe('a client that publishes its keys', () => {
  it('authenticates with one of them, which is read once for many requests', async () => {
    const pair = await makePair('a');
    publish(pair.jwk, (await makePair('b')).jwk);
    expect(await signIn(pair)).toBe(200);
    expect(await Promise.all([signIn(pair), signIn(pair), signIn(pair)])).toEqual([200, 200, 200]);
    expect(asked).toBe(1);
  });

  it('is asked once when many requests come at once', async () => {
    const pair = await makePair('a');
    publish(pair.jwk);
    expect(await Promise.all(Array.from({ length: 8 }, () => signIn(pair)))).toEqual(Array(8).fill(200));
    expect(asked).toBe(1);
  });

  it('may sign with a new key as soon as that is published', async () => {
    const [former, next] = [await makePair('former'), await makePair('next')];
    publish(former.jwk);
    expect(await signIn(former)).toBe(200);
    publish(former.jwk, next.jwk);
    advance(10);
    expect([await signIn(next), await signIn(former)]).toEqual([200, 200]);
  });

  it('is refused with a key that it took away five minutes ago, whatever it said about keeping its answer', async () => {
    const [stolen, next] = [await makePair('stolen'), await makePair('next')];
    publish(stolen.jwk);
    expect(await signIn(stolen)).toBe(200);
    publish(next.jwk);
    advance(5 * 60);
    expect([await signIn(stolen), await signIn(next)]).toEqual([401, 200]);
  });

  it('may go without key ids: its keys are read again after a minute', async () => {
    const [former, next] = [await makePair('former'), await makePair('next')];
    const { kid: _kid, ...jwk } = next.jwk as { kid: string };
    publish(former.jwk);
    expect(await signIn(former, {})).toBe(200);
    publish(jwk);
    expect(await signIn(next, {})).toBe(401);
    advance(60);
    expect([await signIn(next, {}), await signIn(former, {})]).toEqual([200, 401]);
  });

  it('keeps its keys for an hour while it cannot be reached, and no longer', async () => {
    const pair = await makePair('a');
    publish(pair.jwk);
    expect(await signIn(pair)).toBe(200);
    answer = (_request, response) => response.writeHead(503).end();
    advance(30 * 60);
    expect(await signIn(pair)).toBe(200);
    advance(30 * 60);
    expect(await signIn(pair)).toBe(401);
    publish(pair.jwk);
    advance(10);
    expect(await signIn(pair)).toBe(200);
  });

  it('cannot be flooded through us by strangers who invent key ids', async () => {
    const pair = await makePair('a');
    publish(pair.jwk);
    expect(await signIn(pair)).toBe(200);
    const invented = await Promise.all(Array.from({ length: 20 }, async (_, n) => signIn(pair, { kid: `x${n}` })));
    expect(invented).toEqual(Array(20).fill(401));
    expect(asked).toBe(1);
    advance(hours);
    await Promise.all(Array.from({ length: 20 }, async (_, n) => signIn(pair, { kid: `y${n}` })));
    expect(asked).toBe(2);
  });

  it('is refused with the key of another client, and says nothing for it', async () => {
    const [own, other] = [await makePair('a'), await makePair('a')];
    publish(own.jwk);
    expect(await signIn(other)).toBe(401);
    expect(await signIn(own, { kid: 'a' }, 'nobody')).toBe(401);
    expect(asked).toBe(1);
  });

  it.each<[string, RequestListener]>([
    ['is no JSON', (_request, response) => response.end('<html>')],
    ['has no keys', (_request, response) => response.end('{}')],
    ['is an error', (_request, response) => response.writeHead(404).end('{"keys":[]}')],
    ['is too large', (_request, response) => response.end(`{"keys":[]}${' '.repeat(2 * 1024 * 1024)}`)],
    ['is cut off', (_request, response) => response.writeHead(200, { 'content-length': '400' }).end('{"keys"')],
    ['points elsewhere', (_request, response) => response.writeHead(302, { location: `${uri}/other` }).end()],
    ['is no answer', (request) => request.socket.destroy()],
  ])('is refused while its answer %s, without an error of ours', async (_what, broken) => {
    answer = broken;
    expect(await signIn(await makePair('a'))).toBe(401);
    expect(asked).toBe(1);
  });

  it('is refused while it publishes a private key: anybody could sign with that', async () => {
    const pair = await makePair('a');
    publish({ ...pair.jwk, d: 'AQAB' });
    expect(await signIn(pair)).toBe(401);
  });

  it('may publish keys of kinds that are not known, which are passed over', async () => {
    const pair = await makePair('a');
    publish({ kty: 'AKP', kid: 'z', alg: 'ML-DSA-44', pub: 'AQAB' }, pair.jwk);
    expect(await signIn(pair)).toBe(200);
  });
});

describe('keys of a client', () => {
  it.each([
    [{ jwks_uri: 'http://keys.example/jwks' }, 'must use https'],
    [{ jwks_uri: 'https://keys.example/jwks', jwks: { keys: [{ kty: 'EC' as const }] } }, 'together with jwks'],
    [{}, 'jwks_uri is needed'],
  ])('are refused as %o', async (keys, why) => {
    const client = { redirect_uris: [redirectUri], token_endpoint_auth_method: 'private_key_jwt' as const, ...keys };
    await expect(product.addClient(client)).rejects.toMatchObject({
      code: 'client_refused',
      message: expect.stringContaining(why),
    });
  });
});
