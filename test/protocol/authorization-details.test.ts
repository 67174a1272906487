import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import { AppError } from '../../src/foundation/errors.ts';
import { Browser } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, isBack, type RelyingApp, send, walk } from '../kit/relying-app.ts';
import { addPublicApp, addService } from './kit/apps.ts';
import { addDevice, approve, deviceGrant, startDevice } from './kit/device.ts';
import { partsOf } from './kit/forge.ts';
import { standStill } from './kit/time.ts';

const bank = 'https://bank.example';
const vault = 'https://vault.example';

const payment = {
  type: 'payment',
  description: 'Pay {amount.value} {amount.currency} to {creditor}',
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['amount', 'creditor'],
    properties: {
      creditor: { type: 'string', maxLength: 70 },
      reference: { type: 'string', maxLength: 35 },
      amount: {
        type: 'object',
        additionalProperties: false,
        required: ['value', 'currency'],
        properties: { value: { type: 'string', maxLength: 12 }, currency: { enum: ['EUR', 'GBP'] } },
      },
    },
  },
};
const box = {
  type: 'box',
  description: 'Open box {number}',
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['number'],
    properties: { number: { type: 'integer' } },
  },
};

const pay = (value: string, creditor = 'Harbour Books') => ({
  type: 'payment',
  amount: { value, currency: 'EUR' },
  creditor,
});
const ask = (...details: object[]) => ({ authorization_details: JSON.stringify(details) });

let product: Product;
let app: RelyingApp;
let user: TestUser;
const mine = { resources: [bank, vault], authorization_details_types: ['payment'] };
beforeAll(async () => {
  standStill();
  product = await startProduct();
  user = await product.addUser();
  for (const [identifier, format, type] of [
    [bank, 'jwt', payment],
    [vault, 'opaque', box],
  ] as const) {
    await product.addResource({
      identifier,
      access_token_format: format,
      scopes: [],
      authorization_details: [type],
    });
  }
  app = await addWebApp(product, mine);
});
afterAll(() => product.stop());

/** What comes back to an app that asks for something it may not have. */
async function refusalOf(parameters: Record<string, string>, asking = app): Promise<string | null> {
  const page = await new Browser().open(asking.request(parameters).url, isBack);
  return new URL(page.url).searchParams.get('error');
}

/** The page that asks the person. */
async function question(asking: RelyingApp, parameters: Record<string, string>, browser = new Browser()) {
  const first = await browser.open(asking.request({ prompt: 'login', ...parameters }).url, isBack);
  return browser.submit(first, 'login-submit', { login: user.email, password: user.password }, isBack);
}

const detailsOf = ({ body }: Pick<Answer, 'body'>) => body['authorization_details'];

describe('a detail that was allowed', () => {
  it('is in the answer, in the token, and at introspection, also after a refresh', async () => {
    const answer = await app.tokens(user, ask(pay('12.00')));
    const next = await app.refresh(answer.body['refresh_token']);
    for (const { status, body } of [answer, next]) {
      expect([status, body['authorization_details']]).toEqual([200, [pay('12.00')]]);
      const { claims } = partsOf(body['access_token']);
      expect(claims).toMatchObject({ aud: bank, authorization_details: [pay('12.00')] });
      expect(detailsOf(await app.introspect(body['access_token']))).toEqual([pay('12.00')]);
    }
    expect(detailsOf(await app.introspect(next.body['refresh_token']))).toEqual([pay('12.00')]);
  });

  it('is told of an opaque token as well, by the library and not by the short way', async () => {
    const keeper = await addWebApp(product, { ...mine, authorization_details_types: ['box'] });
    const { body } = await keeper.tokens(user, ask({ type: 'box', number: 7 }));
    expect(body['authorization_details']).toEqual([{ type: 'box', number: 7 }]);
    const told = await keeper.introspect(body['access_token']);
    expect(told.body).toMatchObject({ aud: vault, authorization_details: [{ type: 'box', number: 7 }] });
  });

  it('may be narrowed at each use, and never widened', async () => {
    const details = [pay('1.00'), pay('2.00')];
    const { answer, verifier } = await app.signIn(user, { parameters: ask(...details) });
    const code = answer.get('code') ?? '';
    const first = await app.exchange(code, verifier, ask(pay('1.00')));
    expect(detailsOf(first)).toEqual([pay('1.00')]);
    const token = first.body['refresh_token'];
    const wider = await app.refresh(token, ask(pay('3.00')));
    expect([wider.status, wider.body['error']]).toEqual([400, 'invalid_authorization_details']);
    const other = await app.refresh(token, ask(pay('2.00')));
    expect(detailsOf(other)).toEqual([pay('2.00')]);
    expect(detailsOf(await app.refresh(other.body['refresh_token']))).toEqual(details);
  });

  it('is for its own API alone', async () => {
    const both = await addWebApp(product, {
      ...mine,
      authorization_details_types: ['payment', 'box'],
      first_party: true,
    });
    const query = new URLSearchParams(new URL(both.request().url).searchParams);
    const parameters = { ...Object.fromEntries(query), ...ask(pay('1.00'), { type: 'box', number: 7 }) };
    expect(await refusalOf(parameters, both)).toBe('invalid_authorization_details');
    expect(await refusalOf({ ...ask(pay('1.00')), resource: vault }, both)).toBe('invalid_authorization_details');
  });

  it('comes by device, by a pushed request, and for a client itself', async () => {
    const device = await addDevice(product, mine);
    const codes = await startDevice(device, ask(pay('4.00')));
    await approve(product, user, codes);
    const polled = await device.token({ grant_type: deviceGrant, device_code: codes.deviceCode });
    expect(detailsOf(polled)).toEqual([pay('4.00')]);

    const { url, verifier } = app.request(ask(pay('5.00')));
    const pushed = await app.post('/par', Object.fromEntries(new URL(url).searchParams));
    const short = new URLSearchParams({
      client_id: app.credentials.clientId,
      request_uri: String(pushed.body['request_uri']),
    });
    const browser = new Browser();
    const back = await walk(browser, await browser.open(`${product.url}/authorize?${short}`, isBack), user);
    expect(detailsOf(await app.exchange(new URL(back.url).searchParams.get('code') ?? '', verifier))).toEqual([
      pay('5.00'),
    ]);

    const service = await addService(product, mine);
    const own = await service.token({ grant_type: 'client_credentials', ...ask(pay('6.00')) });
    expect(detailsOf(own)).toEqual([pay('6.00')]);
    expect(partsOf(own.body['access_token']).claims).toMatchObject({ authorization_details: [pay('6.00')] });
  });

  it('is lost with the kind, at the next refresh', async () => {
    const till = await addWebApp(product, mine);
    const { body } = await till.tokens(user, ask(pay('1.00')));
    const { clients } = product.app.core;
    const { metadata } = clients.find(till.credentials.clientId) ?? {};
    await clients.update({ ...metadata, authorization_details_types: [] } as never, byOperator);
    product.app.protocol.rebuild();
    expect(detailsOf(await till.refresh(body['refresh_token']))).toBeUndefined();
  });
});

describe('the person', () => {
  it('reads what it is about, as text and nothing else, and who allowed it once is asked again for anything else', async () => {
    const till = await addPublicApp(product, mine);
    const creditor = '<b>Bob\u202e</b>';
    const browser = new Browser();
    const page = await question(till, ask(pay('12.00', creditor)), browser);
    expect(page.text).toContain('Pay \u206812.00\u2069 \u2068EUR\u2069 to \u2068&lt;b&gt;Bob &lt;/b&gt;\u2069');
    const allowed = await browser.submit(page, 'consent-allow', {}, isBack);
    expect(new URL(allowed.url).searchParams.get('code')).not.toBeNull();
    const event = (await product.events('consent.granted')).at(-1);
    expect(event?.details).toMatchObject({ authorization_details: ['payment'] });

    const silent = async (value: string, there: Browser) => {
      const { url } = till.request({ prompt: 'none', ...ask(pay(value, creditor)) });
      return new URL((await there.open(url, isBack)).url).searchParams.get('error');
    };
    expect(await silent('12.00', browser)).toBeNull();
    expect(await silent('12.01', browser)).toBe('consent_required');
    // In another sign-in as well.
    const other = new Browser();
    const again = await question(till, ask(pay('12.00', creditor)), other);
    expect(isBack(again.url)).toBe(true);
    expect(await silent('13.00', other)).toBe('consent_required');
  });

  it('who declines leaves the app with nothing', async () => {
    const till = await addPublicApp(product, mine);
    const browser = new Browser();
    const page = await question(till, ask(pay('12.00')), browser);
    const back = await browser.submit(page, 'deny', {}, isBack);
    expect(new URL(back.url).searchParams.get('error')).toBe('access_denied');
  });

  it('finds it on the account page', async () => {
    const { accountId } = await signedInAccount();
    const apps = await product.app.protocol.apps.list(accountId);
    const known = apps.find(({ clientId }) => clientId === app.credentials.clientId);
    expect(known?.allowed.details).toContainEqual(pay('12.00'));
  });
});

async function signedInAccount(): Promise<{ accountId: string }> {
  const found = await product.app.core.users.findByLogin(user.email);
  return { accountId: found?.id ?? '' };
}

describe('a detail', () => {
  it.each<[string, string]>([
    ['that is no JSON', '[{'],
    ['in no list', JSON.stringify(pay('1.00'))],
    ['without a type', '[{"amount":1}]'],
    ['of an unknown type', '[{"type":"unknown"}]'],
    ['called like a member of every object', '[{"type":"constructor"}]'],
    ['of a type that others have', JSON.stringify([{ type: 'box', number: 7 }])],
    ['that lacks something', '[{"type":"payment","creditor":"x"}]'],
    ['that has more', JSON.stringify([{ ...pay('1.00'), hidden: 'also everything else' }])],
    ['that has more within', JSON.stringify([{ ...pay('1.00'), amount: { value: '1', currency: 'EUR', more: 1 } }])],
    ['with another value than may be', JSON.stringify([{ ...pay('1.00'), amount: { value: '1', currency: 'CHF' } }])],
    ['with a longer text than can be shown', JSON.stringify([pay('1.00', 'x'.repeat(71))])],
  ])('%s is refused at every endpoint', async (_, text) => {
    const parameters = { authorization_details: text };
    expect(await refusalOf(parameters)).toBe('invalid_authorization_details');
    const { url } = app.request(parameters);
    const pushed = await app.post('/par', Object.fromEntries(new URL(url).searchParams));
    expect([pushed.status, pushed.body['error']]).toEqual([400, 'invalid_authorization_details']);
    const service = await addService(product, mine);
    const own = await service.token({ grant_type: 'client_credentials', resource: bank, ...parameters });
    expect([own.status, own.body['error']]).toEqual([400, 'invalid_authorization_details']);
    expect(JSON.stringify(own.body)).not.toContain('also everything else');
  });

  it('that is longer than anybody reads is refused', async () => {
    const { url } = app.request(ask(...Array.from({ length: 300 }, () => pay('1.00'))));
    const pushed = await app.post('/par', Object.fromEntries(new URL(url).searchParams));
    expect([pushed.status, pushed.body['error']]).toEqual([400, 'invalid_authorization_details']);
  });

  it('is refused a client that was given no kind, and where no code comes back', async () => {
    const plain = await addWebApp(product, { resources: [bank] });
    expect(await refusalOf(ask(pay('1.00')), plain)).toBe('invalid_authorization_details');
    expect(await refusalOf({ ...ask(pay('1.00')), response_type: 'none' })).toBe('unauthorized_client');
  });

  it('is published by its kind', async () => {
    const { body } = await send(`${product.url}/.well-known/oauth-authorization-server`);
    expect(body['authorization_details_types_supported']).toEqual(['payment', 'box']);
  });
});

describe('a kind of detail', () => {
  const declare = (more: object) =>
    product.addResource({
      identifier: 'https://new.example',
      access_token_format: 'jwt',
      authorization_details: [{ ...box, type: 'new', ...more }],
    });

  it.each<[string, object]>([
    ['shows what may be missing', { schema: { ...box.schema, required: [] } }],
    ['shows what does not exist', { description: 'Open {door}' }],
    ['shows a whole object', { description: 'Pay {amount}', schema: payment.schema }],
    [
      'shows a text of any length',
      { description: '{a}', schema: { ...box.schema, required: ['a'], properties: { a: { type: 'string' } } } },
    ],
    ['lets everything else pass', { schema: { ...box.schema, additionalProperties: true } }],
    ['reads another document', { schema: { ...box.schema, properties: { number: { $ref: 'https://x.example/' } } } }],
    [
      'has a pattern that is none',
      { schema: { ...box.schema, properties: { number: { type: 'string', maxLength: 3, pattern: '(' } } } },
    ],
    ['is another API’s', { type: 'payment' }],
  ])('that %s is refused', async (_, more) => {
    await expect(declare(more)).rejects.toThrow(AppError);
    expect(product.app.core.clients.findResource('https://new.example')).toBeUndefined();
  });

  it('that nobody declared cannot be given to a client', async () => {
    await expect(addWebApp(product, { authorization_details_types: ['nothing'] })).rejects.toThrow(
      'names nothing, which no resource has',
    );
  });
});
