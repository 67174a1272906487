import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Browser, formOf, type Page, textOf } from '../kit/browser.ts';
import { type Product, startProduct, type TestUser } from '../kit/product.ts';
import { type Answer, addWebApp, isBack, type RelyingApp } from '../kit/relying-app.ts';
import { addApi, addService, api, apiTokens, isActive, offlineTokens } from '../protocol/kit/apps.ts';
import { addDevice, approve, type DeviceCodes, poll, startDevice } from '../protocol/kit/device.ts';
import { rowCounts, rows } from '../protocol/kit/tables.ts';
import { type FaultyDatabase, faultyDatabase } from './kit/faults.ts';

let broken: FaultyDatabase;
let product: Product;
let app: RelyingApp;
let service: RelyingApp;
let jwtService: RelyingApp;
let device: RelyingApp;
let user: TestUser & { readonly id: string };

beforeAll(async () => {
  broken = faultyDatabase();
  product = await startProduct({ wrap: broken.wrap });
  await addApi(product);
  app = await addWebApp(product, { resources: [api] });
  service = await addService(product);
  jwtService = await addService(product, { resources: [api] });
  device = await addDevice(product);
  user = await product.addUser({ administrator: true });
});
afterEach(() => {
  broken.fault = 'none';
});
afterAll(() => product.stop());

/** Something that works, prepared, and that tells whether it was allowed. */
interface Attempt {
  readonly run: () => Promise<Answer | Page>;
  /** What must be so afterwards, the store being back. */
  readonly after?: () => Promise<void>;
}

const machine: Record<string, () => Promise<Attempt>> = {
  'exchange a code': async () => {
    const { answer, verifier } = await app.signIn(user);
    const code = answer.get('code') ?? '';
    return {
      run: () => app.exchange(code, verifier),
      after: async () => expect((await app.exchange(code, verifier)).status).toBe(200),
    };
  },
  refresh: async () => {
    const { body } = await offlineTokens(app, user);
    const run = () => app.refresh(body['refresh_token']);
    return { run, after: async () => expect((await run()).status).toBe(200) };
  },
  'fetch an opaque token': async () => ({ run: () => service.token({ grant_type: 'client_credentials' }) }),
  'fetch a JWT': async () => ({ run: () => jwtService.token({ grant_type: 'client_credentials' }) }),
  'poll for a device': async () => {
    const codes: DeviceCodes = await startDevice(device);
    await approve(product, user, codes);
    return { run: () => poll(device, codes), after: async () => expect((await poll(device, codes)).status).toBe(200) };
  },
  'start a device': async () => ({ run: () => device.post('/device/authorize', { scope: 'openid' }) }),
  'push a request': async () => ({
    run: () => app.post('/par', Object.fromEntries(new URL(app.request().url).searchParams)),
  }),
  'revoke a token': async () => {
    const { body } = await offlineTokens(app, user);
    return {
      run: () => app.revoke(body['refresh_token']),
      after: async () => expect(await isActive(app, body['refresh_token'])).toBe(true),
    };
  },
};

const reading: Record<string, () => Promise<Attempt>> = {
  'introspect an opaque token': async () => {
    const { body } = await app.tokens(user);
    return { run: () => app.introspect(body['access_token']) };
  },
  'introspect a JWT': async () => {
    const { body } = await apiTokens(app, user);
    return { run: () => app.introspect(body['access_token']) };
  },
  userinfo: async () => {
    const { body } = await app.tokens(user);
    return { run: () => app.userinfo(body['access_token']) };
  },
};

const signedIn = async (): Promise<Browser> => (await app.signIn(user)).browser;

const pages: Record<string, () => Promise<Attempt>> = {
  'open a sign-in': async () => ({ run: () => new Browser().get(app.request().url) }),
  'send a password': async () => {
    const browser = new Browser();
    const page = await browser.open(app.request().url);
    return {
      run: () => browser.submit(page, 'login-submit', { login: user.email, password: user.password }, () => true),
    };
  },
  'go on after a sign-in': async () => {
    const browser = new Browser();
    // An answer that is a page is the browser's to come for.
    const page = await browser.open(app.request({ response_mode: 'form_post' }).url);
    const { action } = formOf(page, 'login-submit');
    const posted = await browser.post(new URL(action, product.url).href, {
      login: user.email,
      password: user.password,
    });
    return { run: () => browser.get(new URL(posted.headers.get('location') ?? '', product.url).href) };
  },
  allow: async () => {
    const browser = await signedIn();
    const page = await browser.open(app.request({ prompt: 'consent' }).url);
    return { run: () => browser.submit(page, 'consent-allow', {}, () => true) };
  },
  'sign in silently': async () => {
    const browser = await signedIn();
    return { run: () => browser.open(app.request().url, isBack) };
  },
  'sign out': async () => {
    const browser = await signedIn();
    const home = await browser.open(`${product.url}/`);
    return {
      run: () => browser.submit(home, 'sign-out', {}, () => true),
      after: async () => {
        const page = await browser.open(app.request({ prompt: 'none' }).url, isBack);
        expect(new URL(page.url).searchParams.has('code')).toBe(true);
      },
    };
  },
  'sign out of an app': async () => {
    const browser = await signedIn();
    const page = await browser.open(`${product.url}/logout`);
    return { run: () => browser.submit(page, 'logout-yes', {}, () => true) };
  },
  'connect an app': async () => {
    const browser = await signedIn();
    const home = await browser.open(`${product.url}/`);
    return { run: () => browser.submit(home, 'app-submit', { name: 'New', redirect_uri: 'https://new.example/cb' }) };
  },
  'type a device code': async () => {
    const codes = await startDevice(device);
    const browser = await signedIn();
    const page = await browser.open(`${product.url}/device`);
    return { run: () => browser.submit(page, 'device-submit', { user_code: codes.userCode }) };
  },
};

/** An honest 503 that says when to come back, and hands out nothing. */
function expectUnavailable(answer: Answer | Page): void {
  const told = 'body' in answer ? answer.body['error'] : textOf(answer, 'error-code');
  expect([answer.status, told]).toEqual([503, expect.stringMatching(/^(temporarily_unavailable|store_unavailable)$/)]);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(answer.headers.get('location')).toBeNull();
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const shown = 'body' in answer ? JSON.stringify(answer.body) : answer.text;
  expect(shown).not.toMatch(/access_token|refresh_token|active|client_secret|SQL|nowhere|store_unavailable: /);
  expect(answer.headers.getSetCookie().filter((line) => line.startsWith('session'))).toEqual([]);
}

async function failing(fault: FaultyDatabase['fault'], prepare: () => Promise<Attempt>): Promise<void> {
  const { run, after } = await prepare();
  const before = await rowCounts(product.database);
  const events = async () => (await rows(product.database, 'SELECT count(*) AS n FROM audit_events'))[0]?.['n'];
  const eventsBefore = await events();
  broken.fault = fault;
  const answer = await run();
  broken.fault = 'none';
  expectUnavailable(answer);
  expect(await rowCounts(product.database)).toEqual(before);
  expect(await events()).toBe(eventsBefore);
  await after?.();
}

describe('while the store does not answer', () => {
  it.each(Object.entries({ ...machine, ...reading, ...pages }))('%s is answered with 503', async (_, prepare) =>
    failing('everything', prepare),
  );

  it('documents and files are served from memory', async () => {
    broken.fault = 'everything';
    for (const path of ['/jwks', '/.well-known/openid-configuration'])
      expect((await fetch(product.url + path)).status).toBe(200);
  });
});

describe('while nothing can be written', () => {
  it.each(Object.entries({ ...machine, ...pages }).filter(([name]) => name !== 'type a device code'))(
    '%s is answered with 503',
    async (_, prepare) => failing('writes', prepare),
  );

  it.each(Object.entries(reading))('%s goes on', async (_, prepare) => {
    const { run } = await prepare();
    broken.fault = 'writes';
    expect((await run()).status).toBe(200);
  });
});

describe('while no event can be written', () => {
  const audited = {
    ...machine,
    'go on after a sign-in': pages['go on after a sign-in'],
    'sign out': pages['sign out'],
    'sign out of an app': pages['sign out of an app'],
    'connect an app': pages['connect an app'],
  };
  it.each(Object.entries(audited))('%s fails, and stores nothing', async (_, prepare) =>
    failing('audit', prepare as () => Promise<Attempt>),
  );

  it('a wrong password is not tried for free', async () => {
    const browser = new Browser();
    const page = await browser.open(app.request().url);
    broken.fault = 'audit';
    const answer = await browser.submit(
      page,
      'login-submit',
      { login: user.email, password: 'wrong password here' },
      () => true,
    );
    expect(answer.status).toBe(503);
  });
});
