import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byOperator } from '../../src/features/audit/module.ts';
import type { NewClient } from '../../src/features/clients/module.ts';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, isBack, RelyingApp, redirectUri, walk } from '../kit/relying-app.ts';
import { approve, deviceGrant, poll, startDevice } from './kit/device.ts';
import { standStill } from './kit/time.ts';

type Person = TestUser & { readonly id: string };

let product: Product;
let ada: Person;
let bob: Person;
beforeAll(async () => {
  standStill();
  product = await startProduct();
  ada = await product.addUser();
  bob = await product.addUser();
});
afterAll(() => product.stop());

let made = 0;
/** An app that can do everything, for these people, and how to make it one for others. */
async function addApp(more: Partial<NewClient>) {
  made += 1;
  const client: NewClient = {
    client_id: `app-${made}`,
    client_name: 'Harbour Books',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token', deviceGrant],
    ...more,
  };
  const app = new RelyingApp(product.url, await product.addClient(client));
  const change = async (allowed: Partial<NewClient>) => {
    const { allowed_users: _users, allowed_roles: _roles, ...rest } = client;
    await product.app.core.clients.update({ ...rest, ...allowed }, byOperator);
  };
  return { app, change, clientId: app.credentials.clientId };
}

const refusals = async (clientId: string) =>
  (await product.events('access.denied')).filter(({ client }) => client === clientId);

/** What the browser of a person comes to. */
async function visit(app: RelyingApp, person: TestUser, parameters = {}, browser = new Browser()): Promise<Page> {
  const { url } = app.request(parameters);
  return walk(browser, await browser.open(url, isBack), person);
}

const refusal = ({ status, body }: Answer) => [status, body['error']];

describe('an app that is for some people', () => {
  it.each<[string, () => Partial<NewClient>]>([
    ['address', () => ({ allowed_users: [ada.email.toUpperCase()] })],
    ['id', () => ({ allowed_users: [ada.id] })],
  ])('by %s, lets them in and tells everybody else that it is not for them', async (_by, allowed) => {
    const { app, clientId } = await addApp(allowed());
    expect(new URL((await visit(app, ada)).url).searchParams.get('code')).toBeTruthy();
    const page = await visit(app, bob);
    expect(page.status).toBe(403);
    expect(page.text).toContain("Your account can't use Harbour Books");
    for (const id of ['op-error', 'deny', 'not-you', 'error-code', 'error-reference']) {
      expect(page.text).toContain(`id="${id}"`);
    }
    const actor = { kind: 'user', id: bob.id };
    const told = { reason: 'not_allowed', outcome: 'denied', actor, subject: bob.id };
    expect(await refusals(clientId)).toMatchObject([told]);
  });

  it('by role, lets in whoever has it, and nobody who is taken out of it', async () => {
    const { app } = await addApp({ allowed_roles: ['super-admin'] });
    const administrator = await product.addUser({ administrator: true });
    expect(isBack((await visit(app, administrator)).url)).toBe(true);
    expect((await visit(app, ada)).status).toBe(403);
  });

  it('counts no address that nobody has verified', async () => {
    const email = 'claimed@example.org';
    const { id } = await product.app.core.users.create({ email }, byOperator, (user) =>
      product.app.core.passwords.set(user, ada.password, { email }, byOperator),
    );
    const claimed = { ...ada, email, id };
    expect((await visit((await addApp({ allowed_users: [email] })).app, claimed)).status).toBe(403);
    expect(isBack((await visit((await addApp({ allowed_users: [id] })).app, claimed)).url)).toBe(true);
  });

  it('is told so when the person goes back to it, or is not to be asked', async () => {
    const { app, clientId } = await addApp({ allowed_users: [] });
    const browser = new Browser();
    const page = await visit(app, bob, {}, browser);
    const back = await browser.submit(page, 'deny', {}, isBack);
    expect(new URL(back.url).searchParams.get('error')).toBe('access_denied');
    const silent = await browser.open(app.request({ prompt: 'none' }).url, isBack);
    expect(new URL(silent.url).searchParams.get('error')).toBe('access_denied');
    expect(await refusals(clientId)).toHaveLength(2);
  });

  it('takes somebody else in the same browser', async () => {
    const { app } = await addApp({ allowed_users: [ada.email] });
    const browser = new Browser();
    const page = await visit(app, bob, {}, browser);
    // The former one is signed out by a page that sends itself.
    const signsOut = await walk(browser, await browser.submit(page, 'not-you'), ada);
    const next = await walk(browser, await browser.submit(signsOut, 'hand-over-go', {}, isBack), ada);
    expect(new URL(next.url).searchParams.get('code')).toBeTruthy();
  });

  it('speaks the language of the person', async () => {
    const { app } = await addApp({ allowed_users: [] });
    expect((await visit(app, bob, { ui_locales: 'de' })).text).toContain(
      'Ihr Konto kann Harbour Books nicht verwenden',
    );
  });

  it('connects no device of others', async () => {
    const { app, clientId } = await addApp({ allowed_users: [ada.email] });
    const codes = await startDevice(app);
    expect((await approve(product, bob, codes)).status).toBe(403);
    expect(refusal(await poll(app, codes))).toEqual([400, 'authorization_pending']);
    expect(await refusals(clientId)).toHaveLength(1);
  });

  it('is nothing to our own pages', async () => {
    const { app } = await addApp({ allowed_users: [] });
    const browser = new Browser();
    await visit(app, bob, {}, browser);
    expect((await browser.open(`${product.url}/account`)).status).toBe(200);
  });
});

/** What an app holds of somebody, each: made while the app was for them, and used when it no longer is. */
const held: readonly (readonly [string, (app: RelyingApp) => Promise<() => Promise<Answer>>])[] = [
  [
    'code',
    async (app) => {
      const { answer, verifier } = await app.signIn(bob);
      return () => app.exchange(answer.get('code') ?? '', verifier);
    },
  ],
  [
    'refresh token',
    async (app) => {
      const { body } = await app.tokens(bob);
      return () => app.refresh(body['refresh_token']);
    },
  ],
  [
    'refresh token, on the library’s way',
    async (app) => {
      const { body } = await app.tokens(bob);
      const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) };
      return () => app.post('/token', form, { origin: 'https://app.example' });
    },
  ],
  [
    'device code',
    async (app) => {
      const codes = await startDevice(app);
      await approve(product, bob, codes);
      return () => poll(app, codes);
    },
  ],
];

describe.each(held)('a %s', (_what, hold) => {
  it('is of no use once the app is for others, and the audit says why', async () => {
    const { app, change, clientId } = await addApp({ allowed_users: [bob.email] });
    const use = await hold(app);
    await change({ allowed_users: [ada.email] });
    expect(refusal(await use())).toEqual([400, 'invalid_grant']);
    const told = { reason: 'not_allowed', actor: { kind: 'client', id: clientId }, subject: bob.id };
    const events = await refusals(clientId);
    expect(events).toMatchObject([told]);
    expect(events).toHaveLength(1);
  });
});

describe('a refresh token of somebody whom an app was not for', () => {
  it('is not used up by the refusal', async () => {
    const { app, change } = await addApp({ allowed_users: [bob.email] });
    const { body } = await app.tokens(bob);
    await change({ allowed_users: [] });
    expect((await app.refresh(body['refresh_token'])).status).toBe(400);
    await change({});
    expect((await app.refresh(body['refresh_token'])).status).toBe(200);
  });
});

describe('an access token of somebody whom an app is for no more', () => {
  it('opens nothing, and is said to be inactive', async () => {
    const { app, change } = await addApp({ allowed_users: [bob.email] });
    const { body } = await app.tokens(bob);
    const token = body['access_token'];
    expect((await app.userinfo(token)).status).toBe(200);
    expect((await app.introspect(token)).body['active']).toBe(true);
    await change({ allowed_roles: ['super-admin'] });
    expect(refusal(await app.userinfo(token))).toEqual([401, 'invalid_token']);
    expect((await app.introspect(token)).body).toEqual({ active: false });
    expect(await product.app.protocol.findBearer(String(token))).toBeUndefined();
  });
});

describe('whom an app is for', () => {
  it.each<Partial<NewClient>>([{ allowed_roles: ['nobody' as never] }, { allowed_users: [''] }])(
    'is not said by %o',
    async (allowed) => {
      await expect(addApp(allowed)).rejects.toMatchObject({ code: 'client_refused' });
    },
  );
});
