import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, formOf, textOf } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { addWebApp, isBack, type RelyingApp, walk } from '../kit/relying-app.ts';
import { addDevice, startDevice, typeCode } from '../protocol/kit/device.ts';
import { rowCounts } from '../protocol/kit/tables.ts';
import { form, type RawAnswer, raw } from './kit/raw.ts';

let product: Product;
let app: RelyingApp;
let admin: TestUser & { readonly id: string };
let browser: Browser;

beforeAll(async () => {
  product = await startProduct();
  app = await addWebApp(product);
  admin = await product.addUser({ administrator: true });
});
beforeEach(async () => {
  ({ browser } = await app.signIn(admin));
});
afterAll(() => product.stop());

/** A form of ours, filled in, and where it posts. */
interface Filled {
  readonly url: string;
  readonly fields: Record<string, string>;
}

const filled = (page: { url: string; text: string }, button: string, more: Record<string, string> = {}): Filled => {
  const { action, fields } = formOf(page, button);
  return { url: new URL(action, product.url).href, fields: { ...fields, ...more } };
};

/** Every form there is, on the page where it stands. */
const forms: Record<string, () => Promise<Filled>> = {
  'sign in': async () => {
    const page = await browser.open(app.request({ prompt: 'login' }).url);
    return filled(page, 'login-submit', { login: admin.email, password: admin.password });
  },
  'back to the app': async () => filled(await browser.open(app.request({ prompt: 'login' }).url), 'deny'),
  allow: async () => filled(await browser.open(app.request({ prompt: 'consent' }).url), 'consent-allow'),
  'be somebody else': async () => filled(await browser.open(app.request({ prompt: 'consent' }).url), 'not-you'),
  'type a device code': async () => {
    const { userCode } = await startDevice(await addDevice(product));
    return filled(await browser.open(`${product.url}/device`), 'device-submit', { user_code: userCode });
  },
  'connect a device': async () => {
    const { userCode } = await startDevice(await addDevice(product));
    return filled(await typeCode(product, browser, userCode), 'device-confirm');
  },
  'sign out of an app': async () => filled(await browser.open(`${product.url}/logout`), 'logout-yes'),
  'sign out': async () => filled(await browser.open(`${product.url}/`), 'sign-out'),
  'connect an app': async () =>
    filled(await browser.open(`${product.url}/`), 'app-submit', {
      name: 'Planted',
      redirect_uri: 'https://evil.example/',
    }),
  'have a link sent': async () => ({ url: `${product.url}/forgot`, fields: { email: admin.email } }),
  'set a password by a link': async () => ({
    url: `${product.url}/reset?key=x`,
    fields: { password: 'a long enough password' },
  }),
  register: async () => ({
    url: `${product.url}/register`,
    fields: { email: 'evil@example.org', password: 'a long enough password' },
  }),
  'confirm an address': async () => ({ url: `${product.url}/register/confirm?key=x`, fields: {} }),
  'accept an invitation': async () => ({
    url: `${product.url}/invitation?key=x`,
    fields: { password: 'a long enough password' },
  }),
  'set up': async () => ({
    url: `${product.url}/setup?key=x`,
    fields: { email: 'evil@example.org', password: 'a long enough password' },
  }),
};

const foreign: Record<string, Record<string, string>> = {
  'another site': { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
  'another site that lies about its origin': { 'sec-fetch-site': 'cross-site', origin: 'OURS' },
  'a sibling domain': { 'sec-fetch-site': 'same-site', origin: 'https://evil.localhost' },
  'the address bar': { 'sec-fetch-site': 'none' },
  'an old browser on another site': { origin: 'https://evil.example' },
  'a sandboxed frame': { origin: 'null' },
  'nobody knows where': {},
  'our name with another port': { origin: 'http://localhost:1' },
  'a longer name': { origin: 'OURS.evil.example' },
};

function send({ url, fields }: Filled, headers: Record<string, string>): Promise<RawAnswer> {
  const cookie = browser
    .cookies()
    .filter(({ path }) => new URL(url).pathname.startsWith(path))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');
  const named = Object.entries(headers).map(([name, value]) => [name, value.replace('OURS', product.url)]);
  const body = new URLSearchParams(fields).toString();
  return raw(url, {
    method: 'POST',
    headers: { ...Object.fromEntries(named), cookie, 'content-type': form, accept: 'text/html' },
    body,
  });
}

describe.each(Object.keys(forms))('the form to %s', (name) => {
  it('is refused when it comes from elsewhere, and changes nothing', async () => {
    const filledIn = await (forms[name] as () => Promise<Filled>)();
    const before = await rowCounts(product.database);
    for (const [where, headers] of Object.entries(foreign)) {
      const answer = await send(filledIn, headers);
      expect([where, answer.status, textOf(answer, 'error-code')]).toEqual([where, 403, 'csrf_refused']);
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
    expect(await rowCounts(product.database)).toEqual(before);
    const silent = await browser.open(app.request({ prompt: 'none' }).url, isBack);
    expect(new URL(silent.url).searchParams.has('code')).toBe(true);
  });

  it.each([
    ['that says so', { 'sec-fetch-site': 'same-origin' }],
    ['of an older browser', { origin: 'OURS' }],
  ])('is served from our own page %s', async (_, headers) => {
    const answer = await send(await (forms[name] as () => Promise<Filled>)(), headers);
    expect(textOf(answer, 'error-code')).not.toBe('csrf_refused');
    expect(answer.status).not.toBe(403);
  });
});

it('leaves one line a minute in the audit when forms come from elsewhere', async () => {
  const filledIn = await (forms['sign out'] as () => Promise<Filled>)();
  for (const headers of Object.values(foreign)) await send(filledIn, headers);
  const refused = (await product.events('access.denied')).filter(({ reason }) => reason === 'csrf_refused');
  expect(refused.map(({ outcome, actor }) => [outcome, actor.kind])).toEqual([['denied', 'anonymous']]);
});

describe('where a form leads', () => {
  it('is never chosen by the person who sent the link', async () => {
    const evil = 'https://evil.example/';
    const extra = { returnTo: evil, return_to: evil, next: evil, redirect: evil, continue: evil, redirect_uri: evil };
    const page = await new Browser().open(app.request().url);
    const target = formOf(page, 'login-submit').action;
    expect(target.startsWith('/interaction/')).toBe(true);
    for (const path of [
      '/',
      '/logout',
      '/device',
      '/nowhere',
      '//evil.example/',
      '/\\evil.example',
      '/%2f%2fevil.example',
    ]) {
      const answer = await raw(`${product.url}${path}?${new URLSearchParams(extra)}`, {
        headers: { accept: 'text/html' },
      });
      const { location } = answer.headers;
      if (location !== undefined) expect(new URL(location, product.url).origin).toBe(product.url);
      expect(answer.text).not.toContain('href="https://evil.example');
    }
    const fresh = new Browser();
    const done = await walk(
      fresh,
      await fresh.open(`${app.request().url}&${new URLSearchParams({ returnTo: evil, next: evil })}`, isBack),
      admin,
    );
    expect(isBack(done.url)).toBe(true);
  });

  it('shows text that came with the request as text', async () => {
    const script = '"><script>alert(1)</script>';
    const page = await new Browser().open(app.request({ login_hint: script }).url);
    expect(page.text).not.toContain('<script>alert');
    const wrong = await new Browser().open(
      `${product.url}/authorize?client_id=${encodeURIComponent(script)}&redirect_uri=${encodeURIComponent(script)}`,
    );
    expect(wrong.text).not.toContain('<script>alert');
    const device = await new Browser().open(`${product.url}/device?user_code=${encodeURIComponent(script)}`);
    expect(device.text).not.toContain('<script>alert');
    const typed = await typeCode(product, new Browser(), script);
    expect(typed.text).not.toContain('<script>alert');
  });
});
