import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStage, openWindow, pkce, type Stage, signIn } from '../e2e/kit.ts';
import { Canaries, fileAsPlace, type Place } from '../kit/canaries.ts';
import { openOperator } from '../kit/operator.ts';
import { type Answer, RelyingApp, send } from '../kit/relying-app.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import { MailServer } from '../kit/services/mail-server.ts';
import { until } from '../kit/until.ts';
import type { Upstream } from '../kit/upstreams/upstream.ts';
import { assertionFor, makeClientKey, postWithAssertion } from '../protocol/kit/assertion.ts';
import { type Listener, startListener } from '../protocol/kit/listener.ts';
import { meetFederatedSecrets } from './kit/federated-secrets.ts';
import { kindsOfSecrets } from './kit/kinds-of-secrets.ts';
import { meetMailedSecrets } from './kit/mailed-secrets.ts';
import { takeSecondStep } from './kit/second-step.ts';
import { privateSigningKeys } from './signing-keys.ts';

const canaries = new Canaries();
const random = (prefix: string) => `${prefix}-${randomBytes(24).toString('base64url')}`;
const plant = (kind: string, value: string | null | undefined) => canaries.plant(kind, value);

const orders = 'https://orders.example';
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
const ada = { email: 'ada@example.org', password: plant('password', random('password')) };
const bob = { email: 'bob@example.org', password: plant('password', random('password')) };
const carol = { email: 'carol@example.org', password: plant('password', random('password')) };
const harbourSecret = plant('client secret', random('secret'));
/** Met on the way: answers that are errors, what commands printed, where browsers went. */
const errorAnswers: string[] = [];
const commandOutput: string[] = [];
const addresses: string[] = [];

const mails = new MailServer();
let data: TemporaryFolder;
let stage: Stage;
let harbour: Listener;
let app: RelyingApp;
let provider: Upstream;
let places: Place[];

beforeAll(async () => {
  data = temporaryFolder('canaries');
  harbour = await startListener();
  const encryptionKey = plant('encryption key', randomBytes(32).toString('base64'));
  await mails.start();
  const mail = { POSTERN_MAIL__URL: mails.url, POSTERN_MAIL__FROM: 'Northwind <id@northwind.example>' };
  const env = { POSTERN_LOG__LEVEL: 'trace', POSTERN_ENCRYPTION_KEY: encryptionKey, ...mail };
  stage = await openStage({}, { dataDir: data.path, env });
  app = new RelyingApp(stage.server.url, { clientId: 'harbour', clientSecret: harbourSecret });
  await setUp();
  await everyFlow();
  await everyMail();
  provider = await everyProvider();
  await everyMisfortune();
  places = await collect();
});
afterAll(async () => {
  await stage?.close();
  await harbour?.close();
  await provider?.stop();
  await mails.stop();
  data?.remove();
});

/** A window whose requests, cookies and error pages are watched. */
async function open(): Promise<Page> {
  const page = await openWindow(stage);
  page.on('request', (request) => {
    if (request.url().startsWith(stage.server.url)) addresses.push(request.url());
  });
  page.on('response', (response) => {
    if (response.status() >= 400)
      void response.text().then(
        (text) => errorAnswers.push(text),
        () => {},
      );
  });
  return page;
}

async function plantCookies(page: Page): Promise<void> {
  for (const { name, value } of await page.context().cookies()) {
    if (!name.endsWith('.sig')) plant(`${name} cookie`, value);
  }
}

/** Notes an answer that is an error; plants what else it holds. */
function noted(answer: Answer): Answer {
  if (answer.status >= 400) errorAnswers.push(JSON.stringify(answer.body));
  for (const kind of ['access_token', 'refresh_token', 'id_token', 'device_code', 'user_code', 'request_uri']) {
    if (typeof answer.body[kind] === 'string') plant(kind.replace('_', ' '), answer.body[kind]);
  }
  return answer;
}

/** The set-up link, its page sent wrong and right, the first app. */
async function setUp(): Promise<void> {
  const page = await open();
  const link = await stage.server.setupLink();
  plant('set-up link', new URL(link).searchParams.get('key'));
  await page.goto(link);
  const send = async (email: string, password: string) => {
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.click('#setup-submit');
  };
  await send('grace', plant('password', 'too-short-1'));
  await page.waitForSelector('[aria-invalid=true]');
  await send('grace@example.org', plant('password', random('password')));
  await page.fill('input[name=name]', 'First app');
  await page.fill('input[name=redirect_uri]', `${harbour.url}/first`);
  await page.click('#app-submit');
  plant('client secret', await page.textContent('#app-client-secret'));
  await plantCookies(page);
  await page.goto(link);

  const made = await stage.json<{ client_secret: string }>('client', 'create', 'robot', '--name', 'Robot');
  plant('client secret', made.client_secret);
  plant(
    'client secret',
    (await stage.json<{ client_secret: string }>('client', 'rotate-secret', 'robot')).client_secret,
  );
  plant('set-up link', new URL((await stage.json<{ url: string }>('admin', 'recover')).url).searchParams.get('key'));
  const key = await makeClientKey();
  await stage.apply({
    users: [{ ...ada, email_verified: true, claims: { name: 'Ada' } }, bob, { ...carol, email_verified: true }],
    resources: [
      { identifier: orders, access_token_format: 'jwt', scopes: [{ name: 'orders:read', description: 'See orders' }] },
    ],
    clients: [
      { client_id: 'television', token_endpoint_auth_method: 'none', grant_types: [deviceGrant, 'refresh_token'] },
      {
        client_id: 'assertor',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: key.jwks,
        grant_types: ['client_credentials'],
      },
      {
        client_id: 'harbour',
        client_secret: harbourSecret,
        redirect_uris: [`${harbour.url}/callback`],
        post_logout_redirect_uris: [`${harbour.url}/`],
        backchannel_logout_uri: `${harbour.url}/logout`,
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        scope: 'openid email offline_access orders:read',
      },
    ],
  });
  await assertions(key.privateKey);
}

/** An assertion, used, used again, cut, and for somebody else. */
async function assertions(key: Awaited<ReturnType<typeof makeClientKey>>['privateKey']): Promise<void> {
  const { url } = stage.server;
  const form = { grant_type: 'client_credentials' };
  const assertion = plant('assertion', await assertionFor('assertor', url, key));
  noted(await postWithAssertion(`${url}/token`, assertion, form));
  noted(await postWithAssertion(`${url}/token`, assertion, form));
  noted(await postWithAssertion(`${url}/token`, assertion.slice(0, -9), form));
  noted(await postWithAssertion(`${url}/token`, plant('assertion', await assertionFor('nobody', url, key)), form));
}

function authorization(parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    client_id: 'harbour',
    response_type: 'code',
    redirect_uri: `${harbour.url}/callback`,
    scope: 'openid email offline_access',
    prompt: 'consent',
    state: plant('state', random('state')),
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...parameters,
  });
  return `${stage.server.url}/authorize?${query}`;
}

/** Signs in, once wrongly, and returns the code that came to the app. */
async function signInForCode(page: Page, address = authorization()): Promise<string> {
  await page.goto(address);
  await plantCookies(page);
  if (await page.locator('#login-page').isVisible()) {
    await signIn(page, { ...ada, password: plant('password', random('wrong')) });
    await page.waitForSelector('#problem');
    await signIn(page, ada);
  }
  await page.waitForSelector('#consent-allow');
  await plantCookies(page);
  await page.click('#consent-allow');
  await page.waitForURL(`${harbour.url}/callback?*`);
  return plant('code', new URL(page.url()).searchParams.get('code'));
}

const exchange = async (code: string): Promise<Answer> =>
  noted(
    await app.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: `${harbour.url}/callback`,
      code_verifier: plant('code verifier', pkce.verifier),
    }),
  );

/** Everything that people and programs do when nothing goes wrong. */
async function everyFlow(): Promise<void> {
  const page = await open();
  const code = await signInForCode(page);
  const { body } = await exchange(code);
  await exchange(code);
  const fresh = noted(await app.refresh(body['refresh_token']));
  await app.introspect(body['access_token']);
  await app.introspect(fresh.body['refresh_token']);
  await app.userinfo(fresh.body['access_token']);

  const pushed = noted(await app.post('/par', Object.fromEntries(new URL(authorization()).searchParams)));
  await exchange(await signInForCode(page, authorization({ request_uri: String(pushed.body['request_uri']) })));

  const jwt = noted(await app.token({ grant_type: 'client_credentials', resource: orders, scope: 'orders:read' }));
  await app.introspect(jwt.body['access_token']);
  await app.revoke(jwt.body['access_token']);
  await device();
  await takeSecondStep(await open(), { url: stage.server.url, person: bob, plant });

  harbour.status = 500;
  await page.goto(`${stage.server.url}/logout?${new URLSearchParams({ id_token_hint: String(body['id_token']) })}`);
  await page.click('#logout-yes');
  await page.waitForSelector('#logged-out');
  const notices = () => harbour.calls.filter(({ path }) => path === '/logout');
  await until('the logout notice came', () => notices().length > 0);
  for (const { form } of notices()) plant('logout token', form.get('logout_token'));
  harbour.status = 200;
}

/** Links and codes that come by mail, and passkeys. */
const everyMail = () =>
  meetMailedSecrets({
    url: stage.server.url,
    mails,
    person: carol,
    json: (...args) => stage.json(...args),
    apply: (seed) => stage.apply(seed),
    plant,
    visited: (address) => void addresses.push(address),
    newPassword: () => plant('password', random('password')),
  });

/** What other providers give us, and what is made for them. */
const everyProvider = () =>
  meetFederatedSecrets({
    url: stage.server.url,
    apply: (seed) => stage.apply(seed),
    plant,
    failed: (text) => void errorAnswers.push(text),
  });

async function device(): Promise<void> {
  const television = new RelyingApp(stage.server.url, { clientId: 'television', clientSecret: '' });
  const { body } = noted(await television.post('/device/authorize', { scope: 'openid' }));
  plant('user code', String(body['user_code']).replace('-', ''));
  const poll = async () =>
    noted(await television.token({ grant_type: deviceGrant, device_code: String(body['device_code']) }));
  await poll();
  const page = await open();
  await page.goto(`${stage.server.url}/device`);
  await page.fill('input[name=user_code]', plant('user code', 'BCDFGHJK'));
  await page.click('#device-submit');
  await page.waitForSelector('#problem');
  await page.fill('input[name=user_code]', String(body['user_code']));
  await page.click('#device-submit');
  await page.click('#device-confirm');
  await signIn(page, ada);
  await page.click('#consent-allow');
  await page.waitForSelector('#device-done');
  await plantCookies(page);
  await until('the device has its tokens', async () => (await poll()).status === 200);
}

/** Requests that are cut, doubled, misplaced or too large, and a store that fails in the middle of them. */
async function everyMisfortune(): Promise<void> {
  const page = await open();
  const { body } = await exchange(await signInForCode(page));
  const tokens = { access: String(body['access_token']), refresh: String(body['refresh_token']) };
  for (const malformed of malformedRequests(tokens)) noted(await malformed.catch(() => ({ status: 0 }) as Answer));

  const [kept, lost] = [await signInForCode(page), await signInForCode(page)];
  const database = new DatabaseSync(join(data.path, 'postern.db'), { timeout: 5_000 });
  database.exec('BEGIN IMMEDIATE');
  const held = [exchange(kept), app.refresh(tokens.refresh), signInWhileBroken(await open())];
  await Promise.allSettled(held);
  database.exec('ROLLBACK');
  database.exec("CREATE TRIGGER broken BEFORE INSERT ON artifacts BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END");
  await exchange(lost);
  noted(await app.refresh(tokens.refresh));
  await signInWhileBroken(await open());
  database.exec('DROP TRIGGER broken');
  database.close();
  await runCommands();
}

function malformedRequests({ access, refresh }: { access: string; refresh: string }): Promise<Answer>[] {
  const { url } = stage.server;
  const secret = harbourSecret;
  const form = (path: string, text: string | Buffer, headers: Record<string, string> = {}) =>
    send(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: text,
    });
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  return [
    send(`${url}/token?client_id=harbour&client_secret=${secret}&refresh_token=${refresh}`),
    send(`${url}/userinfo?access_token=${access}`),
    send(`${url}/nowhere/${access}?token=${refresh}`),
    send(`${url}/interaction/${access}`),
    send(`${url}/setup?key=${plant('set-up link', random('link'))}`),
    send(`${url}/authorize?client_id=harbour&client_secret=${secret}&redirect_uri=${access}`),
    send(`${url}/token`, { method: 'PUT', body: `refresh_token=${refresh}`, headers: basic(`harbour:${secret}`) }),
    send(`${url}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...basic(`harbour:${secret}`) },
      body: JSON.stringify({ refresh_token: refresh, password: ada.password }),
    }),
    form(
      '/token',
      `grant_type=refresh_token&refresh_token=${refresh}&refresh_token=${refresh}`,
      basic(`harbour:${secret}`),
    ),
    form('/token', `grant_type=${refresh}&client_secret=${secret}&client_id=${secret}`),
    form('/token', `grant_type=refresh_token&refresh_token=${refresh}%00%ff`, basic(`harbour:${secret}`)),
    form(
      '/token',
      Buffer.concat([Buffer.from(`refresh_token=${refresh}&x=`), Buffer.from([0xff, 0xfe])]),
      basic(`harbour:${secret}`),
    ),
    form('/token', `refresh_token=${refresh}&x=${'y'.repeat(70_000)}`, basic(`harbour:${secret}`)),
    form('/token', 'grant_type=client_credentials', basic(`harbour${secret}`)),
    form('/token', 'grant_type=client_credentials', { authorization: `Basic ${secret}` }),
    form('/token', 'grant_type=client_credentials', { authorization: `Bearer ${access}` }),
    form('/introspect', `token=${access}`, basic(`harbour:${secret}wrong`)),
    form('/revoke', `token=${access}&token=${refresh}`, basic(`harbour:${secret}`)),
    form('/interaction/unknown-interaction/sign-in', `login=${ada.email}&password=${ada.password}`, { origin: url }),
    form('/interaction/unknown-interaction/sign-in', `login=${ada.email}&password=${ada.password}`),
    form('/setup?key=x', `email=${ada.email}&password=${ada.password}&x=${'y'.repeat(70_000)}`, { origin: url }),
    send(`${url}/`, { headers: { cookie: `session=${access}; session.sig=${refresh}; interaction=${secret}` } }),
    send(`${url}/userinfo`, { headers: { authorization: `Bearer ${access} ${refresh}` } }),
    send(`${url}/userinfo`, { headers: { authorization: `Bearer ${plant('access token', random('at'))}` } }),
  ];
}

/** The password reaches a server whose store does not take what follows from it. */
async function signInWhileBroken(page: Page): Promise<void> {
  await page.goto(authorization(), { timeout: 35_000 }).catch(() => {});
  if (await page.locator('#login-page').isVisible()) await signIn(page, ada);
  await page.waitForLoadState();
}

async function runCommands(): Promise<void> {
  const commands = [
    ['audit', '--limit', '100000'],
    ['audit', '--json', '--limit', '100000'],
    ['doctor'],
    ['config', 'print', '--redacted'],
    ['settings', 'print'],
    ['user', 'list'],
    ['user', 'show', ada.email, '--json'],
    ['client', 'list', '--json'],
    ['client', 'show', 'harbour', '--json'],
    ['federation', 'list', '--json'],
    ['federation', 'show', 'vault', '--json'],
    ['federation', 'check', 'vault'],
    ['keys', 'rotate'],
    ['keys', 'list', '--json'],
    ['user', 'disable', ada.email],
    ['client', 'disable', 'television'],
  ];
  for (const command of commands) {
    const { stdout, stderr } = await stage.run(...command);
    commandOutput.push(stdout, stderr);
  }
}

/** Every place outside where a secret could have come to rest; the server has stopped by then. */
async function collect(): Promise<Place[]> {
  for (const key of await privateSigningKeys(stage.server.env)) plant('private key', key);
  const metrics = await (await fetch(`${stage.server.managementUrl}/metrics`)).text();
  const running = databaseFiles('running');
  const link = await stage.server.setupLink();
  await stage.server.stop();
  return [
    { name: 'standard output', content: stage.server.stdout().replace(link, '') },
    { name: 'standard error', content: stage.server.stderr() },
    { name: 'metrics', content: metrics },
    { name: 'commands', content: commandOutput.join('\n') },
    ...running,
    ...databaseFiles('stopped'),
  ];
}

const databaseFiles = (when: string): Place[] =>
  ['', '-wal', '-shm'].map((suffix) =>
    fileAsPlace(`the ${when} database${suffix}`, join(data.path, `postern.db${suffix}`)),
  );

/** Links hold their secret; those of mails are shown by GET, and used by POST. */
const links = [
  'address link',
  'invitation',
  'not-me link',
  'registration link',
  'reset link',
  'set-up link',
  'sign-in link',
  'undelete link',
  'undo link',
  'unlock link',
];

describe('the detector', () => {
  const own = new Canaries();
  const value = own.plant('secret', 'c4n4ry+/value & more');
  it.each([
    ['plain', value],
    ['in a URL', `/token?x=${encodeURIComponent(value)}&y`],
    ['in a form', new URLSearchParams({ x: value }).toString()],
    ['in JSON', JSON.stringify({ x: value })],
    ['hex', Buffer.from(value).toString('hex').toUpperCase()],
    ['base64, shifted by 0', Buffer.from(value).toString('base64')],
    ['base64, shifted by 1', Buffer.from(`x${value}y`).toString('base64')],
    ['base64, shifted by 2', Buffer.from(`xy${value}z`).toString('base64')],
  ])('finds a planted leak %s', (_dress, content) => {
    expect(own.leaks([{ name: 'a log', content }])).not.toEqual([]);
  });

  it('finds a planted leak in a database, also after it was deleted', () => {
    const path = join(data.path, 'scratch.db');
    const database = new DatabaseSync(path);
    database.exec('PRAGMA journal_mode=WAL; CREATE TABLE t (x TEXT)');
    database.prepare('INSERT INTO t VALUES (?)').run(value);
    database.exec('DELETE FROM t');
    const files = ['', '-wal'].map((suffix) => fileAsPlace('a database', path + suffix));
    database.close();
    expect(own.leaks(files)).toEqual(['secret in a database (plain)']);
  });

  it('finds nothing where nothing is', () => {
    expect(own.leaks([{ name: 'a log', content: 'c4n4ry value' }])).toEqual([]);
  });
});

describe('after every flow and every misfortune', () => {
  it('each kind of secret has been met', () => {
    expect(canaries.kinds()).toEqual(kindsOfSecrets);
  });

  it('the log has lines of all of it, at the lowest level, with errors of the store among them', () => {
    const log = stage.server.stdout();
    expect(log).toContain('"route":"token"');
    expect(log).toContain('broken on purpose');
    expect(log).toContain('"status":503');
    expect(log.length).toBeGreaterThan(10_000);
  });

  it('what leaks on purpose is found in the log, in the audit and in the database', async () => {
    const planted = new Canaries();
    const text = planted.plant('planted', random('planted'));
    expect(planted.leaks(await placesOfLeakyServer(text))).toEqual([
      'planted in the audit (plain)',
      'planted in the database (plain)',
      'planted in the log (plain)',
    ]);
  });

  it('no secret is in the log, the metrics, the audit, the output of commands or the database', () => {
    expect(canaries.leaks(places)).toEqual([]);
  });

  it('no error answer holds a secret, not even the one that was sent with it', () => {
    expect(errorAnswers.length).toBeGreaterThan(20);
    // Our own forms post to addresses that hold the first two; what was typed into the device page stands there again.
    const byDesign = ['set-up link', 'interaction cookie', 'user code'];
    const content = errorAnswers.join('\n');
    expect(canaries.leaks([{ name: 'error answers', content }], byDesign)).toEqual([]);
  });

  it('no address of ours held a secret, but for links that are made to', () => {
    const byDesign = [...links, 'interaction cookie', 'resume cookie', 'state', 'id token', 'request uri', 'user code'];
    expect(canaries.leaks([{ name: 'addresses', content: addresses.join('\n') }], byDesign)).toEqual([]);
  });
});

/** A server that logs whole addresses, as ours must not. */
const leaky = `data:text/javascript,${encodeURIComponent(`
  import { Server } from 'node:http';
  const { emit } = Server.prototype;
  Server.prototype.emit = function (name, request, ...rest) {
    if (name === 'request') console.log(request.url);
    return emit.call(this, name, request, ...rest);
  };
`)}`;

/** The leaky server after one refused request with the text in its address and, where it is kept by design, as user agent. */
async function placesOfLeakyServer(text: string): Promise<Place[]> {
  const folder = temporaryFolder('planted');
  const other = await openOperator({ dataDir: folder.path, nodeArgs: ['--import', leaky] });
  const headers = { 'user-agent': text, authorization: `Basic ${Buffer.from('nobody:wrong').toString('base64')}` };
  const body = new URLSearchParams({ grant_type: 'client_credentials' });
  await send(`${other.server.url}/token?token=${text}`, { method: 'POST', headers, body });
  await other.server.stop();
  const { stdout } = await other.run('audit', '--json');
  const places = [
    { name: 'the log', content: other.server.stdout() },
    { name: 'the audit', content: stdout },
    { name: 'the database', content: Buffer.concat(databaseBytes(folder.path)) },
  ];
  await other.close();
  folder.remove();
  return places;
}

const databaseBytes = (folder: string): Buffer[] =>
  ['', '-wal'].map((suffix) => Buffer.from(fileAsPlace('', join(folder, `postern.db${suffix}`)).content));
