/**
 * An API that takes access tokens: JWTs are verified here against the provider's published keys, opaque ones by asking
 * the provider (introspection). Settings come from the environment, see README.md.
 */
import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const port = Number(process.env.PORT ?? 3001);
const audience = process.env.AUDIENCE ?? 'https://orders.example';
const requiredScope = process.env.REQUIRED_SCOPE ?? 'orders:read';
const { CLIENT_ID, CLIENT_SECRET } = process.env;
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

const server = createServer(async (request, response) => {
  try {
    const [scheme, token] = (request.headers.authorization ?? '').split(' ');
    if (scheme.toLowerCase() !== 'bearer' || !token) return refuse(response, 401);
    const claims = await check(token);
    if (!claims) return refuse(response, 401, 'invalid_token');
    if (
      !String(claims.scope ?? '')
        .split(' ')
        .includes(requiredScope)
    )
      return refuse(response, 403, 'insufficient_scope');
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

/** RFC 6750 §3: the header says what is missing. */
function refuse(response, status, error) {
  const parts = [error && `error="${error}"`, status === 403 && `scope="${requiredScope}"`].filter(Boolean);
  response.setHeader('www-authenticate', parts.length > 0 ? `Bearer ${parts.join(', ')}` : 'Bearer');
  answer(response, status, { error: error ?? 'unauthorized' });
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
