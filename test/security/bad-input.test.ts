import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textOf } from '../kit/browser.ts';
import { type Product, type ProductOptions, startProduct } from '../kit/product.ts';
import { addWebApp, isBack } from '../kit/relying-app.ts';
import { type Postgres, startPostgres } from '../kit/services/postgres.ts';
import { rowCounts } from '../protocol/kit/tables.ts';
import {
  type BadRequest,
  malformedBodies,
  poisonedClients,
  poisonedForms,
  type Scene,
  wrongPages,
  wrongRequests,
} from './kit/bad-requests.ts';
import { form, type RawAnswer, raw } from './kit/raw.ts';

async function open(options: ProductOptions = {}): Promise<Scene> {
  const product = await startProduct({
    settings: {
      password: { hash: { memory: 7168, time: 1 } },
      limits: { failuresPerAddress: 10_000, failuresPerPair: 10_000, failuresPerAccount: 10_000 },
    },
    ...options,
  });
  const app = await addWebApp(product, {
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  });
  return { product, app, user: await product.addUser() };
}

/** The code with which an answer says what is wrong: in JSON, on a page, or in the redirect to the app. */
function codeOf(answer: RawAnswer): string | undefined {
  const { location } = answer.headers;
  if (location !== undefined) return isBack(location) ? /[?#&]error=(\w+)/.exec(location)?.[1] : undefined;
  // Node's own answer to headers that are too large.
  if (answer.status === 431) return 'headers too large';
  if (!answer.headers['content-type']?.includes('json')) return textOf(answer, 'error-code') ?? pageProblem(answer);
  return (JSON.parse(answer.text) as { error?: string }).error;
}

/** Pages that show a form again say so in words of their own. */
const pageProblem = ({ text }: RawAnswer): string | undefined =>
  text.includes('role="alert"') ? 'shown on the page' : undefined;

async function refuse(scene: Scene, requests: readonly BadRequest[]): Promise<void> {
  const before = await rowCounts(scene.product.database);
  const failures: unknown[] = [];
  for (const { name, send } of requests) {
    const answer = await send();
    const refused = (answer.status >= 400 && answer.status < 500) || answer.headers.location !== undefined;
    if (!refused || codeOf(answer) === undefined)
      failures.push([name, answer.status, answer.headers.location, answer.text.slice(0, 300)]);
  }
  expect(failures).toEqual([]);
  expect(await rowCounts(scene.product.database)).toEqual(before);
  expect(scene.product.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
}

describe.each(['SQLite', 'PostgreSQL'])('bad input on %s', (engine) => {
  let postgres: Postgres | undefined;
  let scene: Scene;

  beforeAll(async () => {
    postgres = engine === 'PostgreSQL' ? await startPostgres({ durable: false }) : undefined;
    scene = await open(postgres ? { databaseUrl: postgres.url } : {});
  });
  afterAll(async () => {
    await scene?.product.stop();
    await postgres?.stop();
  });

  it('in a parameter of a program is refused, and nothing changes', () => refuse(scene, poisonedForms(scene)));
  it('in a client’s name and secret is refused, and nothing changes', () => refuse(scene, poisonedClients(scene)));
  it('in a body is refused, and nothing changes', () => refuse(scene, malformedBodies(scene)));
  it('in an authorization request is refused, and nothing changes', () => refuse(scene, wrongRequests(scene)));
  it('on a page is refused, and nothing changes', async () => refuse(scene, await wrongPages(scene)));

  it('that is only unusual is served: any state and hint comes back as it was', async () => {
    for (const state of ['a\0b', '\u202e', 'ä€😀', "' OR 1=1--", 'x'.repeat(2000), '{"a":"\\ud800"}']) {
      const { answer, browser } = await scene.app.signIn(scene.user, {
        parameters: { state, login_hint: state.slice(0, 100), nonce: state, ui_locales: state.slice(0, 50) },
      });
      expect(answer.get('state')).toBe(state);
      expect(browser.cookies().length).toBeGreaterThan(0);
    }
  });
});

describe('wrong methods', () => {
  let product: Product;
  beforeAll(async () => {
    ({ product } = await open());
  });
  afterAll(() => product.stop());

  const allowed: Record<string, string[]> = {
    '/token': ['POST'],
    '/introspect': ['POST'],
    '/revoke': ['POST'],
    '/par': ['POST'],
    '/device/authorize': ['POST'],
    '/userinfo': ['GET', 'POST'],
    '/jwks': ['GET', 'HEAD'],
    '/.well-known/openid-configuration': ['GET', 'HEAD'],
    '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
    '/authorize': ['GET', 'HEAD', 'POST'],
    '/logout': ['GET', 'HEAD', 'POST'],
    '/logout/confirm': ['POST'],
    '/device': ['GET', 'HEAD', 'POST'],
    '/': ['GET', 'HEAD'],
    '/setup': ['GET', 'HEAD', 'POST'],
    '/sign-out': ['POST'],
    '/apps': ['POST'],
    '/interaction/some-interaction': ['GET', 'HEAD'],
    '/interaction/some-interaction/sign-in': ['POST'],
  };

  it.each(Object.entries(allowed))('at %s are told which are right', async (path, methods) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
      if (methods.includes(method)) continue;
      const answer = await raw(product.url + path, {
        method,
        headers: { 'sec-fetch-site': 'same-origin', accept: 'text/html' },
      });
      expect([method, answer.status]).toEqual([method, 405]);
      expect(answer.headers.allow?.split(', ').toSorted()).toEqual(methods.toSorted());
      expect(codeOf(answer)).toBeDefined();
    }
  });

  it('HEAD answers like GET without a body', async () => {
    for (const path of ['/', '/jwks', '/.well-known/openid-configuration', '/device']) {
      const [head, get] = [await raw(product.url + path, { method: 'HEAD' }), await raw(product.url + path)];
      expect([path, head.status, head.text]).toEqual([path, get.status, '']);
    }
  });
});

describe('headers of a request', () => {
  let product: Product;
  beforeAll(async () => {
    ({ product } = await open());
  });
  afterAll(() => product.stop());

  it('that are too large are refused', async () => {
    const answer = await raw(`${product.url}/`, { headers: { cookie: `a=${'x'.repeat(20_000)}` } });
    expect(answer.status).toBe(431);
  });

  it('that make no sense are ignored or refused, never a failure of the server', async () => {
    const headers: Record<string, string>[] = [
      { cookie: 'session=%00; session.sig=%ff; interaction=; =; ;;; __proto__=1' },
      { cookie: 'session' },
      { 'accept-language': `${'x-'.repeat(2000)}, *;q=9, ;;` },
      { 'user-agent': `\u00ff${'a'.repeat(5000)}` },
      { traceparent: '00-zz' },
      { 'x-request-id': 'mine' },
      { 'if-none-match': '"x", *' },
      { range: 'bytes=0-' },
      { accept: '/*/;;q' },
      { origin: '%00' },
      { authorization: 'Basic' },
      { authorization: 'Bearer a b c' },
      { expect: '200-ok' },
    ];
    for (const one of headers) {
      for (const path of ['/', '/authorize', '/jwks', '/device', '/logout', '/userinfo']) {
        const answer = await raw(product.url + path, { headers: one });
        expect([one, path, answer.status < 500]).toEqual([one, path, true]);
        expect(answer.headers['x-request-id']).not.toBe('mine');
      }
      const posted = await raw(`${product.url}/token`, {
        method: 'POST',
        headers: { ...one, 'content-type': form },
        body: 'grant_type=x',
      });
      expect(posted.status).toBeLessThan(500);
    }
  });
});
