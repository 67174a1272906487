/**
 * A service that fetches a token for itself (client credentials) and calls an API with it. Settings come from the
 * environment, see README.md.
 */
import * as oidc from 'openid-client';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const { CLIENT_ID, CLIENT_SECRET, RESOURCE, SCOPE, API_URL } = process.env;
if (!CLIENT_ID || !CLIENT_SECRET) throw new Error('CLIENT_ID and CLIENT_SECRET are missing, see README.md');

const plainHttp = issuer.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : undefined;
const config = await oidc.discovery(issuer, CLIENT_ID, CLIENT_SECRET, undefined, plainHttp);

// One token serves until shortly before it expires: fetching one for every call would be the slowest part of each.
const tokens = await oidc.clientCredentialsGrant(config, {
  ...(RESOURCE ? { resource: RESOURCE } : {}),
  ...(SCOPE ? { scope: SCOPE } : {}),
});
console.log(`token for ${RESOURCE ?? 'the default resource'}, scope "${tokens.scope ?? ''}", ${tokens.expires_in} s`);

if (API_URL) {
  const answer = await fetch(API_URL, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  console.log(`${answer.status} ${await answer.text()}`);
  if (!answer.ok) process.exitCode = 1;
}
