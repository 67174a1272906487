/** A client that says it follows FAPI 2.0, as far as that is about what it is registered with. */
interface Asked {
  readonly profile?: 'fapi2' | undefined;
  readonly application_type: 'web' | 'native';
  readonly redirect_uris: readonly string[];
  readonly grant_types: readonly string[];
  readonly response_types?: readonly string[] | undefined;
  readonly token_endpoint_auth_method: string;
  readonly require_pkce: boolean;
  readonly require_pushed_authorization_requests?: boolean | undefined;
  readonly dpop_bound_access_tokens?: boolean | undefined;
  readonly refresh_grace_seconds?: number | undefined;
  readonly jwks_uri?: string | undefined;
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | undefined;
}

/** §5.4.1 no. 1: PS256, ES256, or EdDSA with Ed25519. */
export const fapiAlgorithms: readonly string[] = ['ES256', 'PS256', 'EdDSA', 'Ed25519'];
/** §5.3.2.1 no. 6. */
const authMethods = ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'];
/** Flows that the profile knows. A code that somebody types into a device can be somebody else's. */
const grants = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:openid:params:grant-type:ciba'];

const bindsToCertificate = (client: object): boolean =>
  (client as Readonly<Record<string, unknown>>)['tls_client_certificate_bound_access_tokens'] === true;

/** The client with what the profile requires filled in, so that one word switches it on. */
export function profiled<T extends Asked>(client: T): T {
  if (client.profile !== 'fapi2') return client;
  return {
    ...client,
    require_pushed_authorization_requests: true,
    ...(bindsToCertificate(client) ? {} : { dpop_bound_access_tokens: true }),
  };
}

type Problem = readonly [field: string, message: string];

/**
 * What the FAPI 2.0 Security Profile forbids of what a client asks for (clauses of the final specification); how it then
 * behaves is looked at in each request (protocol/fapi.ts).
 */
export function fapiProblems(client: Asked): Problem[] {
  if (client.profile !== 'fapi2') return [];
  const rules: [boolean, string, string][] = [
    [
      !authMethods.includes(client.token_endpoint_auth_method),
      'token_endpoint_auth_method',
      `must be one of ${authMethods.join(', ')}`,
    ],
    [!client.require_pkce, 'require_pkce', 'must not be false'],
    [
      client.require_pushed_authorization_requests === false,
      'require_pushed_authorization_requests',
      'must not be false',
    ],
    // §5.3.2.1 no. 4: a token that anybody can use is not issued.
    [
      client.dpop_bound_access_tokens === false && !bindsToCertificate(client),
      'dpop_bound_access_tokens',
      'must not be false unless tokens are bound to a certificate',
    ],
    [client.grant_types.some((grant) => !grants.includes(grant)), 'grant_types', `must be among ${grants.join(', ')}`],
    [(client.response_types ?? ['code']).some((type) => type !== 'code'), 'response_types', 'must be code'],
    // §5.3.2.1 no. 9: refresh tokens are not rotated, so there is nothing to be lenient with.
    [
      client.refresh_grace_seconds !== undefined,
      'refresh_grace_seconds',
      'has no meaning: refresh tokens stay the same',
    ],
    [!client.redirect_uris.every((uri) => isSafe(uri, client)), 'redirect_uris', 'must use https'],
    [client.jwks_uri?.startsWith('https:') === false, 'jwks_uri', 'must use https'],
    [client.jwks?.keys.some(isWeak) === true, 'jwks', 'must have RSA keys of at least 2048 bits'],
  ];
  const broken = rules.filter(([applies]) => applies).map(([, field, message]): Problem => [field, message]);
  return [...broken.map(inWords), ...algorithmProblems(client).map(inWords)];
}

const inWords = ([field, message]: Problem): Problem => [field, `${message} (profile fapi2)`];

/** §5.3.2.2 no. 8: no http, but on the loopback interface of the device that an app runs on. */
function isSafe(uri: string, { application_type: type }: Asked): boolean {
  if (uri.startsWith('https:')) return true;
  return type === 'native' && uri.startsWith('http:');
}

/** §5.4.1 no. 2. */
const isWeak = ({ kty, n }: Readonly<Record<string, unknown>>): boolean =>
  kty === 'RSA' && Buffer.from(String(n), 'base64url').length * 8 < 2048;

const algorithmProblems = (client: object): Problem[] =>
  Object.entries(client)
    .filter(([field, alg]) => field.endsWith('_alg') && field.includes('sign') && typeof alg === 'string')
    .filter(([, alg]) => !fapiAlgorithms.includes(alg as string))
    .map(([field]) => [field, `must be one of ${fapiAlgorithms.join(', ')}`]);
