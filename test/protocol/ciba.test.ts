import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { AppError } from '../../src/foundation/errors.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { type Answer, addWebApp, type RelyingApp, send } from '../kit/relying-app.ts';
import { makeCertificate } from '../kit/services/certificate.ts';
import { type TemporaryFolder, temporaryFolder } from '../kit/services/folder.ts';
import { codeOf, enrol, multiFactor, type Person, setPolicy, typeCode, typePassword } from '../mfa/kit.ts';
import { addApi, api } from './kit/apps.ts';
import { addTill, askFor, openApprovals, pollFor } from './kit/ciba.ts';
import { partsOf } from './kit/forge.ts';
import { type Listener, startListener } from './kit/listener.ts';
import { operatorOf } from './kit/operator.ts';
import { deliverDue } from './kit/outbox.ts';
import { rows } from './kit/tables.ts';
import { advance, standStill } from './kit/time.ts';

let product: Product;
let listener: Listener;
let scratch: TemporaryFolder;
let till: RelyingApp;
let user: Person;
beforeAll(async () => {
  standStill();
  scratch = temporaryFolder('ciba');
  const certificate = makeCertificate(scratch.path);
  listener = await startListener(certificate);
  product = await startProduct({ env: { POSTERN_OUTBOUND__CA: certificate.cert } });
  await setPolicy(product, 'optional');
  await addApi(product);
  till = await addTill(product);
});
beforeEach(async () => {
  user = await product.addUser();
});
afterAll(async () => {
  await Promise.all([product.stop(), listener.close()]);
  scratch.remove();
});

const refusal = ({ status, body }: Answer) => [status, body['error']];

/** Signs in where the answers are given, and gives one. */
async function decide(page: Page, browser: Browser, button: 'ciba-allow' | 'deny'): Promise<Page> {
  return browser.submit(page, button);
}

async function allow(who = user, browser = new Browser()): Promise<Page> {
  return decide(await openApprovals(product, who, browser), browser, 'ciba-allow');
}

/** How often somebody has decided, by the audit; who comes too late is told of with a reason. */
async function decisionsOf({ id }: { readonly id: string }): Promise<number> {
  const events = [await product.events('approval.granted'), await product.events('approval.denied')].flat();
  return events.filter(({ subject, reason }) => subject === id && reason === undefined).length;
}

describe('a request for somebody who is elsewhere', () => {
  it('is answered with an id and how long and how often to ask, and found by discovery', async () => {
    const { status, body } = await askFor(till, user);
    expect(status).toBe(200);
    expect(body).toEqual({ auth_req_id: expect.any(String), expires_in: 300, interval: 5 });
    const { body: found } = await send(`${product.url}/.well-known/openid-configuration`);
    expect(found).toMatchObject({
      backchannel_authentication_endpoint: `${product.url}/ciba`,
      backchannel_token_delivery_modes_supported: ['poll', 'ping'],
      backchannel_user_code_parameter_supported: false,
    });
    expect(found['grant_types_supported']).toContain('urn:openid:params:grant-type:ciba');
  });

  it('yields tokens once its person has allowed it, once', async () => {
    const request = await askFor(till, user, { binding_message: 'W4SCT', scope: 'openid email', nonce: 'n1' });
    expect(refusal(await pollFor(till, request))).toEqual([400, 'authorization_pending']);
    const browser = new Browser();
    const page = await openApprovals(product, user, browser);
    expect(page.url).toBe(`${product.url}/account/approvals`);
    expect(page.text).toContain('Harbour till');
    expect(page.text).toContain('W4SCT');
    const done = await decide(page, browser, 'ciba-allow');
    expect(done.text).toContain('role="status"');
    expect(done.text).not.toContain('id="ciba-allow"');

    const { status, body } = await pollFor(till, request);
    expect(status).toBe(200);
    expect(partsOf(body['id_token']).claims).toMatchObject({ sub: user.id, amr: ['pwd'], nonce: 'n1' });
    expect((await till.userinfo(body['access_token'])).body).toMatchObject({ sub: user.id, email: user.email });
    expect((await till.refresh(body['refresh_token'])).status).toBe(200);
    advance(11);
    expect(refusal(await pollFor(till, request))).toEqual([400, 'invalid_grant']);
    const told = (await product.events()).filter(({ client }) => client === till.credentials.clientId);
    const types = told.map(({ type }) => type);
    expect(types.slice(-4)).toEqual(['approval.granted', 'token.issued', 'token.issued', 'code.reused']);
    expect(types).toContain('approval.requested');
    expect(told.find(({ type }) => type === 'approval.granted')).toMatchObject({ subject: user.id });
  });

  it('is declined', async () => {
    const request = await askFor(till, user);
    const browser = new Browser();
    await decide(await openApprovals(product, user, browser), browser, 'deny');
    expect(refusal(await pollFor(till, request))).toEqual([400, 'access_denied']);
    const denied = (await product.events('approval.denied')).at(-1);
    expect(denied).toMatchObject({ outcome: 'denied', subject: user.id, client: till.credentials.clientId });
  });

  it('is over after its time, which the client may choose, up to a limit', async () => {
    const short = await askFor(till, user, { requested_expiry: '60' });
    expect(short.body['expires_in']).toBe(60);
    const browser = new Browser();
    const page = await openApprovals(product, user, browser);
    advance(61);
    const late = await decide(page, browser, 'ciba-allow');
    expect(late.url).toContain('done=over');
    expect(refusal(await pollFor(till, short))).toEqual([400, 'expired_token']);
    expect((await askFor(till, user, { requested_expiry: '86400' })).body['expires_in']).toBe(600);
    for (const wrong of ['0', '-1', 'x', '1.5']) {
      expect(refusal(await askFor(till, user, { requested_expiry: wrong }))).toEqual([400, 'invalid_request']);
    }
  });

  it('slows down who asks too often, more each time', async () => {
    const request = await askFor(till, user);
    const answers = [];
    for (const wait of [0, 1, 9, 10, 15]) {
      advance(wait);
      answers.push((await pollFor(till, request)).body['error']);
    }
    const [pending, slow] = ['authorization_pending', 'slow_down'];
    expect(answers).toEqual([pending, slow, slow, slow, slow]);
    advance(25);
    expect((await pollFor(till, request)).body['error']).toBe(pending);
  });

  it('is decided once, in whichever window that was', async () => {
    const before = await decisionsOf(user);
    const request = await askFor(till, user);
    const browser = new Browser();
    const page = await openApprovals(product, user, browser);
    await decide(page, browser, 'deny');
    const late = await decide(page, browser, 'ciba-allow');
    expect(late.url).toContain('done=over');
    expect(refusal(await pollFor(till, request))).toEqual([400, 'access_denied']);
    const again = await askFor(till, user);
    const two = await openApprovals(product, user, browser);
    await Promise.all([decide(two, browser.copy(), 'deny'), decide(two, browser.copy(), 'ciba-allow')]);
    const answers = [await pollFor(till, again), await pollFor(till, again)].map(({ status }) => status);
    expect(answers.filter((status) => status === 200).length).toBeLessThan(2);
    expect((await decisionsOf(user)) - before).toBe(2);
  });

  it('is raced for by many polls, of which one gets the tokens', async () => {
    const request = await askFor(till, user);
    await allow();
    const answers = await Promise.all(Array.from({ length: 16 }, () => pollFor(till, request)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant')).toHaveLength(15);
    expect((await till.userinfo(won[0]?.body['access_token'])).status).toBe(200);
  });

  it('is kept unreadable, and ends with what its person or client holds', async () => {
    const request = await askFor(till, user, { binding_message: 'secret-message' });
    const [row] = await rows(
      product.database,
      "SELECT * FROM artifacts WHERE kind = 'BackchannelAuthenticationRequest' AND account_id = ?1",
      [user.id],
    );
    expect(JSON.stringify(row)).not.toContain('secret-message');
    expect(JSON.stringify(row)).not.toContain(String(request.body['auth_req_id']));
    await operatorOf(product).signOutUser(user.id);
    expect(refusal(await pollFor(till, request))).toEqual([400, 'invalid_grant']);
  });
});

describe('the person', () => {
  it('who has nothing to do with it sees nothing of it, and cannot answer', async () => {
    const other = await product.addUser();
    const request = await askFor(till, user);
    const mine = await openApprovals(product, user);
    const id = /name="request" value="([^"]+)"/.exec(mine.text)?.[1] ?? '';
    const browser = new Browser();
    const page = await openApprovals(product, other, browser);
    expect(page.text).not.toContain('id="ciba-allow"');
    const tried = await browser
      .with({ origin: product.url })
      .post(`${product.url}/account/approvals/allow`, { request: id });
    expect(tried.headers.get('location')).toContain('done=over');
    expect(refusal(await pollFor(till, request))).toEqual([400, 'authorization_pending']);
  });

  it('signs in once more where the sign-in is not fresh', async () => {
    const browser = new Browser();
    await openApprovals(product, user, browser);
    advance(601);
    const request = await askFor(till, user);
    const page = await openApprovals(product, user, browser);
    const again = await decide(page, browser, 'ciba-allow');
    expect(again.text).toContain('id="login-submit"');
    const back = await typePassword(browser, again, user);
    expect(back.url).toBe(`${product.url}/account/approvals`);
    await decide(back, browser, 'ciba-allow');
    const { body } = await pollFor(till, request);
    expect(Number(partsOf(body['id_token']).claims['auth_time'])).toBe(Math.floor(Date.now() / 1000));
  });

  it('shows a second factor where the app asks for one, and the token says so', async () => {
    const { secret } = await enrol(product, user);
    const other = await product.addUser();
    const plain = await askFor(till, other);
    await allow(other);
    expect(partsOf((await pollFor(till, plain)).body['id_token']).claims['acr']).not.toBe(multiFactor);

    const request = await askFor(till, user, { acr_values: multiFactor });
    const browser = new Browser();
    const page = await typeCode(browser, await openApprovals(product, user, browser), codeOf(secret));
    expect(page.url).toBe(`${product.url}/account/approvals`);
    await decide(page, browser, 'ciba-allow');
    expect(partsOf((await pollFor(till, request)).body['id_token']).claims['acr']).toBe(multiFactor);
  });

  it('without one sets one up before they can allow it', async () => {
    const request = await askFor(till, user, { acr_values: multiFactor });
    const page = await allow();
    expect(page.text).toMatch(/id="(login-submit|totp-secret)"/);
    expect(refusal(await pollFor(till, request))).toEqual([400, 'authorization_pending']);
  });

  it('allows access to an API, single claims and details', async () => {
    await product.addResource({
      identifier: 'https://bank.example',
      access_token_format: 'jwt',
      authorization_details: [
        {
          type: 'payment',
          description: 'Pay {amount} to the till',
          schema: {
            type: 'object',
            additionalProperties: false,
            required: ['amount'],
            properties: { amount: { type: 'number' } },
          },
        },
      ],
    });
    const shop = await addTill(product, {
      resources: [api, 'https://bank.example'],
      authorization_details_types: ['payment'],
    });
    const read = await askFor(shop, user, { scope: 'openid orders:read', resource: api });
    const browser = new Browser();
    const page = await openApprovals(product, user, browser);
    expect(page.text).toContain('See your orders');
    await decide(page, browser, 'ciba-allow');
    const answer = await shop.token({
      grant_type: 'urn:openid:params:grant-type:ciba',
      auth_req_id: String(read.body['auth_req_id']),
      resource: api,
    });
    expect(partsOf(answer.body['access_token']).claims).toMatchObject({ aud: api, scope: 'orders:read', sub: user.id });

    const details = [{ type: 'payment', amount: 12 }];
    const paid = await askFor(shop, user, { authorization_details: JSON.stringify(details) });
    const asked = await openApprovals(product, user, browser);
    expect(asked.text).toContain('Pay \u206812\u2069 to the till');
    await decide(asked, browser, 'ciba-allow');
    expect((await pollFor(shop, paid)).body['authorization_details']).toEqual(details);
  });

  it('takes it back with the app', async () => {
    const request = await askFor(till, user);
    await allow();
    const { body } = await pollFor(till, request);
    expect((await product.app.protocol.apps.list(user.id)).map(({ clientId }) => clientId)).toEqual([
      till.credentials.clientId,
    ]);
    await operatorOf(product).signOutUser(user.id);
    expect((await till.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  it('is asked a few times and no more', async () => {
    const answers = [];
    for (let round = 0; round < 6; round += 1) answers.push((await askFor(till, user)).status);
    expect(answers).toEqual([200, 200, 200, 200, 200, 403]);
    const other = await addTill(product);
    const refused = await askFor(other, user, { requested_expiry: '1' });
    expect(refusal(refused)).toEqual([403, 'access_denied']);
    const told = (await product.events('request.refused')).at(-1);
    expect(told).toMatchObject({ reason: 'access_denied', client: other.credentials.clientId });
    advance(901);
    expect((await askFor(till, user)).status).toBe(200);
  });
});

describe('a client', () => {
  it('does not find out who has an account', async () => {
    const gone = await product.addUser();
    await operatorOf(product).disableUser(gone.id);
    for (const login of ['nobody@example.org', gone.email, '', 'x'.repeat(2000)]) {
      if (login === '') continue;
      const request = await askFor(till, { email: login });
      expect(request.status).toBe(200);
      expect(Object.keys(request.body)).toEqual(Object.keys((await askFor(till, await product.addUser())).body));
      expect(refusal(await pollFor(till, request))).toEqual([400, 'authorization_pending']);
    }
    const answers = [];
    for (let round = 0; round < 6; round += 1)
      answers.push((await askFor(till, { email: 'nobody2@example.org' })).status);
    expect(answers).toEqual([200, 200, 200, 200, 200, 403]);
    const told = (await product.events('approval.requested')).filter(({ reason }) => reason === 'unknown_user');
    expect(told.length).toBeGreaterThan(0);
    expect(JSON.stringify(told)).not.toContain('nobody-');
  });

  it('may name its person by an ID token that it holds', async () => {
    const both = await addWebApp(product, {
      grant_types: ['authorization_code', 'refresh_token', 'urn:openid:params:grant-type:ciba'],
    });
    const { body } = await both.tokens(user);
    const request = await both.post('/ciba', { scope: 'openid', id_token_hint: String(body['id_token']) });
    expect(request.status).toBe(200);
    await allow();
    expect(partsOf((await pollFor(both, request)).body['id_token']).claims['sub']).toBe(user.id);
    await operatorOf(product).disableUser(user.id);
    const after = await both.post('/ciba', { scope: 'openid', id_token_hint: String(body['id_token']) });
    expect(refusal(after)).toEqual([400, 'unknown_user_id']);
    const forged = await both.post('/ciba', { scope: 'openid', id_token_hint: 'x.y.z' });
    expect(forged.status).toBe(400);
  });

  it.each<[string, Record<string, string>, string]>([
    ['nobody', { login_hint: '' }, 'invalid_request'],
    ['somebody by two hints', { id_token_hint: 'x' }, 'invalid_request'],
    ['somebody by a token', { login_hint: '', login_hint_token: 'x' }, 'invalid_request'],
    ['with a code of the person', { user_code: '1234' }, 'invalid_request'],
    ['with a message that is too long', { binding_message: 'x'.repeat(65) }, 'invalid_binding_message'],
    ['with a message of two lines', { binding_message: 'one\ntwo' }, 'invalid_binding_message'],
    ['with a message that turns around', { binding_message: 'a\u202eb' }, 'invalid_binding_message'],
    ['without OpenID', { scope: 'email' }, 'invalid_request'],
    ['for an unknown API', { resource: 'https://unknown.example' }, 'invalid_target'],
  ])('that asks for %s is refused', async (_, parameters, error) => {
    expect(refusal(await askFor(till, user, parameters))).toEqual([400, error]);
    expect(await product.app.protocol.approvals.list(user.id)).toEqual([]);
  });

  it('needs the grant, a secret, and its own request', async () => {
    const web = await addWebApp(product);
    expect((await askFor(web, user)).status).toBe(400);
    const { clientId } = till.credentials;
    const bare = await send(`${product.url}/ciba`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: clientId, scope: 'openid', login_hint: user.email }),
    });
    expect(refusal(bare)).toEqual([401, 'invalid_client']);
    const request = await askFor(till, user);
    const other = await addTill(product);
    expect(refusal(await pollFor(other, request))).toEqual([400, 'invalid_grant']);
    expect(refusal(await pollFor(till, { body: { auth_req_id: 'unknown' } }))).toEqual([400, 'invalid_grant']);
  });

  it.each<[string, object]>([
    ['without a secret', { token_endpoint_auth_method: 'none' }],
    ['to be pinged nowhere', { backchannel_token_delivery_mode: 'ping' }],
    [
      'to be pinged in the clear',
      { backchannel_token_delivery_mode: 'ping', backchannel_client_notification_endpoint: 'http://x.example/' },
    ],
    ['to be pushed to', { backchannel_token_delivery_mode: 'push' }],
    ['that never asks', { grant_types: ['client_credentials'], backchannel_token_delivery_mode: 'poll' }],
  ])('%s cannot be registered', async (_, more) => {
    await expect(addTill(product, more)).rejects.toThrow(AppError);
  });
});

describe('a client that wants to be told', () => {
  const token = 'a-token-of-the-client';
  let pinged: RelyingApp;
  beforeAll(async () => {
    pinged = await addTill(product, {
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: `${listener.url}/ping`,
    });
  });

  it('is pinged when the person has decided, either way, and fetches the tokens itself', async () => {
    listener.status = 204;
    const request = await askFor(pinged, user, { client_notification_token: token });
    await deliverDue(product);
    const before = listener.calls.length;
    await allow();
    await deliverDue(product);
    const call = listener.calls.at(-1);
    expect([listener.calls.length, call?.path, call?.contentType]).toEqual([before + 1, '/ping', 'application/json']);
    expect(call?.authorization).toBe(`Bearer ${token}`);
    expect([...(call?.form.keys() ?? [])]).toEqual([JSON.stringify({ auth_req_id: request.body['auth_req_id'] })]);
    expect((await pollFor(pinged, request)).status).toBe(200);
    expect((await product.events('approval.notice_delivered')).at(-1)).toMatchObject({
      client: pinged.credentials.clientId,
    });
  });

  it('is pinged again when it did not answer, and no more once the request is over', async () => {
    listener.status = 500;
    await askFor(pinged, user, { client_notification_token: token });
    await allow();
    const before = listener.calls.length;
    await deliverDue(product);
    advance(5);
    await deliverDue(product);
    expect(listener.calls.length).toBe(before + 2);
    advance(300);
    await deliverDue(product);
    expect(listener.calls.length).toBe(before + 2);
    expect((await product.events('approval.notice_failed')).at(-1)).toMatchObject({ outcome: 'failure' });
  });

  it('gives a token for that', async () => {
    expect(refusal(await askFor(pinged, user))).toEqual([400, 'invalid_request']);
    expect(refusal(await askFor(pinged, user, { client_notification_token: 'no token' }))).toEqual([
      400,
      'invalid_request',
    ]);
  });

  it('is not told any more when it was disabled', async () => {
    listener.status = 204;
    await askFor(pinged, user, { client_notification_token: token });
    await allow();
    const before = listener.calls.length;
    await product.app.core.clients.disable(pinged.credentials.clientId, byOperator, async () => []);
    await deliverDue(product);
    expect(listener.calls.length).toBe(before);
  });
});
