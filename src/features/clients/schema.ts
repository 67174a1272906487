import { z } from 'zod';
import { longestTokenLifetime } from '../settings/module.ts';
import { algorithmFields, answerEncryptions, encryptionProblems, signingAlg } from './algorithms.ts';
import { certificateFields, certificateProblems } from './certificates.ts';
import { cibaProblems } from './ciba.ts';
import { detailTypeSchema } from './detail-types.ts';
import { fapiProblems } from './fapi.ts';
import { allowedPeople, lifetimeFields, lifetimeProblems } from './limits.ts';
import { applicationTypeProblem, httpsUri, redirectUri, requestUri, webUri } from './redirect-uri.ts';
import { type ResponseType, responseModes, responseTypeProblems, responseTypes } from './response-types.ts';
import { sectorProblems } from './sector.ts';
import { isUpstreamScope } from './upstream-scopes.ts';

const text = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not contain control characters');

/** RFC 6749 appendix A.1, without spaces: ids are typed at the command line. */
const clientId = z.string().regex(/^[\x21-\x7e]{1,191}$/, 'must be 1 to 191 printable ASCII characters without spaces');

/** RFC 6749 appendix A.4. */
export const scopeName = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'is not a scope');

/** Scopes that mean the same to every OpenID Connect client; resources cannot have them. */
export const standardScopes = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'] as const;

const scopeList = z
  .string()
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/, 'must be scopes with a space between');

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** Whether a JWK has nothing that only its owner may know (RFC 7518 §6). */
export const isPublicKey = (key: object): boolean => privateMembers.every((member) => !(member in key));

/** A client's public keys by value. A private member here would be a secret told to everybody who reads the client. */
const jwks = z.strictObject({
  keys: z
    .array(z.looseObject({ kty: z.enum(['EC', 'RSA', 'OKP']) }).refine(isPublicKey, 'must be public keys'))
    .min(1)
    .max(10),
});

const authMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'none',
] as const;
/** What clients may be given. */
export const grantTypes = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:openid:params:grant-type:ciba',
  'implicit',
] as const;

/** RFC 7591 names that Postern serves, and ours. */
const fields = {
  client_id: clientId.optional(),
  client_name: text(200).optional(),
  client_uri: webUri.optional(),
  logo_uri: webUri.optional(),
  policy_uri: webUri.optional(),
  tos_uri: webUri.optional(),
  contacts: z
    .array(z.email({ pattern: z.regexes.html5Email }).max(320))
    .max(10)
    .optional(),
  application_type: z.enum(['web', 'native']).default('web'),
  redirect_uris: z.array(redirectUri).max(50).default([]),
  post_logout_redirect_uris: z.array(redirectUri).max(50).default([]),
  backchannel_logout_uri: webUri.optional(),
  backchannel_logout_session_required: z.boolean().optional(),
  backchannel_token_delivery_mode: z.enum(['poll', 'ping']).optional(),
  // OpenID Connect CIBA Core §4: the token of the client goes there.
  backchannel_client_notification_endpoint: webUri
    .refine((uri) => uri.startsWith('https:'), 'must use https')
    .optional(),
  initiate_login_uri: webUri.optional(),
  grant_types: z.array(z.enum(grantTypes)).min(1).default(['authorization_code']),
  response_types: z.array(z.enum(responseTypes)).min(1).optional(),
  response_modes: z.array(z.enum(responseModes)).min(1).optional(),
  token_endpoint_auth_method: z.enum(authMethods).default('client_secret_basic'),
  jwks: jwks.optional(),
  jwks_uri: webUri.optional(),
  require_signed_request_object: z.boolean().optional(),
  request_uris: z.array(requestUri).min(1).max(50).optional(),
  scope: scopeList.optional(),
  ...algorithmFields,
  subject_type: z.enum(['public', 'pairwise']).optional(),
  sector_identifier_uri: httpsUri.optional(),
  default_max_age: z.int().min(0).optional(),
  default_acr_values: z.array(text(200)).max(20).optional(),
  require_auth_time: z.boolean().optional(),
  require_pushed_authorization_requests: z.boolean().optional(),
  dpop_bound_access_tokens: z.boolean().optional(),
  ...certificateFields,
  profile: z.literal('fapi2').optional(),
  first_party: z.boolean().default(false),
  require_pkce: z.boolean().default(true),
  resources: z.array(z.string().max(512)).max(100).default([]),
  authorization_details_types: z.array(text(128)).max(50).optional(),
  identity_providers: z.array(z.string().max(32)).min(1).max(50).optional(),
  upstream_tokens: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'is not the name of a provider'))
    .min(1)
    .max(50)
    .optional(),
  refresh_grace_seconds: z.int().min(0).max(300).optional(),
  ...lifetimeFields,
  ...allowedPeople,
};

const metadataShape = z.strictObject(fields);
type Metadata = z.output<typeof metadataShape>;

/** A client's metadata as it is stored: RFC 7591 names and ours, without secrets, defaults filled in. */
export type ClientMetadata = Omit<Metadata, 'client_id' | 'response_types'> & {
  readonly client_id: string;
  /** Empty where the authorization endpoint may not be used. */
  readonly response_types: ResponseType[];
};

/** How long a secret that somebody else chose must be at least, in characters. */
const shortestSecret = 32;

/** A client as an operator asks for it (`clients:` of the seed file). */
export const newClientSchema = z
  .strictObject({
    ...fields,
    client_secret: z
      .string()
      .min(shortestSecret, `must have at least ${shortestSecret} characters`)
      .max(512)
      .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII (RFC 6749 appendix A.2)')
      .optional(),
  })
  .superRefine((client, context) => {
    for (const [field, message] of contradictions(client)) context.addIssue({ code: 'custom', path: [field], message });
  });

export type NewClient = z.input<typeof newClientSchema>;
export type ReadClient = z.output<typeof newClientSchema>;

/** Whether a client can keep a secret, and so authenticates. */
export const isConfidential = (client: Pick<Metadata, 'token_endpoint_auth_method'>): boolean =>
  client.token_endpoint_auth_method !== 'none';

/** Whether a client authenticates by a secret that we gave or were given. */
export const usesSecret = (client: Pick<Metadata, 'token_endpoint_auth_method'>): boolean =>
  client.token_endpoint_auth_method.startsWith('client_secret_');

/** What does not go together whatever else a client is. */
function ruleProblems(client: ReadClient): [keyof ReadClient, string][] {
  const has = (grant: (typeof grantTypes)[number]) => client.grant_types.includes(grant);
  const method = client.token_endpoint_auth_method;
  const rules: [boolean, keyof ReadClient, string][] = [
    [
      (has('authorization_code') || has('implicit')) && client.redirect_uris.length === 0,
      'redirect_uris',
      'needs at least one for authorization_code and implicit',
    ],
    [
      has('client_credentials') && !isConfidential(client),
      'grant_types',
      'client_credentials needs a client that authenticates',
    ],
    // RFC 6749 §6: a refresh token comes with another grant, never alone.
    [
      has('refresh_token') && client.grant_types.length === 1,
      'grant_types',
      'refresh_token needs another grant beside it',
    ],
    // RFC 8252 §8.5: what is in an app that anybody may install is no secret.
    [
      client.application_type === 'native' && usesSecret(client),
      'token_endpoint_auth_method',
      'a native app keeps no secret: none, or private_key_jwt for a key of each installation',
    ],
    [client.client_secret !== undefined && !usesSecret(client), 'client_secret', `is not used with ${method}`],
    // A public client's access token may be anybody's who looks into the app; what it opens elsewhere must not be.
    [
      client.upstream_tokens !== undefined && !isConfidential(client),
      'upstream_tokens',
      'needs a client that authenticates',
    ],
    // RFC 9700 §2.1.1: without PKCE a public client's stolen code is a stolen account.
    [
      !client.require_pkce && !isConfidential(client),
      'require_pkce',
      'may be false only for clients that authenticate',
    ],
  ];
  return rules.filter(([applies]) => applies).map(([, field, message]) => [field, message]);
}

/** What does not go together, field by field. */
function contradictions(client: ReadClient): [keyof ReadClient, string][] {
  const ofParts = [
    ...ruleProblems(client),
    ...keyProblems(client),
    ...encryptionProblems(client),
    ...certificateProblems(client),
    ...cibaProblems(client),
    ...lifetimeProblems(client),
    ...sectorProblems(client),
    ...responseTypeProblems(client),
    ...fapiProblems(client),
  ];
  const broken = ofParts.map(([field, message]): [keyof ReadClient, string] => [field as keyof ReadClient, message]);
  for (const field of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const uri of client[field]) {
      const problem = applicationTypeProblem(uri, client.application_type);
      if (problem !== undefined) broken.push([field, `${uri}: ${problem}`]);
    }
  }
  return broken;
}

/** OpenID Connect Registration §2: keys by value or by reference, never both. */
function keyProblems(client: ReadClient): [keyof ReadClient, string][] {
  const { jwks, jwks_uri } = client;
  if (jwks !== undefined && jwks_uri !== undefined) return [['jwks_uri', 'must not be used together with jwks']];
  const reason = jwks === undefined && jwks_uri === undefined ? whyKeys(client) : undefined;
  return reason === undefined ? [] : [['jwks', `or jwks_uri is needed for ${reason}`]];
}

/** What a client's own keys are needed for, if they are. */
function whyKeys(client: ReadClient): string | undefined {
  if (client.token_endpoint_auth_method === 'private_key_jwt') return 'private_key_jwt';
  const ofRequests = ['require_signed_request_object', 'request_object_signing_alg', 'request_uris'] as const;
  return [...ofRequests, ...answerEncryptions].find((field) => Boolean(client[field]));
}

/** An API as an operator asks for it (`resources:` of the seed file). */
export const newResourceSchema = z.strictObject({
  // RFC 8707 §2: an absolute URI without fragment.
  identifier: z
    .string()
    .max(512)
    .refine((uri) => URL.canParse(uri) && !/[\s#\p{Cc}]/u.test(uri), 'must be an absolute URI without fragment'),
  access_token_format: z.enum(['jwt', 'opaque']),
  access_token_ttl: z.int().min(1).max(longestTokenLifetime).optional(),
  signing_alg: signingAlg.optional(),
  scopes: z
    .array(
      z.strictObject({
        name: scopeName
          .refine((name) => !standardScopes.some((standard) => standard === name), 'is a standard scope')
          .refine((name) => !isUpstreamScope(name), 'is a scope for tokens of other providers'),
        description: text(500),
      }),
    )
    .max(200)
    .default([])
    .refine((scopes) => new Set(scopes.map(({ name }) => name)).size === scopes.length, 'must not name a scope twice'),
  introspection_clients: z.array(clientId).max(100).default([]),
  authorization_details: z
    .array(detailTypeSchema)
    .max(50)
    .default([])
    .refine((types) => new Set(types.map(({ type }) => type)).size === types.length, 'must not name a type twice'),
});

export type NewResource = z.input<typeof newResourceSchema>;
