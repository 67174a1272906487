import * as client from 'openid-client';
import type { Upstream } from './upstream.ts';

/** Where the stand-ins send people back in their own tests; nothing listens there. */
export const callback = 'https://app.example/callback';

const insecure = { execute: [client.allowInsecureRequests] };

/** What openid-client learns of a stand-in by discovery. */
export const discover = (
  upstream: Upstream,
  authentication: client.ClientAuth = client.ClientSecretPost(upstream.clientSecret),
): Promise<client.Configuration> =>
  client.discovery(new URL(upstream.issuer), upstream.clientId, {}, authentication, insecure);

/** A configuration by hand, for providers without discovery. */
export function configure(
  upstream: Upstream,
  metadata: Partial<client.ServerMetadata> = {},
  authentication: client.ClientAuth = client.ClientSecretBasic(upstream.clientSecret),
): client.Configuration {
  const { authorization, token, userinfo } = upstream.endpoints;
  const server = {
    issuer: upstream.issuer,
    ...(authorization === undefined ? {} : { authorization_endpoint: authorization }),
    ...(token === undefined ? {} : { token_endpoint: token }),
    ...(userinfo === undefined ? {} : { userinfo_endpoint: userinfo }),
    ...metadata,
  };
  const config = new client.Configuration(server, upstream.clientId, {}, authentication);
  client.allowInsecureRequests(config);
  return config;
}

export interface Visit {
  /** What the browser brings back: in the query, or in the form that the provider's page posts. */
  readonly answer: URLSearchParams;
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
}

/** Sends somebody to the stand-in and takes what they bring back. */
export async function visit(config: client.Configuration, parameters: Record<string, string>): Promise<Visit> {
  const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
  const request = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...parameters,
  });
  const response = await fetch(request, { redirect: 'manual' });
  const location = response.headers.get('location');
  const answer = location === null ? postedForm(await response.text()) : new URL(location).searchParams;
  return { answer, verifier, state, nonce };
}

function postedForm(page: string): URLSearchParams {
  const fields = page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
  const read = [...fields].map(([, name = '', value = '']): [string, string] => [
    name,
    value.replaceAll('&quot;', '"'),
  ]);
  return new URLSearchParams(read);
}

/** Exchanges what was brought back, with every check that openid-client makes. */
export function exchange(config: client.Configuration, { answer, verifier, state, nonce }: Visit, isOpenId = true) {
  const query = new URL(`${callback}?${new URLSearchParams([...answer].filter(([name]) => name !== 'user'))}`);
  const checks = { pkceCodeVerifier: verifier, expectedState: state };
  return client.authorizationCodeGrant(
    config,
    query,
    isOpenId ? { ...checks, expectedNonce: nonce, idTokenExpected: true } : checks,
  );
}

export async function signIn(config: client.Configuration, scope: string, more: Record<string, string> = {}) {
  const isOpenId = scope.split(' ').includes('openid');
  return exchange(config, await visit(config, { scope, ...more }), isOpenId);
}
