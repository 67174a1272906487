import { importSPKI, jwtVerify } from 'jose';
import { asked, known } from '../claims.ts';
import type { Call, Dialect } from '../dialect.ts';
import type { OAuthError, Provider } from '../provider.ts';

/** The longest a client secret may hold: "must not be greater than 15777000 (6 months in seconds)". */
const longest = 15_777_000;

/**
 * "Creating a client secret": a JWT signed by ES256 with the team's key, in the form
 * (https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret).
 * Its audience is Apple's issuer, for which this stand-in's own counts as well.
 */
async function provesClient(call: Call, { options, issuer }: Provider): Promise<boolean> {
  const { appleKey, clientId } = options;
  if (!appleKey) throw new Error('a stand-in for Apple needs `appleKey`');
  const key = await importSPKI(appleKey.publicPem, 'ES256');
  const secret = call.form.get('client_secret') ?? '';
  const expected = { issuer: appleKey.teamId, subject: clientId, audience: ['https://appleid.apple.com', issuer] };
  const checked = await jwtVerify(secret, key, {
    ...expected,
    algorithms: ['ES256'],
    requiredClaims: ['iat', 'exp'],
  }).catch(() => undefined);
  if (!checked || call.form.get('client_id') !== clientId) return false;
  const { payload, protectedHeader } = checked;
  return protectedHeader.kid === appleKey.keyId && (payload.exp ?? 0) - (payload.iat ?? 0) <= longest;
}

/** Sign in with Apple, by https://developer.apple.com/documentation/signinwithapplerestapi. */
export const apple: Dialect = {
  issuerPath: '',
  paths: {
    discovery: '/.well-known/openid-configuration',
    authorization: '/auth/authorize',
    token: '/auth/token',
    jwks: '/auth/keys',
    revocation: '/auth/revoke',
    // No UserInfo endpoint, no logout.
  },
  metadata: () => ({
    response_modes_supported: ['query', 'fragment', 'form_post'],
    scopes_supported: ['openid', 'email', 'name'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  }),
  // "response_mode … If you requested any scopes, the value must be form_post"
  // (https://developer.apple.com/documentation/signinwithapple/incorporating-sign-in-with-apple-into-other-platforms).
  refuses: (request) => {
    const wantsMore = /\b(?:name|email)\b/.test(request.get('scope') ?? '');
    return wantsMore && request.get('response_mode') !== 'form_post' ? 'invalid_request' : undefined;
  },
  provesClient,
  // https://developer.apple.com/documentation/signinwithapplerestapi/tokenresponse: one with the code, none with a refresh.
  grantsRefresh: () => true,
  rotatesRefresh: false,
  // "The user … parameter … Apple only returns it the first time the user authorizes the app", beside the code, not in a
  // token: nobody has signed it.
  redirectExtras: (grant): Record<string, string> => {
    const { person, isFirst } = grant;
    if (!isFirst || !asked(grant, 'name')) return {};
    const [firstName = '', ...rest] = person.name?.split(' ') ?? [];
    return { user: JSON.stringify({ name: { firstName, lastName: rest.join(' ') }, email: person.email }) };
  },
  // "email_verified: A string or Boolean value", "is_private_email" likewise
  // (https://developer.apple.com/documentation/signinwithapplerestapi/authenticating-users-with-sign-in-with-apple).
  // There is no name.
  idTokenClaims: (grant) => {
    const { person } = grant;
    const email = {
      email: person.email,
      email_verified: String(person.emailVerified ?? true),
      is_private_email: 'false',
    };
    return known({ nonce_supported: true, auth_time: grant.authTime, ...(asked(grant, 'email') ? email : {}) }, person);
  },
  // "ErrorResponse": the code alone, always with 400.
  tokenError: ({ code }: OAuthError) => ({ status: 400, body: { error: code } }),
};
