/**
 * An API that takes access tokens: JWTs are verified here against the provider's published keys, opaque ones by asking
 * the provider (introspection). Settings come from the environment, see README.md.
 */
import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { isProven } from './dpop.mjs';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const port = Number(process.env.PORT ?? 3001);
const audience = process.env.AUDIENCE ?? 'https://orders.example';
const requiredScope = process.env.REQUIRED_SCOPE ?? 'orders:read';
const baseUrl = process.env.BASE_URL ?? `http://localhost:${port}`;
// What the person's sign-in has to be: how it was done, and how long ago at most, in seconds.
const { CLIENT_ID, CLIENT_SECRET, REQUIRED_ACR, MAX_AGE } = process.env;
if (!CLIENT_ID || !CLIENT_SECRET) throw new Error('CLIENT_ID and CLIENT_SECRET are missing, see README.md');

const plainHttp = issuer.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : undefined;
const config = await oidc.discovery(issuer, CLIENT_ID, CLIENT_SECRET, undefined, plainHttp);
const metadata = config.serverMetadata();
// Fetched when the first token comes, kept, and fetched again when a token names a key that is not in it.
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));

const looksLikeJwt = (token) => token.split('.').length === 3;

/** The claims of a valid token for this API, or undefined. */
async function check(token) {
  return looksLikeJwt(token) ? verify(token) : introspect(token);
}

/**
 * Quick and without a call to the provider, and therefore blind to revocation: such a token is good until it expires.
 * `typ` keeps ID tokens out (RFC 9068 §4).
 */
async function verify(token) {
  try {
    const expected = { issuer: metadata.issuer, audience, typ: 'at+jwt', algorithms: ['ES256', 'RS256'] };
    return (await jwtVerify(token, keys, expected)).payload;
  } catch (error) {
    if (error.code?.startsWith('ERR_J')) return undefined;
    throw error;
  }
}

/** Asks the provider, which knows what was revoked. */
async function introspect(token) {
  const answer = await oidc.tokenIntrospection(config, token);
  return answer.active && answer.aud === audience ? answer : undefined;
}

/** A token that is bound to a key counts only with a proof of it, and no other counts with one (RFC 9449 §7). */
async function isHeld(request, { scheme, token, claims }) {
  const thumbprint = claims.cnf?.jkt;
  if (thumbprint === undefined) return scheme === 'bearer';
  if (scheme !== 'dpop') return false;
  const { method, headers } = request;
  return isProven({ proof: headers.dpop, token, method, url: new URL(request.url, baseUrl).href, thumbprint });
}

/** What the sign-in behind the token lacks, as the client asks for it (RFC 9470 §3, §4), or undefined. */
function lacking({ acr, auth_time: authTime }) {
  const isOld = MAX_AGE !== undefined && !(Date.now() / 1000 - authTime <= Number(MAX_AGE));
  const more = {
    ...(REQUIRED_ACR !== undefined && acr !== REQUIRED_ACR ? { acr_values: REQUIRED_ACR } : {}),
    ...(isOld ? { max_age: MAX_AGE } : {}),
  };
  return Object.keys(more).length > 0 ? more : undefined;
}

const words = (scope) => String(scope ?? '').split(' ');

const server = createServer(async (request, response) => {
  try {
    const [given, token] = (request.headers.authorization ?? '').split(' ');
    const scheme = given.toLowerCase();
    if (!['bearer', 'dpop'].includes(scheme) || !token) return refuse(response, 401);
    const claims = await check(token);
    if (!claims || !(await isHeld(request, { scheme, token, claims }))) return refuse(response, 401, 'invalid_token');
    if (!words(claims.scope).includes(requiredScope)) {
      return refuse(response, 403, 'insufficient_scope', { scope: requiredScope });
    }
    const more = lacking(claims);
    if (more) return refuse(response, 401, 'insufficient_user_authentication', more);
    return answer(response, 200, {
      orders: [{ id: 1, title: 'Lighthouse lamp oil' }],
      for: claims.sub,
      client: claims.client_id,
    });
  } catch (error) {
    // The provider cannot be reached: say so, and let nobody in.
    console.error(error.message);
    return answer(response, 503, { error: 'unavailable' });
  }
});
server.listen(port, '127.0.0.1', () => console.log(`api: http://localhost:${port}/`));
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeAllConnections());

/** RFC 6750 §3, RFC 9470 §3: the header says what is missing. */
function refuse(response, status, error, more = {}) {
  const said = Object.entries({ ...(error ? { error } : {}), ...more }).map(([name, value]) => `${name}="${value}"`);
  response.setHeader('www-authenticate', ['Bearer', said.join(', ')].join(' ').trim());
  answer(response, status, { error: error ?? 'unauthorized' });
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
