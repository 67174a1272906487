import { asked, known } from '../claims.ts';
import type { Dialect } from '../dialect.ts';

/**
 * Google, by https://developers.google.com/identity/openid-connect/reference and
 * https://developers.google.com/identity/protocols/oauth2/web-server.
 */
export const google: Dialect = {
  issuerPath: '',
  paths: {
    discovery: '/.well-known/openid-configuration',
    authorization: '/o/oauth2/v2/auth',
    token: '/token',
    userinfo: '/v1/userinfo',
    jwks: '/oauth2/v3/certs',
    revocation: '/revoke',
    // No end_session_endpoint: signing out of Google is not an app's to ask for.
  },
  metadata: () => ({
    claims_supported: ['aud', 'email', 'email_verified', 'exp', 'iat', 'iss', 'name', 'picture', 'sub'],
  }),
  // "prompt": none, consent, select_account and nothing else; "scope": an unknown one, such as offline_access, is refused.
  refuses: (request) => {
    const known = ['none', 'consent', 'select_account'];
    const prompts = request.get('prompt')?.split(' ') ?? [];
    if (prompts.some((prompt) => !known.includes(prompt))) return 'invalid_request';
    return request.get('scope')?.split(' ').includes('offline_access') ? 'invalid_scope' : undefined;
  },
  // "access_type=offline" brings a refresh token, at the first consent only, unless "prompt=consent" asks again.
  grantsRefresh: ({ request, isFirst }) =>
    request.get('access_type') === 'offline' && (isFirst || request.get('prompt') === 'consent'),
  // "hd" is there for accounts of a Google Workspace or Cloud organisation only (in `more`); the request's own `hd`
  // is a wish ("don't rely on this UI optimization"), which is why this stand-in does not look at it either.
  // "auth_time" is for apps that are verified and have it switched on, when `claims` asks for it
  // (https://developers.google.com/identity/siwg/security-bundle). Without that there is none.
  idTokenClaims: (grant, { options }) => {
    const { person, request } = grant;
    const saysWhen = options.tellsWhen === true && request.get('claims')?.includes('"auth_time"') === true;
    return known(
      {
        azp: request.get('client_id'),
        auth_time: saysWhen ? grant.authTime : undefined,
        ...(asked(grant, 'email') ? { email: person.email, email_verified: person.emailVerified } : {}),
        ...(asked(grant, 'profile') ? { name: person.name, picture: person.picture } : {}),
      },
      person,
    );
  },
};
