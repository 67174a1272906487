/**
 * A web app by the FAPI 2.0 Security Profile and Message Signing: it proves who it is by a key (private_key_jwt), pushes a
 * signed request (JAR in PAR), takes a signed answer (JARM), and binds its tokens to a key of each browser's own (DPoP).
 * Nothing but openid-client, jose and Node's own HTTP server. Settings come from the environment, see README.md.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { importJWK } from 'jose';
import * as oidc from 'openid-client';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const port = Number(process.env.PORT ?? 3000);
const { CLIENT_ID, REDIRECT_URI } = process.env;
if (!CLIENT_ID || !REDIRECT_URI) throw new Error('CLIENT_ID and REDIRECT_URI are missing, see README.md');

const jwk = JSON.parse(readFileSync(process.env.KEY_FILE ?? 'client-key.json', 'utf8'));
const key = { key: await importJWK(jwk), kid: jwk.kid };
const plainHttp = issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : [];
const metadata = { id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256' };
const config = await oidc.discovery(issuer, CLIENT_ID, metadata, oidc.PrivateKeyJwt(key), {
  execute: [...plainHttp, oidc.useJwtResponseMode],
});

/** What the app remembers of each browser, by the value of its cookie. A real app keeps this in a database. */
const sessions = new Map();
const sessionOf = (request) => sessions.get(/(?:^|; )fapi=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]) ?? {};

/** Pushes a signed request and sends the browser after it with nothing but its name. */
async function signIn(_request, response) {
  const dpop = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
  const pending = {
    verifier: oidc.randomPKCECodeVerifier(),
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    dpop,
  };
  const id = randomUUID();
  sessions.set(id, { pending });
  const signed = await oidc.buildAuthorizationUrlWithJAR(
    config,
    {
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
      state: pending.state,
      nonce: pending.nonce,
    },
    key,
  );
  const address = await oidc.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP: dpop });
  const cookie = `fapi=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`;
  response.writeHead(303, { location: address.href, 'set-cookie': cookie }).end();
}

/** The browser is back: checks the signed answer, exchanges the code, and asks who it is. */
async function callback(request, response) {
  const session = sessionOf(request);
  const { pending } = session;
  delete session.pending;
  if (!pending) return say(response, 400, { error: 'nobody is signing in here' });
  const DPoP = pending.dpop;
  const address = new URL(REDIRECT_URI);
  address.search = new URL(request.url, REDIRECT_URI).search;
  const checks = { pkceCodeVerifier: pending.verifier, expectedState: pending.state, expectedNonce: pending.nonce };
  const tokens = await oidc.authorizationCodeGrant(config, address, checks, undefined, { DPoP });
  const claims = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
  return say(response, 200, { token_type: tokens.token_type, claims });
}

function say(response, status, answer) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

const routes = { '/sign-in': signIn, [new URL(REDIRECT_URI).pathname]: callback };

createServer(async (request, response) => {
  const route = routes[new URL(request.url, REDIRECT_URI).pathname];
  try {
    if (route) await route(request, response);
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<a href="/sign-in">Sign in</a>');
  } catch (error) {
    console.error(error);
    say(response, 502, { error: 'the sign-in failed' });
  }
}).listen(port, '127.0.0.1', () => console.log(`http://localhost:${port}`));
