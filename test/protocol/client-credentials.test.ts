import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { addService, isActive } from './kit/apps.ts';

const jwtApi = 'https://jwt.example/';
const rsaApi = 'https://rsa.example/';
const opaqueApi = 'https://opaque.example/';
const closedApi = 'https://closed.example/';

let product: Product;

beforeAll(async () => {
  product = await startProduct();
  const scope = (name: string) => ({ name, description: `May ${name}` });
  await product.addResource({
    identifier: jwtApi,
    access_token_format: 'jwt',
    access_token_ttl: 120,
    scopes: [scope('read'), scope('write')],
  });
  await product.addResource({
    identifier: rsaApi,
    access_token_format: 'jwt',
    signing_alg: 'RS256',
    scopes: [scope('print')],
  });
  await product.addResource({ identifier: opaqueApi, access_token_format: 'opaque', scopes: [scope('paint')] });
  await product.addResource({ identifier: closedApi, access_token_format: 'jwt', scopes: [scope('close')] });
});
afterAll(() => product.stop());

const fetchToken = (service: RelyingApp, more: Record<string, string> = {}): Promise<Answer> =>
  service.token({ grant_type: 'client_credentials', ...more });
const verified = ({ body }: Answer, audience: string) =>
  jwtVerify(String(body['access_token']), createRemoteJWKSet(new URL(`${product.url}/jwks`)), {
    audience,
    issuer: product.url,
    typ: 'at+jwt',
  });

describe('client credentials', () => {
  it('give an opaque token without audience to a client that may use no API', async () => {
    const service = await addService(product);
    const answer = await fetchToken(service);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toMatchObject({ token_type: 'Bearer', expires_in: 600 });
    expect(answer.body['access_token']).toMatch(/^cc_[0-9a-z]{9}[\w-]{43}$/);
    expect(answer.body).not.toHaveProperty('refresh_token');
    const { body } = await service.introspect(answer.body['access_token']);
    expect(body).toMatchObject({ active: true, client_id: service.credentials.clientId, token_type: 'Bearer' });
    expect(body).not.toHaveProperty('aud');
    expect(body).not.toHaveProperty('sub');
  });

  it('give a JWT for the API that is named, signed with ES256 (RFC 9068)', async () => {
    const service = await addService(product, { resources: [jwtApi] });
    const answer = await fetchToken(service, { resource: jwtApi, scope: 'read write' });
    expect(answer.body).toMatchObject({ expires_in: 120, scope: 'read write' });
    const { payload, protectedHeader } = await verified(answer, jwtApi);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
    const { clientId } = service.credentials;
    expect(payload).toMatchObject({ client_id: clientId, sub: clientId, scope: 'read write', aud: jwtApi });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(120);
    expect(payload.jti).toBeTypeOf('string');
  });

  it('sign with RS256 for the API that asks for it', async () => {
    const service = await addService(product, { resources: [rsaApi] });
    const answer = await fetchToken(service, { resource: rsaApi });
    expect(decodeProtectedHeader(String(answer.body['access_token'])).alg).toBe('RS256');
    await verified(answer, rsaApi);
  });

  it('take the one API that a client may use when none is named', async () => {
    const listed = await addService(product, { resources: [jwtApi] });
    const scoped = await addService(product, { scope: 'read' });
    await verified(await fetchToken(listed), jwtApi);
    await verified(await fetchToken(scoped), jwtApi);
    const opaque = await addService(product, { resources: [opaqueApi] });
    const { body } = await fetchToken(opaque);
    expect(body['access_token']).toMatch(/^cc_/);
    expect((await opaque.introspect(body['access_token'])).body['aud']).toBe(opaqueApi);
  });

  it('refuse to guess among several, and name them', async () => {
    const service = await addService(product, { resources: [jwtApi, opaqueApi] });
    const { status, body } = await fetchToken(service);
    expect([status, body['error']]).toEqual([400, 'invalid_target']);
    expect(body['error_description']).toContain(jwtApi);
    expect(body['error_description']).toContain(opaqueApi);
  });

  it('refuse an API that is not for this client, one that does not exist, and two at once', async () => {
    const service = await addService(product, { resources: [jwtApi, opaqueApi] });
    expect((await fetchToken(service, { resource: closedApi })).body['error']).toBe('invalid_target');
    expect((await fetchToken(service, { resource: 'https://nowhere.example/' })).body['error']).toBe('invalid_target');
    expect((await fetchToken(service, { resource: 'not a uri' })).body['error']).toBe('invalid_target');
    const both = await service.post('/token', [
      ['grant_type', 'client_credentials'],
      ['resource', jwtApi],
      ['resource', opaqueApi],
    ] as never);
    expect([both.status, both.body['error']]).toEqual([400, 'invalid_target']);
  });

  it('give a client only the scopes that are its own', async () => {
    const reader = await addService(product, { scope: 'read' });
    expect((await fetchToken(reader, { scope: 'read' })).body['scope']).toBe('read');
    expect((await fetchToken(reader, { scope: 'read write' })).body['error']).toBe('invalid_scope');
    const whole = await addService(product, { resources: [jwtApi] });
    expect((await fetchToken(whole, { scope: 'read write' })).body['scope']).toBe('read write');
    expect((await fetchToken(whole, { scope: 'read print' })).body['error']).toBe('invalid_scope');
  });

  it('are refused to a client without that grant', async () => {
    const app = await addWebApp(product);
    expect((await fetchToken(app)).status).toBe(400);
  });

  it('hold as long as they say', async () => {
    const service = await addService(product, { resources: [jwtApi] });
    const { body } = await fetchToken(service);
    expect(await isActive(service, body['access_token'])).toBe(true);
  });

  it('are audited with what they were for', async () => {
    const service = await addService(product, { resources: [jwtApi] });
    const { headers } = await fetchToken(service, { scope: 'read' });
    const events = await product.app.core.audit.search({ request: headers.get('x-request-id') ?? '', limit: 10 });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      type: 'token.issued',
      client: service.credentials.clientId,
      actor: { kind: 'client', id: service.credentials.clientId },
      details: { grant_type: 'client_credentials', token: 'jwt', resource: jwtApi, scope: 'read' },
    });
  });
});
