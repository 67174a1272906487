import * as oidc from 'openid-client';
import { type Random, secretToken } from '../../foundation/random.ts';
import { type Refusal, refusalOf } from './ask-provider.ts';
import type { Connect } from './connect.ts';
import { callbackUrl, endpointsOf, issuerOf, type Provider } from './provider.ts';

/** What was found out about a provider, for the operator: `fails` keeps everybody out. */
export interface ProviderFinding {
  readonly level: 'fine' | 'odd' | 'fails';
  readonly text: string;
}

/** Everything that a check asks, in milliseconds: an operator has more patience than somebody who signs in. */
const checkLimitMs = 20_000;

const fine = (text: string): ProviderFinding => ({ level: 'fine', text });
const odd = (text: string): ProviderFinding => ({ level: 'odd', text });
const fails = (text: string): ProviderFinding => ({ level: 'fails', text });

/** Asks a provider everything that a sign-in would need, short of a person, and explains what is wrong. */
export function createCheckProvider(parts: {
  readonly issuer: string;
  readonly random: Random;
  readonly connect: Connect;
}) {
  return async (provider: Provider): Promise<ProviderFinding[]> => {
    try {
      const { config } = await parts.connect.open(provider, checkLimitMs);
      const isOidc = provider.preset.protocol === 'oidc';
      const described = isOidc
        ? describeMetadata(config, provider)
        : [fine(`endpoints: ${Object.values(endpointsOf(provider)).join(', ')}`)];
      const redirectUri = callbackUrl(parts.issuer, provider.name);
      return [...described, await tryClient(config, redirectUri, secretToken(parts.random))];
    } catch (error) {
      return [fails(explainDiscovery(provider, refusalOf(error), error))];
    }
  };
}

function describeMetadata(config: oidc.Configuration, { definition }: Provider): ProviderFinding[] {
  const metadata = config.serverMetadata();
  const { response_types_supported: types, response_modes_supported: modes, scopes_supported: scopes } = metadata;
  const lacking = (definition.scopes ?? []).filter((scope) => scopes !== undefined && !scopes.includes(scope));
  const found = [fine(`metadata was read; its issuer is ${metadata.issuer}`)];
  if (metadata.jwks_uri === undefined)
    found.push(fails('It publishes no keys (jwks_uri), so no ID token can be checked.'));
  if (Array.isArray(types) && !types.includes('code'))
    found.push(fails('It does not offer the code flow (response_types_supported).'));
  if (!metadata.supportsPKCE())
    found.push(odd('It does not say that it knows PKCE with S256. It is sent all the same.'));
  if (metadata.authorization_response_iss_parameter_supported !== true) {
    found.push(odd('It does not name itself beside the code (RFC 9207). Its own callback keeps answers apart.'));
  }
  if (definition.type === 'apple' && Array.isArray(modes) && !modes.includes('form_post')) {
    found.push(odd('It does not say that it answers by form_post.'));
  }
  if (lacking.length > 0) found.push(odd(`It does not list these scopes: ${lacking.join(', ')}.`));
  return [...found, ...describeSignOut(metadata, definition)];
}

const describeSignOut = (
  { end_session_endpoint: endpoint }: oidc.ServerMetadata,
  { policy }: Provider['definition'],
): ProviderFinding[] =>
  policy.logout === 'everywhere' && endpoint === undefined
    ? [odd('It names no end_session_endpoint: a sign-out ends here, whatever policy.logout says.')]
    : [];

/** A code that nobody was given: whoever knows the client refuses the code, whoever does not refuses the client. */
async function tryClient(config: oidc.Configuration, redirectUri: string, code: string): Promise<ProviderFinding> {
  const url = new URL(redirectUri);
  url.searchParams.set('code', code);
  url.searchParams.set('iss', config.serverMetadata().issuer);
  try {
    await oidc.authorizationCodeGrant(config, url, { pkceCodeVerifier: code, expectedNonce: code });
    return fails('It took a code that nobody was given.');
  } catch (error) {
    return judge(refusalOf(error));
  }
}

/** Words by which token endpoints refuse a client: RFC 6749 §5.2, and GitHub's own. */
const clientRefusals = /^upstream_(invalid_client|unauthorized_client|incorrect_client_credentials)$|^http_401$/;
const codeRefusals = /^upstream_(invalid_grant|bad_verification_code|invalid_request)$/;

function judge({ problem, reason }: Refusal): ProviderFinding {
  if (clientRefusals.test(reason)) {
    return fails(
      `It does not know the client (${reason}): compare client_id and client_secret, and see whether the secret has expired.`,
    );
  }
  if (reason === 'upstream_redirect_uri_mismatch')
    return fails('Another redirect URI is registered there: `postern federation show` prints ours.');
  if (codeRefusals.test(reason)) return fine('the token endpoint knows the client');
  if (problem === 'unavailable') return fails(`The token endpoint did not answer as it should (${reason}).`);
  // Some say what is wrong with a code in words of their own, with status 200.
  return odd(
    `The token endpoint refused an invented code in its own words (${reason}); whether it knows the client cannot be told.`,
  );
}

const discoveryHints: Readonly<Record<string, string>> = {
  outbound_refused: 'Its address is private, and outbound.allow does not name it.',
  outbound_timeout: 'It did not answer in time.',
  outbound_failed: 'The connection failed: does the name resolve, is its certificate trusted (outbound.ca)?',
  http_404: 'There is no metadata below this issuer: is it the issuer, and not a page of the provider?',
  oauth_response_is_not_json:
    'There is a page where the metadata should be: is it the issuer, and not a page of the provider?',
  oauth_http_request_forbidden: 'It is http, which is for development on this machine only.',
};

function explainDiscovery(provider: Provider, { reason }: Refusal, error: unknown): string {
  const asked = `${issuerOf(provider)}/.well-known/openid-configuration`;
  const told = (error as { cause?: { body?: { issuer?: unknown } } }).cause?.body?.issuer;
  const hint =
    reason === 'oauth_json_attribute_comparison_failed' && typeof told === 'string'
      ? `Its metadata says that its issuer is ${told}. Write exactly that as issuer.`
      : (discoveryHints[reason] ?? 'Its metadata cannot be used.');
  return `${asked}: ${hint} (${reason})`;
}
