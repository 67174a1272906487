import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { statement } from '../../src/foundation/db/statement.ts';
import { Browser, formOf, type Page } from '../kit/browser.ts';
import { type Product, startProduct } from '../kit/product.ts';
import { hrefOf, type Person, typePassword } from '../mfa/kit.ts';
import { advance } from '../protocol/kit/time.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const devices = statement(
  'test_devices',
  'SELECT id, user_id, user_agent, address FROM devices ORDER BY first_seen_at',
);
const sessionDevices = statement(
  'test_session_devices',
  'SELECT device_id FROM sign_in_sessions WHERE account_id = ?1',
);

let product: Product;
let user: Person;

beforeAll(async () => {
  product = await startProduct({ settings: { password: { hash: { memory: 7168, time: 1, parallelism: 1 } } } });
});
beforeEach(async () => {
  user = await product.addUser();
  advance(900);
});
afterAll(() => product.stop());

async function enter(browser: Browser, person = user, password = person.password): Promise<Page> {
  const start = await browser.open(`${product.url}/account`);
  return typePassword(browser, await browser.open(hrefOf(start, 'sign-in-link')), { ...person, password });
}
const leave = async (browser: Browser) => browser.submit(await browser.open(`${product.url}/account`), 'sign-out');
const cookieOf = (browser: Browser, name = 'device') => browser.cookies().find((cookie) => cookie.name === name)?.value;
const rowsOf = async (person = user) =>
  (await product.database.all(devices, [])).filter((row) => row['user_id'] === person.id);

describe('a browser that a person signs in with', () => {
  it('is known from then on by a secret that is kept as a hash', async () => {
    const browser = new Browser({ 'user-agent': firefox });
    const page = await enter(browser);
    const secret = cookieOf(browser) ?? '';
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    const [row, ...others] = await rowsOf();
    expect(others).toEqual([]);
    expect(row).toMatchObject({ user_agent: firefox, address: '127.0.0.1' });
    expect(JSON.stringify(row)).not.toContain(secret);
    expect(await product.database.all(sessionDevices, [user.id])).toEqual([{ device_id: row?.['id'] }]);
    expect(page.text).toContain('Firefox on Linux');
    expect(page.text).toContain('<bdi>127.0.0.1</bdi>');
  });

  it('keeps its secret out of reach of scripts and other sites', async () => {
    const browser = new Browser();
    const start = await browser.open(`${product.url}/account`);
    const form = await browser.open(hrefOf(start, 'sign-in-link'));
    const { action } = formOf(form, 'login-submit');
    const answer = await browser.post(`${product.url}${action}`, { login: user.email, password: user.password });
    const line = answer.headers.getSetCookie().find((cookie) => cookie.startsWith('device=')) ?? '';
    expect(line).toMatch(/; path=\/; .*samesite=lax; httponly/i);
    expect(line).not.toMatch(/domain=/i);
  });

  it('stays the same one when they come back, and is another one for each who uses it', async () => {
    const browser = new Browser();
    await enter(browser);
    const secret = cookieOf(browser);
    const other = await product.addUser();
    const shared = new Browser();
    await enter(shared);
    await leave(shared);
    await enter(shared, other);
    await leave(shared);
    await enter(shared, other);
    expect(await rowsOf(other)).toHaveLength(1);
    await leave(browser);
    await enter(browser);
    expect(cookieOf(browser)).toBe(secret);
    expect(await rowsOf()).toHaveLength(2);
    const ids = [...(await rowsOf()), ...(await rowsOf(other))].map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
  });

  it('is not known after a password that was wrong, and not by a secret that we did not sign', async () => {
    const browser = new Browser();
    expect((await enter(browser, user, 'not the password at all')).status).toBe(401);
    expect([cookieOf(browser), await rowsOf()]).toEqual([undefined, []]);
    const planted = 'x'.repeat(43);
    await enter(new Browser({ cookie: `device=${planted}` }));
    await enter(new Browser({ cookie: `device=${planted}; device.sig=${planted}` }));
    const { devices: room } = product.app.core;
    const name = room.nameOf({ get: () => planted, set: () => undefined }, user.id);
    expect((await rowsOf()).map(({ id }) => id)).not.toContain(name);
  });
});
