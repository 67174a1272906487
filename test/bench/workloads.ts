import { createHash, createPublicKey, type JsonWebKey, randomBytes, verify } from 'node:crypto';
import { type Answer, type Connection, headerOf } from './connection.ts';
import { apis, clients, type Material } from './material.ts';
import type { WorkloadName } from './plan.ts';

/** What one sign-in left behind. */
export interface SignedIn {
  readonly sub: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** One of those who call at once, on a connection of its own. */
export interface Caller {
  readonly connection: Connection;
  readonly issuer: string;
  readonly material: Material;
  readonly index: number;
  /** Sign-ins at this server, the newest last. */
  readonly signedIn: SignedIn[];
  /** The end of this caller's chain of refresh tokens. */
  refreshToken: string | undefined;
  /** How many operations it has done. */
  done: number;
}

export interface Workload {
  readonly title: string;
  /** Audit events of one operation, by type. */
  readonly audited: Readonly<Record<string, number>>;
  /** One operation. Throws an error that shows the answer when it is not what it has to be. */
  readonly operate: (caller: Caller) => Promise<void>;
}

/** Enough to introspect one after the other, and few enough to stay in the baseline's bounded store. */
const keptSignIns = 256;

type Form = Readonly<Record<string, string>>;

/** A form of a client that authenticates with its secret. */
const by = ({ client_id, client_secret }: { client_id: string; client_secret: string }, form: Form): Form => ({
  client_id,
  client_secret,
  ...form,
});

const forms = {
  opaque: by(clients.opaque, { grant_type: 'client_credentials' }),
  ES256: by(clients.jwt, { grant_type: 'client_credentials', resource: apis.ES256, scope: 'api' }),
  RS256: by(clients.jwt, { grant_type: 'client_credentials', resource: apis.RS256, scope: 'api' }),
};

const jwtWorkload = (alg: 'ES256' | 'RS256'): Workload => ({
  title: `client credentials, JWT ${alg}`,
  audited: { 'token.issued': 1 },
  async operate(caller) {
    const answer = await caller.connection.post('/token', forms[alg]);
    const { access_token: token } = json(answer);
    expect(answer, typeof token === 'string' && isJwtOf(String(token), alg));
    if (caller.done % 100 === 0) expect(answer, isSigned(String(token), caller.material));
  },
});

export const workloads: Readonly<Record<WorkloadName, Workload>> = {
  discovery: {
    title: 'discovery',
    audited: {},
    async operate({ connection, issuer }) {
      const answer = await connection.get('/.well-known/openid-configuration');
      expect(answer, answer.status === 200 && answer.body.includes(`"issuer":"${issuer}"`));
    },
  },
  jwks: {
    title: 'JWKS',
    audited: {},
    async operate({ connection }) {
      const answer = await connection.get('/jwks');
      expect(answer, answer.status === 200 && answer.body.includes('"kid"') && !answer.body.includes('"d"'));
    },
  },
  'client-credentials-opaque': {
    title: 'client credentials, opaque',
    audited: { 'token.issued': 1 },
    async operate({ connection }) {
      const answer = await connection.post('/token', forms.opaque);
      const { access_token: token, token_type: type } = json(answer);
      expect(answer, answer.status === 200 && type === 'Bearer' && /^[\w-]{43,}$/.test(String(token)));
    },
  },
  'client-credentials-es256': jwtWorkload('ES256'),
  'client-credentials-rs256': jwtWorkload('RS256'),
  login: { title: 'full login, code + PKCE', audited: { 'session.started': 1, 'token.issued': 1 }, operate: signIn },
  introspection: {
    title: 'introspection',
    audited: {},
    async operate(caller) {
      const { accessToken, sub } = someSignIn(caller);
      const answer = await caller.connection.post('/introspect', by(clients.web, { token: accessToken }));
      const told = json(answer);
      expect(answer, told['active'] === true && told['sub'] === sub && told['client_id'] === clients.web.client_id);
    },
  },
  userinfo: {
    title: 'userinfo',
    audited: {},
    async operate(caller) {
      const { accessToken, sub } = someSignIn(caller);
      const headers = `Authorization: Bearer ${accessToken}\r\n`;
      const answer = await caller.connection.get('/userinfo', headers);
      const told = json(answer);
      expect(answer, told['sub'] === sub && String(told['email']).endsWith('@example.org'));
    },
  },
  refresh: {
    title: 'refresh with rotation and ID token',
    audited: { 'token.issued': 1 },
    async operate(caller) {
      const former = caller.refreshToken ?? someSignIn(caller).refreshToken;
      const form = { grant_type: 'refresh_token', refresh_token: former };
      const answer = await caller.connection.post('/token', by(clients.web, form));
      const { refresh_token: next, access_token: accessToken, id_token: idToken } = json(answer);
      expect(answer, typeof next === 'string' && next !== former && typeof accessToken === 'string');
      expect(answer, isJwtOf(String(idToken), 'ES256'));
      if (caller.done % 100 === 0) expect(answer, isSigned(String(idToken), caller.material));
      caller.refreshToken = String(next);
    },
  },
};

function someSignIn({ signedIn, index, done }: Caller): SignedIn {
  const found = signedIn[(index + done * 7) % signedIn.length];
  if (found === undefined) throw new Error('nobody has signed in: the login workload has to run before');
  return found;
}

/** Each caller stands for three people, and nobody for the same one: who signs in twice at once has two new browsers. */
const peopleOfCaller = 3;

/**
 * A browser's whole way: authorization request, page, form, back to the app; and the app's, code for tokens. Each person
 * signs in with a browser of their own that has forgotten the session, and not who it is.
 */
async function signIn(caller: Caller): Promise<void> {
  const { material, index, done } = caller;
  const which = index * peopleOfCaller + (done % peopleOfCaller);
  const user = material.users[which % material.users.length] ?? { email: '', claims: { sub: '' } };
  const [state, nonce, verifier] = [token(), token(), token()];
  const code = await codeFor(caller, { user: user.email, state, nonce, verifier });
  const [redirect_uri] = clients.web.redirect_uris;
  const form = { grant_type: 'authorization_code', code, redirect_uri, code_verifier: verifier };
  const answer = await caller.connection.post('/token', by(clients.web, form));
  const { access_token: accessToken, refresh_token: refreshToken, id_token: idToken } = json(answer);
  expect(answer, typeof accessToken === 'string' && typeof refreshToken === 'string');
  const claims = part(String(idToken), 1);
  expect(answer, claims['nonce'] === nonce && claims['sub'] === user.claims.sub);
  if (done % 100 === 0) expect(answer, isSigned(String(idToken), material));
  caller.signedIn.push({ sub: user.claims.sub, accessToken: String(accessToken), refreshToken: String(refreshToken) });
  if (caller.signedIn.length > keptSignIns) caller.signedIn.shift();
}

async function codeFor(
  { connection, issuer, material }: Caller,
  { user, state, nonce, verifier }: { user: string; state: string; nonce: string; verifier: string },
): Promise<string> {
  const [redirect_uri] = clients.web.redirect_uris;
  const code_challenge = createHash('sha256').update(verifier).digest('base64url');
  const challenge = { code_challenge, code_challenge_method: 'S256' };
  const asked = {
    client_id: clients.web.client_id,
    redirect_uri,
    response_type: 'code',
    scope: 'openid email',
    state,
    nonce,
  };
  const browser = openBrowser(connection, issuer, user);
  let answer = await browser.follow(await browser.get(`/authorize?${new URLSearchParams({ ...asked, ...challenge })}`));
  const action = /<form[^>]* action="([^"]+\/sign-in)"/.exec(answer.body)?.[1];
  expect(answer, answer.status === 200 && action !== undefined);
  answer = await browser.follow(await browser.post(action ?? '', { login: user, password: material.password }));
  const back = new URL(headerOf(answer, 'location') ?? 'none:');
  expect(answer, back.href.startsWith(redirect_uri) && back.searchParams.get('state') === state);
  return back.searchParams.get('code') ?? '';
}

/** What browsers keep for longer than a sign-in, by server and person: Postern's mark that it knows them. */
const marks = new Map<string, Map<string, string>>();

/** A person's browser without a session: cookies, and redirects as long as they stay at the server. */
function openBrowser(connection: Connection, issuer: string, person: string) {
  const owner = `${issuer} ${person}`;
  const mark = marks.get(owner) ?? new Map<string, string>();
  marks.set(owner, mark);
  const cookies = new Map(mark);
  const headers = () =>
    `Accept: text/html\r\nCookie: ${[...cookies].map(([name, value]) => `${name}=${value}`).join('; ')}\r\nOrigin: ${issuer}\r\n`;
  const kept = (answer: Answer): Answer => {
    for (const [, name = '', value = ''] of answer.head.matchAll(/\r\nset-cookie: ([^=]+)=([^;\r]*)/gi)) {
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
      if (/^device(?:\.sig)?$/.test(name) && value !== '') mark.set(name, value);
    }
    return answer;
  };
  const get = async (path: string) => kept(await connection.get(path, headers()));
  return {
    get,
    post: async (path: string, form: Form) => kept(await connection.post(path, form, headers())),
    async follow(first: Answer): Promise<Answer> {
      let answer = first;
      for (let hop = 0; hop < 8; hop += 1) {
        const url = new URL(headerOf(answer, 'location') ?? 'none:', issuer);
        if (url.origin !== issuer) return answer;
        answer = await get(url.pathname + url.search);
      }
      return answer;
    },
  };
}

const token = (): string => randomBytes(32).toString('base64url');

function expect(answer: Answer, holds: boolean): void {
  if (!holds) throw new Error(`not the answer that was expected:\n${answer.head}\n\n${answer.body.slice(0, 1000)}`);
}

function json(answer: Answer): Record<string, unknown> {
  expect(answer, answer.status === 200);
  return JSON.parse(answer.body) as Record<string, unknown>;
}

const part = (jwt: string, index: number): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split('.')[index] ?? '', 'base64url').toString()) as Record<string, unknown>;

const isJwtOf = (jwt: string, alg: string): boolean => jwt.split('.').length === 3 && part(jwt, 0)['alg'] === alg;

/** Whether one of the keys that both servers have signed it. */
function isSigned(jwt: string, { jwks }: Material): boolean {
  const [head = '', body = '', signature = ''] = jwt.split('.');
  const jwk = jwks.find((key) => (key as { kid?: string }).kid === part(jwt, 0)['kid']);
  if (jwk === undefined) return false;
  const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  return verify(
    'sha256',
    Buffer.from(`${head}.${body}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
}
