/**
 * An app that is nothing but a page: it signs people in with oidc-client-ts (code and PKCE), and binds its tokens to a key
 * that never leaves the browser (DPoP).
 */
const { IndexedDbDPoPStore, InMemoryWebStorage, UserManager, WebStorageStateStore } = window.oidc;

const { issuer, clientId } = await (await fetch('config.json')).json();
const here = `${window.location.origin}/`;

const manager = new UserManager({
  authority: issuer,
  client_id: clientId,
  redirect_uri: here,
  post_logout_redirect_uri: here,
  scope: 'openid profile email',
  // What a script that got in could read later: tokens are in memory, and the key's private half is not readable at all.
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
  dpop: { bind_authorization_code: true, store: new IndexedDbDPoPStore() },
});

const element = (id) => document.querySelector(`#${id}`);

/** What the provider tells about the person, asked as any API is: the token, and a proof of its key for this request. */
async function claimsOf(user) {
  const url = await manager.metadataService.getUserInfoEndpoint();
  const headers = { authorization: `DPoP ${user.access_token}`, DPoP: await manager.dpopProof(url, user) };
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw new Error(`userinfo: ${answer.status}`);
  const claims = await answer.json();
  // A token of somebody else must not pass for this person's (OpenID Connect Core §5.3.2).
  if (claims.sub !== user.profile.sub) throw new Error('userinfo is about somebody else');
  return claims;
}

async function show(user) {
  const claims = user && (await claimsOf(user));
  element('title').textContent = user ? `Signed in as ${claims.name ?? claims.sub}` : 'Signed out';
  element('claims').textContent = user ? JSON.stringify({ token_type: user.token_type, ...claims }, null, 2) : '';
  element('sign-in').hidden = user !== null;
  element('renew').hidden = user === null;
  element('sign-out').hidden = user === null;
}

element('sign-in').addEventListener('click', () => manager.signinRedirect());
element('sign-out').addEventListener('click', () => manager.signoutRedirect());
element('renew').addEventListener('click', async () => {
  // By the refresh token, which is another one afterwards.
  await show(await manager.signinSilent());
});

/** The browser is back with an answer: it is used once, and leaves the address bar. */
async function callback() {
  let problem;
  const user = await manager.signinCallback().catch((error) => {
    problem = error;
    return null;
  });
  window.history.replaceState(null, '', here);
  await show(user);
  if (problem) element('title').textContent = `Not signed in: ${problem.error ?? 'failed'}`;
}

const answer = new URLSearchParams(window.location.search);
if (answer.has('code') || answer.has('error')) await callback();
else await show(null);
