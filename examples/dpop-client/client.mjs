/**
 * A service whose token is bound to its key (DPoP, RFC 9449): whoever finds the token can do nothing with it. Settings come
 * from the environment, see README.md.
 */
import * as oidc from 'openid-client';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const { CLIENT_ID, CLIENT_SECRET, RESOURCE, SCOPE, API_URL } = process.env;
if (!CLIENT_ID || !CLIENT_SECRET) throw new Error('CLIENT_ID and CLIENT_SECRET are missing, see README.md');

const plainHttp = issuer.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : undefined;
const config = await oidc.discovery(issuer, CLIENT_ID, CLIENT_SECRET, undefined, plainHttp);

// The private half cannot be read, not even by this program. One that is to keep its tokens over a restart keeps the key.
const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));

const parameters = { ...(RESOURCE ? { resource: RESOURCE } : {}), ...(SCOPE ? { scope: SCOPE } : {}) };
const tokens = await oidc.clientCredentialsGrant(config, parameters, { DPoP });
console.log(`token of type ${tokens.token_type}, ${tokens.expires_in} s`);

if (API_URL) {
  const url = new URL(API_URL);
  const answer = await oidc.fetchProtectedResource(config, tokens.access_token, url, 'GET', undefined, undefined, {
    DPoP,
  });
  console.log(`${answer.status} ${await answer.text()}`);

  const stolen = await fetch(url, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  console.log(`without the key: ${stolen.status}`);
  if (!answer.ok || stolen.ok) process.exitCode = 1;
}
