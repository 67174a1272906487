import { createHash } from 'node:crypto';
import { asked, known } from '../claims.ts';
import type { Dialect, Person } from '../dialect.ts';
import type { Provider } from '../provider.ts';

/** Personal accounts live in a directory of their own: "tid" in https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference. */
export const personalTenant = '9188040d-6c67-4c5b-b112-36a304b66dad';

const tenantOf = ({ tenant }: Person): string => tenant ?? personalTenant;
const pairwise = ({ sub }: Person): string => createHash('sha256').update(`client of ${sub}`).digest('base64url');

/** `common` takes everybody, `organizations` no personal accounts, `consumers` only those, and a tenant its own people. */
function isWelcome(person: Person, { options: { tenant } }: Provider): boolean {
  const isPersonal = tenantOf(person) === personalTenant;
  if (tenant === 'common') return true;
  if (tenant === 'organizations') return !isPersonal;
  return tenant === 'consumers' ? isPersonal : tenantOf(person) === tenant;
}

/**
 * Microsoft Entra ID, by https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc (endpoints, discovery) and
 * https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference (claims).
 */
export const microsoft: Dialect = {
  issuerPath: '/:tenant/v2.0',
  paths: {
    discovery: '/:tenant/v2.0/.well-known/openid-configuration',
    authorization: '/:tenant/oauth2/v2.0/authorize',
    token: '/:tenant/oauth2/v2.0/token',
    jwks: '/:tenant/discovery/v2.0/keys',
    endSession: '/:tenant/oauth2/v2.0/logout',
    // https://learn.microsoft.com/entra/identity-platform/userinfo: on Microsoft Graph's host.
    userinfo: '/oidc/userinfo',
    // There is no revocation endpoint.
  },
  // "The issuer value … is templated": whoever signs in brings the tenant along, so the document of `common`,
  // `organizations` cannot name it (access-tokens#validate-the-issuer).
  metadata: ({ origin, options: { tenant }, issuer }) => ({
    issuer: ['common', 'organizations'].includes(tenant) ? `${origin}/{tenantid}/v2.0` : issuer,
    subject_types_supported: ['pairwise'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    http_logout_supported: true,
    frontchannel_logout_supported: true,
  }),
  // AADSTS50020, "User account from identity provider does not exist in tenant" (reference-error-codes).
  refuses: (_request, provider, person) => (person && !isWelcome(person, provider) ? 'invalid_request' : undefined),
  // "Only provided if offline_access scope was requested", and replaced "upon every use"
  // (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token).
  grantsRefresh: (grant) => asked(grant, 'offline_access'),
  rotatesRefresh: true,
  // "sub … is a pairwise identifier and is unique to an application ID"; "oid" is the person in their tenant.
  subject: pairwise,
  idTokenClaims: (grant, { origin }) => {
    const { person } = grant;
    const tid = tenantOf(person);
    return known(
      {
        // The tenant is the person's own, whichever the request was sent to.
        iss: `${origin}/${tid}/v2.0`,
        tid,
        oid: `00000000-0000-0000-0000-${createHash('sha256').update(person.sub).digest('hex').slice(0, 12)}`,
        ver: '2.0',
        // There is no email_verified at all. "email … isn't guaranteed to be correct"; only the optional claim `xms_edov`
        // says that the domain's owner is known (migrate-off-email-claim-authorization), and it comes as a number, too.
        ...(asked(grant, 'email') ? { email: person.email, xms_edov: person.emailVerified ? 1 : undefined } : {}),
        ...(asked(grant, 'profile') ? { name: person.name, preferred_username: person.username ?? person.email } : {}),
      },
      person,
    );
  },
  profile: ({ person }) => known({ sub: pairwise(person), name: person.name, email: person.email }, person),
  // https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#error-response-1
  tokenError: ({ code, message, status }) => ({
    status,
    body: {
      error: code,
      error_description: `AADSTS70000: ${message} Trace ID: 255d1aef-8c98-452f-ac51-23d051240864`,
      error_codes: [70_000],
      trace_id: '255d1aef-8c98-452f-ac51-23d051240864',
    },
  }),
};
