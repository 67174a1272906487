/**
 * What Postern is measured against: bare oidc-provider with an in-memory adapter. Nothing is stored, audited, limited or
 * logged, and there are no pages to speak of. It has the same clients, keys, people, routes, lifetimes and features, and
 * its sign-in checks the same password hash with the same argon2 build behind the same queue.
 *
 * `node baseline.mjs MATERIAL.json PORT`
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { verify } from 'argon2';
import { Provider } from 'oidc-provider';

const [, , materialPath = '', port = ''] = process.argv;
const material = JSON.parse(readFileSync(materialPath, 'utf8'));
const issuer = `http://localhost:${port}`;

const build = pathToFileURL(join(process.env.POSTERN_BENCH_DIST ?? join(import.meta.dirname, '../../dist'), '/')).href;
const { createPasswordQueue, hashConcurrency } = await import(
  new URL('foundation/crypto/password-queue.js', build).href
);
const hashes = createPasswordQueue({ concurrency: hashConcurrency(cpus().length, 4), limit: 256 });

/** Records of one kind that are kept. A store that grew without end would charge the baseline for its heap. */
const keptRecords = 5000;
const records = new Map();
const sessionsByUid = new Map();
const grants = new Map();

/** The library's own in-memory adapter, with an end to it. */
class BoundedMemory {
  #kind;
  #ring = [];
  #at = 0;

  constructor(kind) {
    this.#kind = kind;
  }

  async find(id) {
    return records.get(`${this.#kind}:${id}`);
  }

  async findByUid(uid) {
    return records.get(sessionsByUid.get(uid));
  }

  async findByUserCode() {
    return undefined;
  }

  async upsert(id, payload) {
    const key = `${this.#kind}:${id}`;
    if (!records.has(key)) this.#makeRoom(key);
    records.set(key, payload);
    if (this.#kind === 'Session') sessionsByUid.set(payload.uid, key);
    if (this.#kind !== 'Interaction' && payload.grantId !== undefined) this.#join(payload.grantId, key);
  }

  async consume(id) {
    records.get(`${this.#kind}:${id}`).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    records.delete(`${this.#kind}:${id}`);
  }

  async revokeByGrantId(grantId) {
    for (const key of grants.get(grantId) ?? []) records.delete(key);
    grants.delete(grantId);
  }

  #makeRoom(key) {
    const oldest = this.#ring[this.#at];
    const record = records.get(oldest);
    if (this.#kind === 'Session') sessionsByUid.delete(record?.uid);
    if (this.#kind === 'Grant') grants.delete(record?.jti);
    records.delete(oldest);
    this.#ring[this.#at] = key;
    this.#at = (this.#at + 1) % keptRecords;
  }

  #join(grantId, key) {
    const family = grants.get(grantId) ?? [];
    family.push(key);
    if (family.length > 200) family.splice(0, 100);
    grants.set(grantId, family);
  }
}

const usersById = new Map(material.users.map((user) => [user.claims.sub, user]));
const usersByEmail = new Map(material.users.map((user) => [user.email, user]));
const resources = new Map(material.resources.map((resource) => [resource.identifier, resource]));

const provider = new Provider(issuer, {
  adapter: BoundedMemory,
  clients: material.clients.map(({ resources: _resources, ...client }) => ({
    ...client,
    response_types: client.redirect_uris.length > 0 ? ['code'] : [],
    token_endpoint_auth_method: 'client_secret_post',
  })),
  jwks: { keys: material.jwks },
  cookies: { keys: ['a key of the bench that signs cookies'], long: { signed: true }, short: { signed: true } },
  routes: {
    authorization: '/authorize',
    token: '/token',
    userinfo: '/userinfo',
    jwks: '/jwks',
    introspection: '/introspect',
    revocation: '/revoke',
    end_session: '/logout',
    code_verification: '/device',
    device_authorization: '/device/authorize',
    pushed_authorization_request: '/par',
  },
  ttl: {
    AccessToken: 600,
    ClientCredentials: 600,
    AuthorizationCode: 60,
    IdToken: 3600,
    Interaction: 3600,
    Grant: 90 * 86_400,
    RefreshToken: 14 * 86_400,
    Session: 12 * 3600,
  },
  scopes: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access', 'api'],
  claims: {
    openid: ['sub'],
    profile: ['name', 'updated_at'],
    email: ['email', 'email_verified'],
    address: ['address'],
    phone: ['phone_number'],
  },
  async findAccount(_ctx, id) {
    const user = usersById.get(id);
    return user && { accountId: id, claims: async () => user.claims };
  },
  responseTypes: ['code', 'none'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256'], userinfoSigningAlgValues: ['ES256', 'RS256'] },
  pkce: { required: () => true },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: async (_ctx, code) => !code.scopes.has('offline_access'),
  loadExistingGrant,
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    clientCredentials: { enabled: true },
    claimsParameter: { enabled: true },
    userinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
    introspection: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => oneOf,
      useGrantedResource: () => false,
      getResourceServerInfo(_ctx, identifier) {
        const { alg, scope } = resources.get(identifier);
        return { audience: identifier, scope, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg } } };
      },
    },
  },
});

/** The app is the operator's own: nobody is asked for consent. */
async function loadExistingGrant(ctx) {
  const { client, session } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  const existing = known && (await ctx.oidc.provider.Grant.find(known));
  if (existing?.accountId === session.accountId) return existing;
  if (session.accountId === undefined) return undefined;
  const grant = new ctx.oidc.provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  grant.addOIDCScope([...ctx.oidc.requestParamScopes].join(' '));
  await grant.save();
  return grant;
}

/** The sign-in page, and its answer. */
provider.use(async (ctx, next) => {
  const [, root, uid, step] = ctx.path.split('/');
  if (root !== 'interaction') return next();
  await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = `<!doctype html><title>Sign in</title><form method="post" action="/interaction/${uid}/sign-in">
      <input name="login"><input name="password" type="password"><button id="login-submit">Sign in</button></form>`;
    return undefined;
  }
  if (step !== 'sign-in') return next();
  const form = new URLSearchParams(await bodyOf(ctx.req));
  const user = usersByEmail.get(form.get('login'));
  const isRight = await hashes.run(() => verify(material.passwordHash, form.get('password')));
  if (user === undefined || !isRight) ctx.throw(401);
  const login = { accountId: user.claims.sub, amr: ['pwd'] };
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login }));
  ctx.status = 303;
  return undefined;
});

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

provider.on('server_error', (_ctx, error) => console.error(error));
const server = provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
