/**
 * An API that takes a token only from whoever shows the certificate that it is bound to (RFC 8705 §3). Settings come from
 * the environment, see README.md.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER = 'http://localhost:8080', AUDIENCE, CERT, KEY, PORT = '3002' } = process.env;
if (!AUDIENCE || !CERT || !KEY) throw new Error('AUDIENCE, CERT and KEY are missing, see README.md');

const discovery = await fetch(`${ISSUER}/.well-known/oauth-authorization-server`);
const { jwks_uri: jwksUri } = await discovery.json();
const keys = createRemoteJWKSet(new URL(jwksUri));

/** The claims of the token, or undefined for one that is wrong, or that somebody else shows. */
async function claimsOf(request) {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const certificate = request.socket.getPeerX509Certificate();
  if (!token || !certificate) return undefined;
  try {
    const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' });
    const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url');
    return payload.cnf?.['x5t#S256'] === thumbprint ? payload : undefined;
  } catch {
    return undefined;
  }
}

// Who the caller is says the token: any certificate will do, as long as it is the one that the token was given for.
const tls = { cert: readFileSync(CERT), key: readFileSync(KEY), requestCert: true, rejectUnauthorized: false };
createServer(tls, async (request, response) => {
  const claims = await claimsOf(request);
  response.setHeader('content-type', 'application/json');
  if (!claims) {
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' });
    response.end('{"error":"invalid_token"}');
    return;
  }
  response.end(JSON.stringify({ client: claims.client_id, boundTo: claims.cnf['x5t#S256'] }));
}).listen(Number(PORT), '127.0.0.1', () => console.log(`https://localhost:${PORT}`));
