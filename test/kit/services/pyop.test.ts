import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../browser.ts';
import { type Pyop, startPyop } from './pyop.ts';

const callback = 'https://app.example/callback';
const bye = 'https://app.example/bye';
const isBack = (url: string): boolean => url.startsWith('https://app.example/');

let pyop: Pyop;
let config: client.Configuration;

const discover = () =>
  client.discovery(new URL(pyop.issuer), pyop.clientId, {}, client.ClientSecretBasic(pyop.clientSecret), {
    execute: [client.allowInsecureRequests],
  });

beforeAll(async () => {
  pyop = await startPyop({
    redirectUris: [callback],
    postLogoutRedirectUris: [bye],
    people: { ada: { name: 'Ada Lovelace', email: 'ada@example.org', email_verified: true } },
  });
  config = await discover();
});
afterAll(() => pyop?.stop());

async function signIn(browser: Browser, as = config) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const request = client.buildAuthorizationUrl(as, {
    redirect_uri: callback,
    scope: 'openid email profile offline_access',
    state,
    nonce,
    prompt: 'consent',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  let page = await browser.open(request.href, isBack);
  if (!isBack(page.url)) page = await browser.submit(page, 'person-ada', {}, isBack);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  return client.authorizationCodeGrant(as, new URL(page.url), checks);
}

describe('pyop, an OpenID provider in Python', () => {
  it('signs in, tells UserInfo, and refreshes until it has forgotten', async () => {
    const tokens = await signIn(new Browser());
    const sub = tokens.claims()?.sub ?? '';
    expect(await client.fetchUserInfo(config, tokens.access_token, sub)).toMatchObject({ email: 'ada@example.org' });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(refreshed.access_token).not.toBe(tokens.access_token);
    await pyop.forgetRefreshTokens();
    const again = client.refreshTokenGrant(config, refreshed.refresh_token ?? tokens.refresh_token ?? '');
    await expect(again).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('stays signed in there until it is asked to end that', async () => {
    const browser = new Browser();
    const { id_token: hint = '' } = await signIn(browser);
    await signIn(browser);
    const url = client.buildEndSessionUrl(config, { id_token_hint: hint, post_logout_redirect_uri: bye, state: 's' });
    expect((await browser.open(url.href, isBack)).url).toBe(`${bye}?state=s`);
    expect(
      (await browser.open(client.buildAuthorizationUrl(config, { redirect_uri: callback, scope: 'openid' }).href)).text,
    ).toContain('person-ada');
  });

  it('signs with another key when told so', async () => {
    await pyop.rotateKey();
    expect((await signIn(new Browser(), await discover())).claims()?.iss).toBe(pyop.issuer);
    await pyop.rotateKey({ dropFormer: true });
    const { keys } = (await (await fetch(`${pyop.issuer}/jwks`)).json()) as { keys: unknown[] };
    expect(keys).toHaveLength(1);
  });
});
