/**
 * A program at the command line that signs its person in with their browser (RFC 8252): code and PKCE, no secret, and an
 * answer that comes to a port of this machine which is open for that long. Settings come from the environment, see README.md.
 */
import { createServer } from 'node:http';
import * as oidc from 'openid-client';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const clientId = process.env.CLIENT_ID ?? 'native-cli';
const { API_URL, RESOURCE, SCOPE = 'openid profile' } = process.env;

const plainHttp = issuer.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : undefined;
const config = await oidc.discovery(issuer, clientId, undefined, oidc.None(), plainHttp);

/** Waits for the one request that brings the answer, at a port that the system chooses. */
async function listen() {
  const { promise: answer, resolve } = Promise.withResolvers();
  const server = createServer((request, response) => {
    if (!request.url.startsWith('/callback?')) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', connection: 'close' });
    response.end(
      '<!doctype html><html lang="en"><title>Done</title><p id="done">You can close this window.</p></html>',
    );
    return resolve(request.url);
  });
  // By number, never by name: `localhost` may be somebody else's to answer for (RFC 8252 §8.3).
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return { server, answer, address: `http://127.0.0.1:${server.address().port}/callback` };
}

/** One sign-in. `more` is what an API asked for that the former one did not give. */
async function signIn(more = {}) {
  const { server, answer, address } = await listen();
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const target = oidc.buildAuthorizationUrl(config, {
    redirect_uri: address,
    scope: SCOPE,
    ...(RESOURCE ? { resource: RESOURCE } : {}),
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...more,
  });
  // A real program opens the browser itself (`xdg-open`, `open`, `start`).
  console.log(`open ${target.href}`);
  const back = new URL(await answer, address);
  server.close();
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: state,
    ...(more.max_age === undefined ? {} : { maxAge: Number(more.max_age) }),
  };
  return oidc.authorizationCodeGrant(config, back, checks, RESOURCE ? { resource: RESOURCE } : {});
}

const call = (tokens) =>
  oidc
    .fetchProtectedResource(config, tokens.access_token, new URL(API_URL), 'GET')
    // The library throws what the API says in its header; what to do about it is said there.
    .catch((error) => {
      if (error instanceof oidc.WWWAuthenticateChallengeError) return error;
      throw error;
    });

/** What an API wants of a sign-in that was not enough for it (RFC 9470 §3), or undefined. */
function wanted(refusal) {
  const challenge = refusal.cause?.find?.(({ parameters }) => parameters.error === 'insufficient_user_authentication');
  if (!challenge) return undefined;
  const { acr_values: acrValues, max_age: maxAge } = challenge.parameters;
  return { ...(acrValues ? { acr_values: acrValues } : {}), ...(maxAge ? { max_age: maxAge } : {}) };
}

/** How the person was signed in. */
const acrOf = (tokens) => String(tokens.claims().acr);

let tokens = await signIn();
console.log(`signed in as ${tokens.claims().sub}, acr ${acrOf(tokens)}`);

if (API_URL) {
  let answer = await call(tokens);
  const more = wanted(answer);
  if (more) {
    console.log(`the API wants more: ${JSON.stringify(more)}`);
    tokens = await signIn(more);
    console.log(`signed in once more, acr ${acrOf(tokens)}`);
    answer = await call(tokens);
  }
  console.log(`${answer.status} ${answer.ok ? await answer.text() : ''}`);
  if (!answer.ok) process.exitCode = 1;
}
