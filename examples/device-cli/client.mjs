/**
 * A program on a machine without a browser (RFC 8628): it shows a code, the person allows it on their phone. Settings come
 * from the environment, see README.md.
 */
import * as oidc from 'openid-client';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const clientId = process.env.CLIENT_ID ?? 'device-cli';

const plainHttp = issuer.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : undefined;
const config = await oidc.discovery(issuer, clientId, undefined, oidc.None(), plainHttp);

const started = await oidc.initiateDeviceAuthorization(config, { scope: process.env.SCOPE ?? 'openid profile' });
console.log(`open ${started.verification_uri} and type ${started.user_code}`);
console.log(`or open ${started.verification_uri_complete}`);

try {
  // Asks every few seconds, and less often when it is told so, until the person has decided.
  const tokens = await oidc.pollDeviceAuthorizationGrant(config, started);
  const claims = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  console.log(`connected to ${claims.name ?? claims.sub}`);
} catch (error) {
  // `access_denied`, `expired_token`
  console.log(`not connected: ${error.error ?? error.message}`);
  process.exitCode = 1;
}
