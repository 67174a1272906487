import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../foundation/clock.ts';
import type { CookieSigner } from '../../foundation/crypto/cookie-signer.ts';
import type { Clients } from '../clients/module.ts';
import type { Settings } from '../settings/module.ts';
import type { KeySet } from '../signing-keys/module.ts';
import type { Users } from '../users/module.ts';
import { enabledJWA, signedByDefault } from './algorithms.ts';
import { addAllowedPeople, isForAccount } from './allowed-people.ts';
import { type AssuranceRule, assertClaims, assurances } from './assurance.ts';
import { richAuthorizationRequests } from './authorization-details.ts';
import { type CibaParts, ciba } from './ciba.ts';
import { claimsByScope, findAccount, tokenClaims } from './claims.ts';
import type { RefreshClientKeys } from './client-keys.ts';
import { consentPolicy, existingGrant, type OwnMetadata } from './consent-policy.ts';
import { mayCallFrom } from './cors.ts';
import { allKeys } from './engine-keys.ts';
import { fapi, fapiFeature, refuseProofsAhead } from './fapi.ts';
import { lifetimes } from './lifetimes.ts';
import { certificateMethods, type MutualTlsParts, mutualTls } from './mutual-tls.ts';
import { pairwiseSubjects, type SubjectOf } from './pairwise.ts';
import type { RememberedConsents } from './remembered-consent.ts';
import { requestObjects } from './request-objects.ts';
import { resourceIndicators } from './resources.ts';
import { routes } from './routes.ts';
import type { GrantOfSession } from './session-grant.ts';
import { addSessionWatch } from './session-risk.ts';
import { addVouchedOnly } from './vouched-only.ts';
import type { WatchSession } from './watch-session.ts';

export interface EngineParts extends AssuranceRule, MutualTlsParts, CibaParts {
  readonly issuer: string;
  readonly clock: Clock;
  readonly clients: Clients;
  readonly users: Users;
  readonly consents: RememberedConsents;
  readonly grantOf: GrantOfSession;
  readonly watch: WatchSession;
  readonly settings: () => Settings;
  readonly keys: () => KeySet;
  /** Signs the library's cookies. */
  readonly cookieSigner: CookieSigner;
  /** Makes DPoP nonces (RFC 9449 §8), 32 bytes; the same on every node. */
  readonly nonceSecret: Buffer;
  /** The standard scopes and those of resources. */
  readonly scopes: ReadonlySet<string>;
  /** What the pages speak, published as `ui_locales_supported`. */
  readonly languages: readonly string[];
  readonly refreshKeys: RefreshClientKeys;
  readonly subjectOf: SubjectOf;
  readonly adapter: NonNullable<Configuration['adapter']>;
  /** Names a grant inside a JWT, and makes the request's unit fail unless that grant is alive. */
  readonly bindToGrant: (grantId: string) => string;
  readonly pages: {
    readonly error: NonNullable<Configuration['renderError']>;
    readonly logout: NonNullable<Configuration['features']>['rpInitiatedLogout'];
    readonly device: NonNullable<Configuration['features']>['deviceFlow'];
  };
}

/** The library's configuration: OAuth 2.1 and RFC 9700, nothing that is not built is switched on. */
export function engineOptions(parts: EngineParts): Configuration {
  const profile = fapi(parts.clock);
  return {
    adapter: parts.adapter,
    routes,
    discovery: { ui_locales_supported: [...parts.languages], ...authenticationElsewhere },
    jwks: { keys: allKeys(parts.keys()) } as never,
    cookies: cookies(parts),
    ttl: lifetimes(parts),
    scopes: [...parts.scopes],
    claims: claimsByScope,
    findAccount: findAccount(parts.users, parts),
    extraTokenClaims: tokenClaims,
    ...pairwiseSubjects(parts.subjectOf),
    acrValues: assurances(parts.mfaPolicies.strictest()),
    responseTypes: responseTypes(parts.clients) as NonNullable<Configuration['responseTypes']>,
    clientAuthMethods: [...clientAuthMethods],
    enabledJWA,
    clientDefaults: {
      ...signedByDefault,
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
    // Which other provider to go to at once: a name of ours, as many servers take it. Unknown ones change nothing.
    extraParams: { idp_hint: scopeNamed },
    extraClientMetadata: { properties: ['first_party', 'require_pkce', 'profile'] },
    // OAuth 2.1 §7.6: required of every client; an operator may exempt an old confidential one.
    pkce: { required: (_ctx, client) => (client as unknown as OwnMetadata).require_pkce !== false },
    interactions: { policy: interactionRules(parts), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: existingGrant(parts),
    ...profile,
    assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header, client) => {
      soleAudience(claims);
      await profile.assertJwtClientAuthClaimsAndHeader(ctx, claims, header, client);
    },
    // OpenID Connect Core §3.1.2.1 requires it, and an error is told nowhere that the request did not name.
    allowOmittingSingleRegisteredRedirectUri: false,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // Without `offline_access` tokens end with the sign-in they came from (OpenID Connect Core §11).
    expiresWithSession: async (_ctx, code) => !code.scopes.has('offline_access'),
    clientBasedCORS: mayCallFrom,
    renderError: parts.pages.error,
    features: features(parts),
    formats: {
      customizers: {
        jwt(_ctx, token, jwt) {
          const { grantId } = token as { grantId?: string };
          if (grantId !== undefined) Object.assign(jwt.payload, { gref: parts.bindToGrant(grantId) });
        },
      },
    },
  };
}

/**
 * RFC 6749 §3.3: a request without a scope is refused at once; there is no default. The library would have the person sign
 * in for nothing. This is where it lets requests be looked at, whatever parameter is asked about.
 */
function scopeNamed({ oidc: { params } }: KoaContextWithOIDC): void {
  const { scope, authorization_details: details } = params ?? {};
  if (scope === undefined && details === undefined) throw new errors.InvalidScope('name at least one scope', '');
}

/** OpenID Connect Core §9: an assertion that is good elsewhere as well may have come from there. */
function soleAudience({ aud }: Readonly<Record<string, unknown>>): void {
  if (Array.isArray(aud) && aud.length > 1) throw new errors.InvalidClientAuth('the assertion is for others as well');
}

function interactionRules(parts: EngineParts) {
  const policy = consentPolicy(parts);
  addSessionWatch(policy, parts.watch);
  addVouchedOnly(policy);
  addAllowedPeople(policy, parts);
  return policy;
}

function features(parts: EngineParts): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    // RFC 9449: bound to a key of the client's, a stolen token is of no use.
    mTLS: mutualTls(parts),
    dPoP: { enabled: true, nonceSecret: parts.nonceSecret, requireNonce: refuseProofsAhead(parts.clock) },
    fapi: fapiFeature,
    externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    clientCredentials: { enabled: true },
    claimsParameter: { enabled: true, assertClaimsParameter: assertClaims },
    userinfo: { enabled: true },
    jwtUserinfo: { enabled: true },
    encryption: { enabled: true },
    jwtResponseModes: { enabled: true },
    jwtIntrospection: { enabled: true },
    requestObjects: requestObjects(parts),
    pushedAuthorizationRequests: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: parts.pages.logout,
    deviceFlow: parts.pages.device,
    ciba: ciba(parts),
    richAuthorizationRequests: richAuthorizationRequests(parts.clients),
    resourceIndicators: resourceIndicators(parts.clients, parts.settings),
    revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
    introspection: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) => maySee(parts, client, token),
    },
  };
}

/**
 * A client sees its own tokens and those of a resource it guards; all others are `active: false` to it, and so is the
 * token of a person whom the app that holds it is for no more.
 */
export async function maySee(
  parts: Pick<EngineParts, 'clients' | 'users'>,
  { clientId }: Caller,
  token: { clientId?: string | undefined; accountId?: string | undefined; aud?: unknown },
): Promise<boolean> {
  if (token.clientId !== clientId && !guards(parts.clients, clientId, token.aud)) return false;
  return token.accountId === undefined || isForAccount(parts, token.clientId ?? '', token.accountId);
}

interface Caller {
  readonly clientId: string;
}

function guards(clients: Clients, clientId: string, audience: unknown): boolean {
  const resource = typeof audience === 'string' ? clients.findResource(audience) : undefined;
  return resource?.introspectionClients.includes(clientId) ?? false;
}

/** Response types are off until a client is given them: implicit and hybrid leak tokens into URLs (RFC 9700 §2.1.2). */
function responseTypes(clients: Clients): string[] {
  const given = clients.all().flatMap(({ metadata }) => metadata.response_types ?? []);
  return [...new Set(['code', 'none', ...given])];
}

/** On https the session is bound to this host; interaction cookies stay on their path, so that two tabs never meet. */
function cookies({ issuer, cookieSigner }: EngineParts): NonNullable<Configuration['cookies']> {
  const https = issuer.startsWith('https:');
  const common = { httpOnly: true, sameSite: 'lax', signed: true, ...(https ? { secure: true } : {}) } as const;
  return {
    keys: cookieSigner as never,
    names: {
      session: https ? '__Host-session' : 'session',
      interaction: https ? '__Secure-interaction' : 'interaction',
      resume: https ? '__Secure-resume' : 'resume',
    },
    long: { ...common, path: '/' },
    short: common,
  };
}

const clientAuthMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
  ...certificateMethods,
] as const;
/** As at the token endpoint: without these, `client_secret_basic` alone would be meant at the others (RFC 8414 §2). */
const authenticationElsewhere = Object.fromEntries(
  ['revocation', 'introspection'].flatMap((endpoint) => [
    [`${endpoint}_endpoint_auth_methods_supported`, [...clientAuthMethods]],
    [`${endpoint}_endpoint_auth_signing_alg_values_supported`, [...(enabledJWA.clientAuthSigningAlgValues ?? [])]],
  ]),
);
