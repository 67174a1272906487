/**
 * A service that proves who it is by a certificate (mutual TLS, RFC 8705), and whose token nobody can use without it.
 * Settings come from the environment, see README.md.
 */
import { readFileSync } from 'node:fs';
import * as oidc from 'openid-client';
import { Agent, fetch } from 'undici';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const { CLIENT_ID, CERT, KEY, CA, RESOURCE, SCOPE, API_URL } = process.env;
if (!CLIENT_ID || !CERT || !KEY) throw new Error('CLIENT_ID, CERT and KEY are missing, see README.md');

// Everything that this service sends goes by this agent, which shows the certificate to whoever asks for one.
const connect = { cert: readFileSync(CERT), key: readFileSync(KEY), ...(CA ? { ca: readFileSync(CA) } : {}) };
const dispatcher = new Agent({ connect });

const plainHttp = issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : [];
const config = await oidc.discovery(
  issuer,
  CLIENT_ID,
  // Certificates are asked for at the addresses of `mtls_endpoint_aliases`, if the server names any.
  { use_mtls_endpoint_aliases: true },
  oidc.TlsClientAuth(),
  { execute: plainHttp, [oidc.customFetch]: (url, options) => fetch(url, { ...options, dispatcher }) },
);

const tokens = await oidc.clientCredentialsGrant(config, {
  ...(RESOURCE ? { resource: RESOURCE } : {}),
  ...(SCOPE ? { scope: SCOPE } : {}),
});
console.log(`token for ${RESOURCE ?? 'the default resource'}, scope "${tokens.scope ?? ''}", ${tokens.expires_in} s`);

if (API_URL) {
  const answer = await fetch(API_URL, { dispatcher, headers: { authorization: `Bearer ${tokens.access_token}` } });
  console.log(`${answer.status} ${await answer.text()}`);
  if (!answer.ok) process.exitCode = 1;
}
await dispatcher.close();
