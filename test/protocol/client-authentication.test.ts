import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { type Answer, addWebApp, redirectUri, send } from '../kit/relying-app.ts';
import { addService } from './kit/apps.ts';
import { assertionFor, type ClientKey, makeClientKey, postWithAssertion } from './kit/assertion.ts';
import { operatorOf } from './kit/operator.ts';
import { rows } from './kit/tables.ts';
import { advance, standStill } from './kit/time.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

const grant = { grant_type: 'client_credentials' };
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
const post = (form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> =>
  send(`${product.url}/token`, { method: 'POST', headers, body: new URLSearchParams(form) });
const refused = (answer: Answer) => {
  expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
};

describe('a client with a secret', () => {
  it('may send it in the header or in the form, whichever it registered', async () => {
    for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
      const { clientId, clientSecret } = (await addService(product, { token_endpoint_auth_method: method }))
        .credentials;
      expect((await post(grant, basic(clientId, clientSecret))).status).toBe(200);
      expect((await post({ ...grant, client_id: clientId, client_secret: clientSecret })).status).toBe(200);
    }
  });

  it('is refused with a wrong one, with none, and when nobody knows it, and is told how to authenticate', async () => {
    const { clientId } = (await addService(product)).credentials;
    const wrong = await post(grant, basic(clientId, 'x'.repeat(43)));
    refused(wrong);
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    refused(await post({ ...grant, client_id: clientId, client_secret: 'wrong' }));
    refused(await post({ ...grant, client_id: clientId }));
    refused(await post(grant, basic('nobody', 'x')));
    expect((await post(grant)).status).toBe(400);
  });

  it('learns nothing from the answer about whether the client exists', async () => {
    const { clientId } = (await addService(product)).credentials;
    const known = await post(grant, basic(clientId, 'wrong'));
    const unknown = await post(grant, basic('nobody', 'wrong'));
    expect(known.body).toEqual(unknown.body);
  });

  it('may have its credentials encoded as a form is, and is refused where they are no encoding (RFC 6749 §2.3.1)', async () => {
    const secret = `p+% &=${'x'.repeat(30)}`;
    const { clientId } = await product.addClient({
      client_id: 'a:b+c',
      client_secret: secret,
      grant_types: ['client_credentials'],
    });
    expect((await post(grant, basic(encodeURIComponent(clientId), encodeURIComponent(secret)))).status).toBe(200);
    const asForm = (text: string) => new URLSearchParams({ text }).toString().slice('text='.length);
    expect((await post(grant, basic(asForm(clientId), asForm(secret)))).status).toBe(200);
    expect((await post(grant, basic(encodeURIComponent(clientId), '%zz'))).status).toBe(400);
    expect((await post(grant, { authorization: 'Basic !' })).status).toBe(400);
  });

  it('is refused when it authenticates in two ways at once', async () => {
    const { clientId, clientSecret } = (await addService(product)).credentials;
    const twice = await post({ ...grant, client_secret: clientSecret }, basic(clientId, clientSecret));
    expect([twice.status, twice.body['error']]).toEqual([400, 'invalid_request']);
  });

  it('may use the former one for as long as it overlaps with the new one', async () => {
    const { clientId, clientSecret } = (await addService(product)).credentials;
    standStill();
    const { clientSecret: next } = await product.app.core.clients.rotateSecret(clientId, 60, byOperator);
    product.app.protocol.rebuild();
    expect((await post(grant, basic(clientId, clientSecret))).status).toBe(200);
    expect((await post(grant, basic(clientId, next))).status).toBe(200);
    advance(61);
    refused(await post(grant, basic(clientId, clientSecret)));
    expect((await post(grant, basic(clientId, next))).status).toBe(200);
  });

  it('is refused while it is disabled', async () => {
    const { clientId, clientSecret } = (await addService(product)).credentials;
    await operatorOf(product).disableClient(clientId);
    refused(await post(grant, basic(clientId, clientSecret)));
    await operatorOf(product).enableClient(clientId);
    expect((await post(grant, basic(clientId, clientSecret))).status).toBe(200);
  });

  it('has it stored as a hash only', async () => {
    const { clientSecret } = (await addService(product)).credentials;
    const stored = JSON.stringify([
      await rows(product.database, 'SELECT * FROM clients'),
      await rows(product.database, 'SELECT * FROM client_secrets'),
    ]);
    expect(stored).not.toContain(clientSecret);
    expect(stored).not.toContain(clientSecret.replace('postern_cs_', ''));
  });
});

describe('a client without a secret', () => {
  it('names itself, and cannot pretend to have one', async () => {
    const { clientId } = await product.addClient({ redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' });
    const unknownCode = await post({
      grant_type: 'authorization_code',
      code: 'x',
      redirect_uri: redirectUri,
      code_verifier: 'x'.repeat(43),
      client_id: clientId,
    });
    expect([unknownCode.status, unknownCode.body['error']]).toEqual([400, 'invalid_grant']);
    refused(await post({ grant_type: 'authorization_code', client_id: clientId, client_secret: 'x' }));
  });
});

describe('a client with a key (private_key_jwt)', () => {
  let key: ClientKey;
  let clientId: string;
  const audience = () => product.url;
  const use = (assertion: string) => postWithAssertion(`${product.url}/token`, assertion, grant);

  beforeAll(async () => {
    key = await makeClientKey();
    const client = {
      grant_types: ['client_credentials' as const],
      token_endpoint_auth_method: 'private_key_jwt' as const,
      jwks: key.jwks,
    };
    ({ clientId } = await product.addClient(client));
  });

  it('authenticates with an assertion that it signed', async () => {
    expect((await use(await assertionFor(clientId, audience(), key.privateKey))).status).toBe(200);
    expect((await use(await assertionFor(clientId, `${product.url}/token`, key.privateKey))).status).toBe(200);
  });

  it('may use an assertion once, however many try at the same time', async () => {
    const assertion = await assertionFor(clientId, audience(), key.privateKey);
    const answers = await Promise.all(Array.from({ length: 16 }, () => use(assertion)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) refused(answer);
    refused(await use(assertion));
  });

  it('may use an assertion once, even at different endpoints', async () => {
    const assertion = await assertionFor(clientId, audience(), key.privateKey);
    expect((await postWithAssertion(`${product.url}/introspect`, assertion, { token: 'x' })).status).toBe(200);
    refused(await use(assertion));
  });

  it('has its assertion refused while it may still be valid by the tolerance for its clock', async () => {
    const now = Math.floor(Date.now() / 1000);
    const assertion = await assertionFor(clientId, audience(), key.privateKey, { exp: now + 2 });
    expect((await use(assertion)).status).toBe(200);
    advance(10);
    refused(await use(assertion));
  });

  it('is refused with a key of somebody else, an old assertion, another audience, issuer or subject, or no jti', async () => {
    const now = Math.floor(Date.now() / 1000);
    const stranger = await makeClientKey();
    refused(await use(await assertionFor(clientId, audience(), stranger.privateKey)));
    const wrong = [
      { exp: now - 60 },
      { aud: 'https://elsewhere.example' },
      { iss: 'somebody' },
      { jti: undefined },
      { exp: undefined },
      { sub: 'somebody' },
    ];
    for (const claims of wrong) refused(await use(await assertionFor(clientId, audience(), key.privateKey, claims)));
  });

  it('is refused with an assertion that is not yet good, is for others as well, or says what it is wrongly (RFC 7523 §3)', async () => {
    const now = Math.floor(Date.now() / 1000);
    refused(await use(await assertionFor(clientId, audience(), key.privateKey, { nbf: now + 120 })));
    refused(
      await use(
        await assertionFor(clientId, audience(), key.privateKey, { aud: [audience(), 'https://other.example'] }),
      ),
    );
    const client_assertion = await assertionFor(clientId, audience(), key.privateKey);
    const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer';
    expect((await post({ ...grant, client_assertion, client_assertion_type: saml })).status).toBe(400);
    expect((await post({ ...grant, client_assertion })).status).toBe(400);
    const { clientId: other } = (await addService(product)).credentials;
    const jwt = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const named = await post({ ...grant, client_id: other, client_assertion, client_assertion_type: jwt });
    expect([named.status, named.body['error']]).toEqual([400, 'invalid_request']);
    const more = { colour: 'red', nbf: now - 1, aud: [audience()] };
    expect((await use(await assertionFor(clientId, audience(), key.privateKey, more))).status).toBe(200);
  });

  it('is refused with a secret’s signature or with none', async () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: clientId, sub: clientId, aud: audience(), jti: 'a', iat: now, exp: now + 60 };
    refused(await use(await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.alloc(32, 1))));
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    refused(await use(`${encode({ alg: 'none' })}.${encode(claims)}.`));
  });
});

describe('algorithms that need a shared secret', () => {
  it('are published nowhere', async () => {
    const { body } = await send(`${product.url}/.well-known/openid-configuration`);
    expect(JSON.stringify(body)).not.toMatch(/(?<!CBC-)HS(256|384|512)|"none"[^\]]*_alg|client_secret_jwt/);
    expect(body['id_token_signing_alg_values_supported']).toEqual(['ES256', 'RS256']);
    expect(body['token_endpoint_auth_methods_supported']).toEqual([
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'none',
    ]);
  });

  it('are refused to a client', async () => {
    for (const alg of ['HS256', 'none']) {
      await expect(
        product.addClient({ redirect_uris: [redirectUri], id_token_signed_response_alg: alg } as never),
      ).rejects.toMatchObject({ code: 'client_refused' });
    }
    await expect(
      product.addClient({ redirect_uris: [redirectUri], token_endpoint_auth_method: 'client_secret_jwt' } as never),
    ).rejects.toMatchObject({ code: 'client_refused' });
  });

  it('sign ID tokens with RS256 for the client that asks for it', async () => {
    const app = await addWebApp(product, { id_token_signed_response_alg: 'RS256' });
    const { body } = await app.tokens(await product.addUser());
    expect(JSON.parse(Buffer.from(String(body['id_token']).split('.')[0] ?? '', 'base64url').toString())).toMatchObject(
      { alg: 'RS256' },
    );
  });
});
