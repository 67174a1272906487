import { asked, known } from '../claims.ts';
import type { Dialect } from '../dialect.ts';

/** A provider that keeps to OpenID Connect Core, Discovery, RP-Initiated and Back-Channel Logout, and has every part of them. */
export const genericOidc: Dialect = {
  issuerPath: '/realm',
  paths: {
    discovery: '/realm/.well-known/openid-configuration',
    authorization: '/realm/authorize',
    token: '/realm/token',
    userinfo: '/realm/userinfo',
    jwks: '/realm/jwks',
    endSession: '/realm/logout',
    revocation: '/realm/revoke',
  },
  metadata: () => ({
    scopes_supported: ['openid', 'email', 'profile', 'offline_access'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  }),
  grantsRefresh: (grant) => asked(grant, 'offline_access'),
  rotatesRefresh: true,
  idTokenClaims: (grant) => {
    const { person } = grant;
    return known(
      {
        auth_time: grant.authTime,
        sid: grant.sid,
        amr: person.amr,
        acr: person.acr,
        ...(asked(grant, 'profile')
          ? { name: person.name, preferred_username: person.username, picture: person.picture }
          : {}),
        ...(asked(grant, 'email') ? { email: person.email, email_verified: person.emailVerified } : {}),
      },
      person,
    );
  },
  profile: (grant, provider) => ({
    sub: grant.person.sub,
    ...genericOidc.idTokenClaims?.(grant, provider),
    sid: undefined,
  }),
};

/** A provider of plain OAuth 2.0 whose profile lies deep and has names of its own, as many in-house ones do. */
export const genericOauth2: Dialect = {
  paths: {
    authorization: '/oauth/authorize',
    token: '/oauth/token',
    userinfo: '/api/me',
    revocation: '/oauth/revoke',
  },
  grantsRefresh: () => true,
  rotatesRefresh: true,
  profile: ({ person }) => ({
    data: {
      account: { number: person.sub, ...person.more },
      contact: { mail: person.email, mail_confirmed: person.emailVerified ?? false },
      display: person.name,
    },
  }),
};
