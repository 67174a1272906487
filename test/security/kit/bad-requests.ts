import { Browser, formOf } from '../../kit/browser.ts';
import type { Product, TestUser } from '../../kit/product.ts';
import { type RelyingApp, redirectUri } from '../../kit/relying-app.ts';
import { deviceGrant } from '../../protocol/kit/device.ts';
import { form, type RawAnswer, type RawRequest, raw } from './raw.ts';

/** Something that a caller sends and that must be refused. */
export interface BadRequest {
  readonly name: string;
  send(): Promise<RawAnswer>;
}

export interface Scene {
  readonly product: Product;
  readonly app: RelyingApp;
  readonly user: TestUser;
}

/** Values that break parsers, queries and columns, already percent-encoded. */
const poison: Readonly<Record<string, string>> = {
  'a NUL': 'a%00b',
  'a lone surrogate': 'a%ED%A0%80b',
  'bad UTF-8': 'a%ff%feb',
  'half an escape': 'a%zz%',
  'a very long text': 'a'.repeat(7000),
  'a line break': 'a%0d%0aSet-Cookie:%20x=1',
  'right-to-left': '%E2%80%AE',
  SQL: '%27%20OR%201%3D1--',
  'a prototype': '__proto__',
  'an object': '[object Object]',
};

const authenticated = ({ app }: Scene): string =>
  `client_id=${encodeURIComponent(app.credentials.clientId)}&client_secret=${encodeURIComponent(app.credentials.clientSecret)}`;

const machineForms: Readonly<Record<string, readonly [path: string, fields: string, poisoned: readonly string[]][]>> = {
  'the token endpoint': [
    [
      '/token',
      'grant_type=authorization_code&redirect_uri=x&code_verifier=x',
      ['code', 'code_verifier', 'redirect_uri', 'grant_type', 'resource'],
    ],
    ['/token', 'grant_type=refresh_token', ['refresh_token', 'scope', 'resource']],
    ['/token', `grant_type=${encodeURIComponent(deviceGrant)}`, ['device_code']],
  ],
  'pushed requests': [
    [
      '/par',
      `response_type=code&redirect_uri=${encodeURIComponent(redirectUri)}`,
      [
        'scope',
        'code_challenge',
        'code_challenge_method',
        'response_type',
        'response_mode',
        'redirect_uri',
        'prompt',
        'max_age',
        'claims',
        'request',
        'request_uri',
        'resource',
      ],
    ],
  ],
};

/** Every parameter of the endpoints that programs call, poisoned in every way; all authenticated. */
export const poisonedForms = (scene: Scene): BadRequest[] =>
  Object.entries(machineForms).flatMap(([where, shapes]) =>
    shapes.flatMap(([path, fields, names]) =>
      names.flatMap((name) =>
        Object.entries(poison).map(([what, value]) => ({
          name: `${where}: ${what} as ${name} (${fields.slice(0, 40)})`,
          send: () => post(scene, path, `${authenticated(scene)}&${without(fields, name)}&${name}=${value}`),
        })),
      ),
    ),
  );

const without = (fields: string, name: string): string =>
  fields
    .split('&')
    .filter((pair) => !pair.startsWith(`${name}=`))
    .join('&');

const post = ({ product }: Scene, path: string, body: string, more: RawRequest = {}): Promise<RawAnswer> =>
  raw(product.url + path, { method: 'POST', body, ...more, headers: { 'content-type': form, ...more.headers } });

/** The client's name and secret, poisoned, at every endpoint that asks for them. */
export const poisonedClients = (scene: Scene): BadRequest[] =>
  ['/token', '/introspect', '/revoke', '/par', '/device/authorize'].flatMap((path) =>
    Object.entries(poison).flatMap(([what, value]) => [
      {
        name: `${path}: ${what} as client_id`,
        send: () => post(scene, path, `client_id=${value}&client_secret=x&token=x&grant_type=client_credentials`),
      },
      {
        name: `${path}: ${what} as client_secret`,
        send: () =>
          post(
            scene,
            path,
            `client_id=${scene.app.credentials.clientId}&client_secret=${value}&token=x&grant_type=client_credentials`,
          ),
      },
      {
        name: `${path}: ${what} in the Authorization header`,
        send: () =>
          post(scene, path, 'token=x&grant_type=client_credentials', {
            headers: { authorization: `Basic ${Buffer.from(`${value}:${value}`).toString('base64')}` },
          }),
      },
    ]),
  );

/** Bodies that are no form, too large, cut off, or say everything twice. */
export function malformedBodies(scene: Scene): BadRequest[] {
  const paths = ['/token', '/introspect', '/revoke', '/par', '/device/authorize'];
  const twice = (names: string) => `${authenticated(scene)}&${names}`;
  const bodies: [string, RawRequest][] = [
    ['JSON', { headers: { 'content-type': 'application/json' }, body: '{"grant_type":"client_credentials"}' }],
    ['XML', { headers: { 'content-type': 'text/xml' }, body: '<x/>' }],
    ['nothing', { body: '' }],
    ['bytes', { body: Buffer.from([0, 255, 254, 61, 38, 37]) }],
    ['a large form', { body: `${authenticated(scene)}&token=${'a'.repeat(60_000)}` }],
    [
      'ten thousand parameters',
      {
        body: Array.from({ length: 10_000 }, (_, n) => `p${n}=`)
          .join('&')
          .slice(0, 55_000),
      },
    ],
    ['an unknown encoding', { headers: { 'content-encoding': 'br', 'content-type': form }, body: 'x' }],
    ['an unknown charset', { headers: { 'content-type': `${form}; charset=utf-7` }, body: 'grant_type=x' }],
    [
      'every parameter twice',
      {
        body: twice(
          'token=x&token=y&grant_type=refresh_token&grant_type=refresh_token&refresh_token=x&scope=a&scope=b&response_type=code&response_type=code',
        ),
      },
    ],
    [
      'the client twice',
      { body: `${authenticated(scene)}&${authenticated(scene)}&token=x&grant_type=client_credentials` },
    ],
  ];
  return paths.flatMap((path) =>
    bodies.map(([what, more]) => ({
      name: `${path}: ${what}`,
      send: () => post(scene, path, String(more.body), { ...more, body: more.body ?? '' }),
    })),
  );
}

/** Authorization requests that must not start anything. */
export function wrongRequests({ product, app }: Scene): BadRequest[] {
  const right = new URL(app.request().url);
  const changed = (change: (query: URLSearchParams) => void): string => {
    const url = new URL(right);
    change(url.searchParams);
    return url.href;
  };
  const cases: Record<string, string> = {
    'no parameters': `${product.url}/authorize`,
    'an unknown client': changed((query) => query.set('client_id', 'nobody')),
    'no redirect URI': changed((query) => query.delete('redirect_uri')),
    'a foreign redirect URI': changed((query) => query.set('redirect_uri', 'https://evil.example/')),
    'a redirect URI with more behind': changed((query) => query.set('redirect_uri', `${redirectUri}/more`)),
    'a redirect URI with a query': changed((query) => query.set('redirect_uri', `${redirectUri}?x=1`)),
    'a redirect URI with a fragment': changed((query) => query.set('redirect_uri', `${redirectUri}#x`)),
    'a redirect URI in capitals': changed((query) => query.set('redirect_uri', redirectUri.toUpperCase())),
    'a redirect URI that climbs': changed((query) => query.set('redirect_uri', `${redirectUri}/../callback`)),
    'a redirect URI with a user': changed((query) =>
      query.set('redirect_uri', 'https://app.example@evil.example/callback'),
    ),
    'a script as redirect URI': changed((query) => query.set('redirect_uri', 'javascript:alert(1)')),
    'two clients': `${right.href}&client_id=other`,
    'two redirect URIs': `${right.href}&redirect_uri=https%3A%2F%2Fevil.example%2F`,
    'two response types': `${right.href}&response_type=token`,
    'an unknown response type': changed((query) => query.set('response_type', 'magic')),
    'a response type that is off': changed((query) => query.set('response_type', 'token')),
    'hybrid, which is off': changed((query) => query.set('response_type', 'code id_token')),
    'an unknown response mode': changed((query) => query.set('response_mode', 'carrier pigeon')),
    'a plain challenge': changed((query) => query.set('code_challenge_method', 'plain')),
    'a short challenge': changed((query) => query.set('code_challenge', 'short')),
    'no challenge': changed((query) => query.delete('code_challenge')),
    'an unknown prompt': changed((query) => query.set('prompt', 'dance')),
    'none and login': changed((query) => query.set('prompt', 'none login')),
    'a negative age': changed((query) => query.set('max_age', '-1')),
    'no age': changed((query) => query.set('max_age', 'old')),
    'claims that are no JSON': changed((query) => query.set('claims', '{')),
    'claims that are a list': changed((query) => query.set('claims', '[]')),
    'claims with a lone surrogate': changed((query) => query.set('claims', '{"id_token":"\\ud800"}')),
    'a request object': changed((query) => query.set('request', 'eyJ.x.y')),
    'a request from elsewhere': changed((query) => query.set('request_uri', 'https://evil.example/request')),
    'a registration': changed((query) => query.set('registration', '{}')),
    'a hint that is no token': changed((query) => query.set('id_token_hint', 'x')),
    'a scope with quotes': changed((query) => query.set('scope', 'openid "')),
    'a scope with a NUL': changed((query) => query.set('scope', 'openid a\0')),
    'the house client abroad': changed((query) => query.set('client_id', 'postern')),
  };
  for (const [what, value] of Object.entries(poison)) {
    for (const name of ['client_id', 'redirect_uri', 'response_type', 'code_challenge']) {
      cases[`${what} as ${name}`] = `${changed((query) => query.delete(name))}&${name}=${value}`;
    }
  }
  return Object.entries(cases).map(([name, url]) => ({
    name: `authorization: ${name}`,
    send: () => raw(url, { headers: { accept: 'text/html' } }),
  }));
}

/** Pages and their forms, with what no browser would send. */
export async function wrongPages(scene: Scene): Promise<BadRequest[]> {
  const { product, app } = scene;
  const own = { accept: 'text/html', 'sec-fetch-site': 'same-origin', 'content-type': form };
  const browser = new Browser();
  const page = await browser.open(app.request().url);
  const cookie = browser
    .cookies()
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');
  const signIn = new URL(formOf(page, 'login-submit').action, product.url).href;
  const bad: BadRequest[] = [];
  const add = (name: string, url: string, more: RawRequest) =>
    bad.push({ name, send: () => raw(url, { ...more, headers: { ...own, ...more.headers } }) });
  for (const [what, value] of Object.entries(poison)) {
    const post = (body: string, headers = {}) => ({ method: 'POST', body, headers });
    add(`sign-in: ${what} as login`, signIn, post(`login=${value}&password=x`, { cookie }));
    add(`sign-in: ${what} as password`, signIn, post(`login=nobody&password=${value}`, { cookie }));
    add(
      `sign-in: ${what} in the address`,
      `${product.url}/interaction/${encodeURIComponent(value)}/sign-in`,
      post('login=x&password=y', { cookie }),
    );
    add(`device: ${what} as code`, `${product.url}/device`, post(`xsrf=x&user_code=${value}`));
    add(`logout: ${what} as hint`, `${product.url}/logout?id_token_hint=${value}`, {});
    add(`logout: ${what} as client`, `${product.url}/logout?client_id=${value}`, {});
    add(`set-up: ${what} as key`, `${product.url}/setup?key=${value}`, {});
    add(`set-up: ${what} in the form`, `${product.url}/setup?key=${value}`, post(`email=${value}&password=${value}`));
    add(`first app: ${what} as name`, `${product.url}/apps`, post(`name=${value}&redirect_uri=${value}`));
  }
  add('sign-in: JSON', signIn, { method: 'POST', body: '{}', headers: { cookie, 'content-type': 'application/json' } });
  add('sign-in: fields twice', signIn, {
    method: 'POST',
    body: 'login=a&login=b&password=c&password=d',
    headers: { cookie },
  });
  add('sign-in: a large form', signIn, { method: 'POST', body: `login=${'a'.repeat(70_000)}`, headers: { cookie } });
  add('sign-in: nothing', signIn, { method: 'POST', body: '', headers: { cookie } });
  add('an address that cannot be decoded', `${product.url}/interaction/%zz`, {});
  add('an address that climbs', `${product.url}/assets/../../etc/passwd`, {});
  add('an encoded address that climbs', `${product.url}/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd`, {});
  add('a long address', `${product.url}/${'a'.repeat(7000)}`, {});
  return bad;
}
