import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, RelyingApp, redirectUri, walk } from '../kit/relying-app.ts';
import { addApi, addService, api, apiTokens } from './kit/apps.ts';
import { type HttpsServer, startHttpsServer } from './kit/https-server.ts';
import { type Listener, startListener } from './kit/listener.ts';
import { deliverDue } from './kit/outbox.ts';
import { standStill } from './kit/time.ts';

let product: Product;
let user: TestUser & { readonly id: string };
let listener: Listener;
let server: HttpsServer;
let guard: RelyingApp;
const encryptionKey = Buffer.alloc(32, 9).toString('base64');
beforeAll(async () => {
  standStill();
  server = await startHttpsServer();
  listener = await startListener();
  product = await startProduct({ encryptionKey, env: { POSTERN_OUTBOUND__CA: server.ca } });
  guard = await addService(product);
  await addApi(product, { introspection_clients: [guard.credentials.clientId] });
  user = await product.addUser({ claims: { name: 'Ada' } });
});
afterAll(async () => {
  await product.stop();
  await listener.close();
  server.close();
});

const pairwise = { subject_type: 'pairwise' };
const subOf = async (app: RelyingApp): Promise<unknown> =>
  decodeJwt(String((await app.tokens(user)).body['id_token'])).sub;

describe('a pairwise subject', () => {
  it('is one everywhere a client is told it, and the account is never named', async () => {
    const app = await addWebApp(product, {
      ...pairwise,
      resources: [api],
      backchannel_logout_uri: `${listener.url}/logout`,
      backchannel_logout_session_required: true,
    });
    const first = await app.tokens(user, { scope: 'openid profile offline_access', prompt: 'consent' });
    const second = await app.refresh(first.body['refresh_token']);
    const jwt = (await apiTokens(app, user)).body['access_token'];
    const ofIntrospection = async (who: RelyingApp, token: unknown) => (await who.introspect(token)).body['sub'];
    const page = await first.browser.open(`${product.url}/logout`);
    await first.browser.submit(page, 'logout-yes');
    await deliverDue(product);
    const logoutToken = listener.calls.at(-1)?.form.get('logout_token') ?? '';
    const subjects = {
      'ID token': decodeJwt(String(first.body['id_token'])).sub,
      'ID token of a refresh': decodeJwt(String(second.body['id_token'])).sub,
      userinfo: (await app.userinfo(first.body['access_token'])).body['sub'],
      'userinfo after a refresh': (await app.userinfo(second.body['access_token'])).body['sub'],
      introspection: await ofIntrospection(app, second.body['access_token']),
      'introspection of a refresh token': await ofIntrospection(app, second.body['refresh_token']),
      'JWT access token': decodeJwt(String(jwt)).sub,
      'introspection of a JWT': await ofIntrospection(app, jwt),
      'introspection by the API': await ofIntrospection(guard, jwt),
      'logout token': decodeJwt(logoutToken).sub,
    };
    const [sub] = Object.values(subjects);
    expect(sub).toMatch(/^[\w-]{43}$/);
    expect(subjects).toEqual(Object.fromEntries(Object.keys(subjects).map((where) => [where, sub])));
    for (const told of [first.body, second.body, jwt]) expect(JSON.stringify(told)).not.toContain(user.id);
  });

  it('is shared by the apps of one host, and by nobody else', async () => {
    const [one, same] = [await addWebApp(product, pairwise), await addWebApp(product, pairwise)];
    server.answers((_request, response) => response.end(JSON.stringify([redirectUri])));
    const other = await addWebApp(product, { ...pairwise, sector_identifier_uri: `${server.url}/sector` });
    expect(await subOf(one)).toBe(await subOf(same));
    expect(await subOf(other)).not.toBe(await subOf(one));
    const open = await addWebApp(product);
    expect(await subOf(open)).toBe(user.id);
    expect(await subOf(one)).not.toBe(user.id);
  });

  it('is what the client may name the person by', async () => {
    const app = await addWebApp(product, pairwise);
    const first = await app.tokens(user);
    const ask = async (sub: unknown) => {
      const claims = JSON.stringify({ id_token: { sub: { value: sub } } });
      const { url } = app.request({ prompt: 'none', claims });
      return new URL((await walk(first.browser, await first.browser.open(url, isBack), user)).url).searchParams;
    };
    expect((await ask(decodeJwt(String(first.body['id_token'])).sub)).get('error')).toBe(null);
    expect((await ask(user.id)).get('error')).toBe('login_required');
  });

  it('stays when the encryption key is changed and on every node, and its salt is sealed', async () => {
    const app = await addWebApp(product, pairwise);
    const { body } = await app.tokens(user);
    const before = decodeJwt(String(body['id_token'])).sub;
    const rows = await product.database.prisma.subjectSalt.findMany();
    expect(rows).toEqual([expect.objectContaining({ id: 'pairwise', salt: expect.stringMatching(/^s1\./) })]);
    const keys = `${Buffer.alloc(32, 10).toString('base64')},${encryptionKey}`;
    const other = await startProduct({ ...product.node, encryptionKey: keys });
    const told = await new RelyingApp(other.url, app.credentials).userinfo(body['access_token']);
    expect(told.body['sub']).toBe(before);
    await other.stop();
  });
});

describe('a sector of several hosts', () => {
  const uris = ['https://app.example/callback', 'https://shop.example/callback'];
  let number = 0;
  const serve = (body: string, status = 200): string => {
    server.answers((_request, response) => response.writeHead(status).end(body));
    return `${server.url}/sector/${++number}`;
  };
  const add = (sector_identifier_uri: string, more: object = {}) =>
    addWebApp(product, { ...pairwise, sector_identifier_uri, redirect_uris: uris, ...more });

  it('is one where a document lists their addresses, which is looked at on each change of them', async () => {
    const sector = serve(JSON.stringify([...uris, 'https://third.example/']));
    const app = await add(sector);
    const asked = server.asked();
    expect(await subOf(app)).toMatch(/^[\w-]{43}$/);
    expect(server.asked()).toBe(asked);
    const { clients } = product.app.core;
    const client = {
      client_id: app.credentials.clientId,
      subject_type: 'pairwise' as const,
      sector_identifier_uri: sector,
      redirect_uris: uris,
      grant_types: ['authorization_code' as const, 'refresh_token' as const],
    };
    await clients.update({ ...client, client_name: 'Other name' }, byOperator);
    expect(server.asked()).toBe(asked);
    const stranger = clients.update({ ...client, redirect_uris: [...uris, 'https://evil.example/'] }, byOperator);
    await expect(stranger).rejects.toMatchObject({
      code: 'client_refused',
      fields: { sector_identifier_uri: 'does not list https://evil.example/' },
    });
    await clients.update({ ...client, redirect_uris: [...uris, 'https://third.example/'] }, byOperator);
  });

  it.each<[string, string, number?]>([
    ['lists other addresses', '["https://evil.example/"]'],
    ['is no list', '{"redirect_uris":[]}'],
    ['is no JSON', '<html>'],
    ['is a list of something else', '[1]'],
    ['is not there', '[]', 404],
    ['is elsewhere', '[]', 302],
  ])('is refused when its document %s', async (_what, body, status) => {
    await expect(add(serve(body, status))).rejects.toMatchObject({
      code: 'client_refused',
      fields: { sector_identifier_uri: expect.any(String) },
    });
  });

  it.each<[object, string]>([
    [{ ...pairwise, redirect_uris: uris }, 'sector_identifier_uri'],
    [{ ...pairwise, application_type: 'native', redirect_uris: ['com.example.app:/x'] }, 'sector_identifier_uri'],
    [{ sector_identifier_uri: 'https://app.example/sector' }, 'sector_identifier_uri'],
    [{ ...pairwise, sector_identifier_uri: 'http://localhost/sector' }, 'sector_identifier_uri'],
    [{ ...pairwise, redirect_uris: [], grant_types: ['client_credentials'] }, 'subject_type'],
    [{ ...pairwise, grant_types: ['urn:ietf:params:oauth:grant-type:device_code'], redirect_uris: [] }, 'jwks_uri'],
  ])('has to be clear: %o', async (metadata, field) => {
    await expect(addWebApp(product, metadata)).rejects.toMatchObject({
      code: 'client_refused',
      fields: { [field]: expect.any(String) },
    });
  });
});
