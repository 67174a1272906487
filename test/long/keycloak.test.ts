import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.ts';
import { type Keycloak, signInAtKeycloak, startKeycloak } from '../kit/services/keycloak.ts';

const callback = 'https://app.example/callback';
const bye = 'https://app.example/bye';
const isBack = (url: string): boolean => url.startsWith('https://app.example/');
const ada = {
  username: 'ada',
  password: 'lamp oil for the lighthouse',
  email: 'ada@example.org',
  firstName: 'Ada',
  lastName: 'Lovelace',
};

let keycloak: Keycloak;
beforeAll(async () => {
  keycloak = await startKeycloak({ redirectUris: [callback], postLogoutRedirectUris: [bye], people: [ada] });
}, 660_000);
afterAll(() => keycloak?.stop());

const discover = () =>
  client.discovery(new URL(keycloak.issuer), keycloak.clientId, {}, client.ClientSecretBasic(keycloak.clientSecret), {
    execute: [client.allowInsecureRequests],
  });

async function signIn(browser: Browser) {
  const config = await discover();
  const verifier = client.randomPKCECodeVerifier();
  const request = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const first = await browser.open(request.href, isBack);
  const back = isBack(first.url) ? first : await signInAtKeycloak(browser, first, ada, isBack);
  return client.authorizationCodeGrant(config, new URL(back.url), { pkceCodeVerifier: verifier });
}

const kidOf = (token = ''): unknown =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: unknown }).kid;

describe('Keycloak as it comes', () => {
  it('signs in, refreshes, and signs with another key when told so', async () => {
    const config = await discover();
    const tokens = await signIn(new Browser());
    expect(tokens.claims()).toMatchObject({ email: 'ada@example.org', email_verified: true });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    await keycloak.rotateKey();
    const after = await signIn(new Browser());
    expect(kidOf(after.id_token)).not.toBe(kidOf(refreshed.id_token));
  });

  it('ends a session for the client that asks, and for an administrator', async () => {
    const config = await discover();
    const browser = new Browser();
    const { id_token: hint = '', refresh_token: first = '' } = await signIn(browser);
    const url = client.buildEndSessionUrl(config, { id_token_hint: hint, post_logout_redirect_uri: bye });
    expect((await browser.open(url.href, isBack)).url).toBe(bye);
    await expect(client.refreshTokenGrant(config, first)).rejects.toMatchObject({ error: 'invalid_grant' });
    const { refresh_token: second = '' } = await signIn(browser);
    await keycloak.signOut('ada');
    await expect(client.refreshTokenGrant(config, second)).rejects.toMatchObject({ error: 'invalid_grant' });
  });
});
