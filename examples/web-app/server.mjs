/**
 * A web app that signs people in with OpenID Connect: authorization code with PKCE, nothing but openid-client and
 * Node's own HTTP server. Settings come from the environment, see README.md.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import * as oidc from 'openid-client';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const port = Number(process.env.PORT ?? 3000);
const baseUrl = process.env.BASE_URL ?? `http://localhost:${port}`;
const { CLIENT_ID, CLIENT_SECRET } = process.env;
if (!CLIENT_ID || !CLIENT_SECRET) throw new Error('CLIENT_ID and CLIENT_SECRET are missing, see README.md');

const plainHttp = issuer.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : undefined;
const config = await oidc.discovery(issuer, CLIENT_ID, CLIENT_SECRET, undefined, plainHttp);

/** What the app remembers of each browser, by the value of its cookie. A real app keeps this in a database. */
const sessions = new Map();

/** Sends the browser away to sign in, and remembers what the answer has to match. */
async function signIn(request, response) {
  const pending = {
    verifier: oidc.randomPKCECodeVerifier(),
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
  };
  startSession(request, response, { pending });
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${baseUrl}/callback`,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    state: pending.state,
    nonce: pending.nonce,
  });
  redirect(response, address.href);
}

/** The browser is back: exchanges the code, and starts a session under a fresh id. */
async function callback(request, response) {
  const { pending } = sessionOf(request);
  if (!pending) return page(response, 400, 'Nobody is signing in here', '<p><a href="/">Start again</a></p>');
  const tokens = await oidc.authorizationCodeGrant(config, new URL(request.url, baseUrl), {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
  });
  const { sub } = tokens.claims();
  const claims = await oidc.fetchUserInfo(config, tokens.access_token, sub);
  startSession(request, response, { claims, idToken: tokens.id_token });
  return redirect(response, '/');
}

/** Ends the app's own session, then asks the provider to end its session in this browser as well. */
function signOut(request, response) {
  const { idToken } = sessionOf(request);
  endSession(request, response);
  const address = oidc.buildEndSessionUrl(config, {
    post_logout_redirect_uri: `${baseUrl}/`,
    ...(idToken ? { id_token_hint: idToken } : {}),
  });
  redirect(response, address.href);
}

function home(request, response) {
  const { claims } = sessionOf(request);
  if (!claims) return page(response, 200, 'Signed out', '<p><a id="sign-in" href="/sign-in">Sign in</a></p>');
  const rows = Object.entries(claims).map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`);
  const body = `<dl id="claims">${rows.join('')}</dl>
    <form method="post" action="/sign-out"><button id="sign-out" type="submit">Sign out</button></form>`;
  return page(response, 200, `Signed in as ${text(claims.name ?? claims.email ?? claims.sub)}`, body);
}

const routes = {
  'GET /': home,
  'GET /sign-in': signIn,
  'GET /callback': callback,
  'POST /sign-out': signOut,
};

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, baseUrl);
  const route = routes[`${request.method} ${pathname}`];
  try {
    if (!route) return page(response, 404, 'There is no page here', '');
    return await route(request, response);
  } catch (error) {
    // The person went back instead of signing in, or the answer was not the one that was waited for.
    console.error(error.message);
    return page(response, 400, 'Not signed in', `<p>${text(error.error ?? 'failed')}. <a href="/">Start again</a></p>`);
  }
});
server.listen(port, '127.0.0.1', () => console.log(`web app: ${baseUrl}/`));
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeAllConnections());

function sessionOf(request) {
  return sessions.get(cookieOf(request)) ?? {};
}

/** A fresh id each time, so that a cookie planted before is worth nothing. */
function startSession(request, response, session) {
  sessions.delete(cookieOf(request));
  const id = randomUUID();
  sessions.set(id, session);
  response.setHeader(
    'set-cookie',
    `app=${id}; HttpOnly; SameSite=Lax; Path=/${baseUrl.startsWith('https') ? '; Secure' : ''}`,
  );
}

function endSession(request, response) {
  sessions.delete(cookieOf(request));
  response.setHeader('set-cookie', 'app=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0');
}

function cookieOf(request) {
  return /(?:^|; )app=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
}

function redirect(response, location) {
  response.writeHead(303, { location }).end();
}

function page(response, status, title, body) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`,
  );
}

/** Plain text made safe for HTML. */
function text(value) {
  const plain = typeof value === 'string' ? value : JSON.stringify(value);
  return plain.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
