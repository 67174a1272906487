import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, formOf, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, type RelyingApp, walk } from '../kit/relying-app.ts';
import { isActive } from './kit/apps.ts';
import { addDevice, approve, deviceGrant, poll, startDevice, typeCode } from './kit/device.ts';
import { rows } from './kit/tables.ts';
import { advance } from './kit/time.ts';

let product: Product;
let device: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  product = await startProduct();
  device = await addDevice(product);
  user = await product.addUser();
});
afterAll(() => product.stop());

const isDone = (page: Page): boolean => page.text.includes('The device is connected');
const errorOf = async (codes: Parameters<typeof poll>[1]) => (await poll(device, codes)).body['error'];
/** A browser in which the person is signed in. */
async function signedIn(person: TestUser): Promise<Browser> {
  const app = await addWebApp(product);
  return (await app.signIn(person)).browser;
}

describe('the device authorization response', () => {
  it('gives both codes, where to go, and for how long (RFC 8628 §3.2)', async () => {
    const { status, body, headers } = await device.post('/device/authorize', { scope: 'openid' });
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({ verification_uri: `${product.url}/device`, expires_in: 600 });
    expect(body['user_code']).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(body['verification_uri_complete']).toBe(`${product.url}/device?user_code=${String(body['user_code'])}`);
  });

  it('is refused to a client without that grant', async () => {
    const app = await addWebApp(product);
    expect((await app.post('/device/authorize', { scope: 'openid' })).status).toBe(400);
  });

  it('keeps both codes as hashes only', async () => {
    const { userCode, deviceCode } = await startDevice(device);
    const stored = JSON.stringify(await rows(product.database, 'SELECT * FROM artifacts'));
    expect(stored).not.toContain(deviceCode);
    expect(stored).not.toContain(userCode);
    expect(stored).not.toContain(userCode.replace('-', ''));
  });
});

describe('a device that polls', () => {
  it('waits while nobody has answered, and writes nothing', async () => {
    const codes = await startDevice(device);
    const before = await rows(product.database, 'SELECT * FROM artifacts ORDER BY id');
    expect(await errorOf(codes)).toBe('authorization_pending');
    expect(await errorOf(codes)).toBe('authorization_pending');
    expect(await rows(product.database, 'SELECT * FROM artifacts ORDER BY id')).toEqual(before);
  });

  it('gets its tokens once the person has confirmed, and the person is told', async () => {
    const codes = await startDevice(device, { scope: 'openid email' });
    const page = await approve(product, user, codes);
    expect(page.status).toBe(200);
    expect(isDone(page)).toBe(true);
    const { status, body } = await poll(device, codes);
    expect(status).toBe(200);
    expect(decodeJwt(String(body['id_token'])).sub).toBe(user.id);
    expect((await device.userinfo(body['access_token'])).body['email']).toBe(user.email);
    expect((await device.refresh(body['refresh_token'])).status).toBe(200);
  });

  it('is told when the person declined, on either page', async () => {
    const first = await startDevice(device);
    const browser = new Browser();
    const declined = await browser.submit(await typeCode(product, browser, first.userCode), 'deny');
    expect(declined.status).toBe(200);
    const second = await startDevice(device);
    const signIn = await browser.submit(await typeCode(product, browser, second.userCode), 'device-confirm');
    await browser.submit(signIn, 'deny');
    expect([await errorOf(first), await errorOf(second)]).toEqual(['access_denied', 'access_denied']);
  });

  it('is told that its code has expired, long after it did (RFC 8628 §3.5)', async () => {
    const codes = await startDevice(device);
    advance(601);
    expect(await errorOf(codes)).toBe('expired_token');
    advance(50 * 60);
    expect(await errorOf(codes)).toBe('expired_token');
  });

  it('has one success among 16 polls at once, whose tokens stay alive', async () => {
    const codes = await startDevice(device);
    await approve(product, user, codes);
    const answers = await Promise.all(Array.from({ length: 16 }, () => poll(device, codes)));
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ status }) => status !== 200).every(({ body }) => body['error'] === 'invalid_grant')).toBe(
      true,
    );
    expect(await isActive(device, winners[0]?.body['access_token'])).toBe(true);
    expect(await isActive(device, winners[0]?.body['refresh_token'])).toBe(true);
  });

  it('loses its tokens when the code comes again much later, and that is audited', async () => {
    const codes = await startDevice(device);
    await approve(product, user, codes);
    const { body } = await poll(device, codes);
    advance(11);
    const reuse = await poll(device, codes);
    expect(reuse.body['error']).toBe('invalid_grant');
    expect(await isActive(device, body['access_token'])).toBe(false);
    const events = await product.app.core.audit.search({ request: reuse.headers.get('x-request-id') ?? '', limit: 10 });
    expect(events.map(({ type }) => type)).toEqual(['code.reused']);
  });

  it('cannot use another client’s code', async () => {
    const other = await addDevice(product);
    const codes = await startDevice(device);
    await approve(product, user, codes);
    expect((await other.token({ grant_type: deviceGrant, device_code: codes.deviceCode })).body['error']).toBe(
      'invalid_grant',
    );
    expect((await poll(device, codes)).status).toBe(200);
  });
});

describe('the page for the user code', () => {
  it('takes a code in small letters, with spaces and without the dash', async () => {
    const { userCode } = await startDevice(device);
    const typed = ` ${userCode.toLowerCase().replace('-', ' ')} `;
    const page = await typeCode(product, new Browser(), typed);
    expect(textOf(page, 'device-code')).toBe(userCode);
    expect(page.text).toContain('Television');
  });

  it('says that a code is wrong, keeps what was typed, and says so with its status', async () => {
    const page = await typeCode(product, new Browser(), 'BBBB-BBBB');
    expect(page.status).toBe(400);
    expect(page.text).toContain('role="alert"');
    expect(formOf(page, 'device-submit').fields['user_code']).toBe('BBBB-BBBB');
    expect((await typeCode(product, new Browser(), '')).status).toBe(400);
  });

  it('says that a code has expired', async () => {
    const { userCode } = await startDevice(device);
    advance(601);
    const page = await typeCode(product, new Browser(), userCode);
    expect(page.status).toBe(400);
    expect(page.text).toContain('too old');
  });

  it('fills in the code of a link, and sends it only when the person presses the button', async () => {
    const codes = await startDevice(device);
    const browser = new Browser();
    const page = await browser.open(codes.complete);
    expect(page.text).not.toContain('<script');
    expect(formOf(page, 'device-submit').fields['user_code']).toBe(codes.userCode);
    expect(textOf(await browser.submit(page, 'device-submit'), 'device-code')).toBe(codes.userCode);
  });

  it('refuses a form that another site sends', async () => {
    const codes = await startDevice(device);
    const browser = await signedIn(user);
    const page = await typeCode(product, browser, codes.userCode);
    const { fields } = formOf(page, 'device-confirm');
    const refused = await browser.with({ 'sec-fetch-site': 'cross-site' }).post(`${product.url}/device`, { ...fields });
    expect(refused.status).toBe(403);
    expect(await errorOf(codes)).toBe('authorization_pending');
  });

  it('lets nobody try codes without end', async () => {
    const own = await startProduct();
    const box = await addDevice(own);
    const browser = new Browser();
    const tries: Page[] = [];
    for (let n = 0; n < 7; n += 1) tries.push(await typeCode(own, browser, 'BBBB-BBBB'));
    expect(tries.map(({ status }) => status)).toEqual([...Array(5).fill(400), 429, 429]);
    expect(Number(tries[6]?.headers.get('retry-after'))).toBeGreaterThan(0);
    const { userCode } = await startDevice(box);
    expect((await typeCode(own, browser, userCode)).status).toBe(429);
    advance(900);
    expect((await typeCode(own, browser, (await startDevice(box)).userCode)).status).toBe(200);
    await own.stop();
  });
});

describe('two people with one user code', () => {
  const bothSignedIn = async () => {
    const [ada, bob] = [await product.addUser(), await product.addUser()];
    return { ada, bob, browsers: [await signedIn(ada), await signedIn(bob)] as const };
  };

  it('have one winner when both confirm at once', async () => {
    const { ada, bob, browsers } = await bothSignedIn();
    const codes = await startDevice(device);
    const pages = await Promise.all(browsers.map((browser) => typeCode(product, browser, codes.userCode)));
    const ends = await Promise.all(
      browsers.map(async (browser, n) =>
        walk(browser, await browser.submit(pages[n] as Page, 'device-confirm'), n === 0 ? ada : bob),
      ),
    );
    expect(ends.filter((page) => page.status === 200 && isDone(page))).toHaveLength(1);
    const { body } = await poll(device, codes);
    const winner = ends[0]?.status === 200 && isDone(ends[0]) ? ada : bob;
    expect(decodeJwt(String(body['id_token'])).sub).toBe((winner as typeof user).id);
  });

  it('have one winner even where nobody is asked for consent', async () => {
    const own = await addDevice(product, { first_party: true });
    const { ada, bob, browsers } = await bothSignedIn();
    for (let round = 0; round < 5; round += 1) {
      const codes = await startDevice(own);
      const pages = await Promise.all(browsers.map((browser) => typeCode(product, browser, codes.userCode)));
      const ends = await Promise.all(browsers.map((browser, n) => browser.submit(pages[n] as Page, 'device-confirm')));
      expect(ends.filter((page) => page.status === 200 && isDone(page))).toHaveLength(1);
      const winner = isDone(ends[0] as Page) && ends[0]?.status === 200 ? ada : bob;
      const { body } = await poll(own, codes);
      expect(decodeJwt(String(body['id_token'])).sub).toBe((winner as typeof user).id);
    }
  });
});
