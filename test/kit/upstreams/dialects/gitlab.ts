import { asked, known } from '../claims.ts';
import type { Dialect } from '../dialect.ts';

/** GitLab, on gitlab.com and self-managed, by https://docs.gitlab.com/integration/openid_connect_provider/. */
export const gitlab: Dialect = {
  issuerPath: '',
  paths: {
    discovery: '/.well-known/openid-configuration',
    authorization: '/oauth/authorize',
    token: '/oauth/token',
    userinfo: '/oauth/userinfo',
    jwks: '/oauth/discovery/keys',
    revocation: '/oauth/revoke',
  },
  metadata: () => ({ scopes_supported: ['api', 'read_user', 'openid', 'profile', 'email'] }),
  // https://docs.gitlab.com/api/oauth2/: an access token holds for two hours; a refresh "invalidates the existing" pair.
  grantsRefresh: () => true,
  rotatesRefresh: true,
  accessTokenLifetime: 7200,
  // doorkeeper-openid_connect's default: two minutes (https://gitlab.com/gitlab-org/gitlab/-/issues/377654).
  idTokenLifetime: 120,
  // The ID token has `groups_direct`; `groups` is at UserInfo only.
  idTokenClaims: (grant) => {
    const { person } = grant;
    return known(
      {
        auth_time: grant.authTime,
        ...(asked(grant, 'profile')
          ? {
              name: person.name,
              nickname: person.username,
              preferred_username: person.username,
              picture: person.picture,
            }
          : {}),
        ...(asked(grant, 'email') ? { email: person.email, email_verified: person.emailVerified } : {}),
        groups_direct: person.organisations?.map(({ login }) => login),
      },
      person,
    );
  },
  profile: (grant, provider) => ({
    sub: grant.person.sub,
    ...gitlab.idTokenClaims?.(grant, provider),
    groups: grant.person.organisations?.map(({ login }) => login) ?? [],
  }),
};
