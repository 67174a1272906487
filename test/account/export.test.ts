import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { addWebApp, type RelyingApp } from '../kit/relying-app.ts';
import { codeOf, enrol, isSignInPage, type Person } from '../mfa/kit.ts';
import { rows } from '../protocol/kit/tables.ts';
import { advance } from '../protocol/kit/time.ts';
import { accountPage, enter } from './kit.ts';

let product: Product;
let app: RelyingApp;
let user: Person;

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
  app = await addWebApp(product, { client_name: 'Harbour Books' });
});
beforeEach(async () => {
  user = await product.addUser({ claims: { name: 'Ada Lovelace' } });
  advance(900);
});
afterAll(() => product.stop());

interface Exported {
  readonly account: object;
  readonly apps: readonly { readonly client_id: string; readonly allowed: { readonly scopes: readonly string[] } }[];
  readonly events: readonly { readonly type: string; readonly by: string; readonly ip?: string }[];
  readonly [name: string]: unknown;
}
const read = (page: Page): Exported => JSON.parse(page.text) as Exported;

describe('the export', () => {
  it('is a file with everything that is held on the person, and no secret', async () => {
    const { secret, recoveryCodes } = await enrol(product, user);
    const { browser, page } = await enter(product, user, { code: () => recoveryCodes[0] ?? '' });
    await browser.open(app.request({ scope: 'openid email' }).url);
    const file = await browser.submit(page, 'export-data');
    expect([file.status, file.headers.get('content-type'), file.headers.get('content-disposition')]).toEqual([
      200,
      'application/json; charset=utf-8',
      'attachment; filename="account.json"',
    ]);
    expect(file.headers.get('cache-control')).toBe('no-store');
    const held = read(file);
    expect(held.account).toMatchObject({ id: user.id, email: user.email, claims: { name: 'Ada Lovelace' } });
    expect(held).toMatchObject({
      issuer: product.url,
      second_factors: { authenticator_app: { added_at: expect.any(String) }, recovery_codes_left: 9 },
      password: { set_at: expect.any(String) },
      sign_ins: [
        {
          started_at: expect.any(String),
          last_seen_at: expect.any(String),
          user_agent: expect.any(String),
          address: '127.0.0.1',
        },
      ],
      address_changes: [],
      registrations: [],
    });
    expect(held.events.map(({ type }) => type)).toContain('session.started');
    const hashes = await rows(product.database, 'SELECT hash FROM password_credentials WHERE user_id = ?1', [user.id]);
    const secrets = [user.password, secret, codeOf(secret), ...recoveryCodes, String(hashes[0]?.['hash']), '$argon2'];
    expect(secrets.filter((one) => file.text.includes(one))).toEqual([]);
    for (const { value } of browser.cookies()) if (value.length > 8) expect(file.text).not.toContain(value);
    const events = (await product.events('user.exported')).filter(({ subject }) => subject === user.id);
    expect(events.map(({ actor }) => actor)).toEqual([{ kind: 'user', id: user.id }]);
  });

  it('names the apps with what they were allowed', async () => {
    const { browser } = await app.signIn(user, { parameters: { scope: 'openid email' } });
    const held = read(await browser.submit(await accountPage(product, browser), 'export-data'));
    expect(held.apps.map(({ client_id: id }) => id)).toEqual([app.credentials.clientId]);
    expect([...(held.apps[0]?.allowed.scopes ?? [])].sort()).toEqual(['email', 'openid']);
  });

  it('says of what others did neither who they are nor where', async () => {
    const administrator = await product.addUser();
    const facts = { ip: '198.51.100.7', userAgent: 'their browser' };
    const by = { actor: { kind: 'user', id: administrator.id }, facts } as const;
    await product.app.core.users.update(user.id, { email: user.email, email_verified: true }, by);
    const { browser, page } = await enter(product, user);
    const file = await browser.submit(page, 'export-data');
    const event = read(file).events.find(({ type }) => type === 'user.updated');
    expect(event).toMatchObject({ by: 'another-person' });
    for (const text of [administrator.id, facts.ip, facts.userAgent]) expect(file.text).not.toContain(text);
  });

  it('needs a person, and a fresh sign-in', async () => {
    const stranger = await new Browser().post(`${product.url}/account/export`, {});
    expect([stranger.status, stranger.headers.get('location')]).toEqual([303, '/account']);
    const { browser, page } = await enter(product, user);
    advance(601);
    const again = await browser.submit(page, 'export-data');
    expect(isSignInPage(again)).toBe(true);
    const back = await browser.submit(again, 'login-submit', { login: user.email, password: user.password });
    expect(back.text).toContain('id="export-data"');
    expect(read(await browser.submit(back, 'export-data')).account).toMatchObject({ id: user.id });
  });
});
